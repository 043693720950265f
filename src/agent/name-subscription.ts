// The agent as a discovery client of its own, for the names that the workload may call: no proxy has a use for them.

import { create, fromBinary, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { logger } from "../base/log.ts";
import { LastingStream } from "../grpc/channel.ts";
import type { ClientCall } from "../grpc/client.ts";
import { DeltaClient } from "../xds/delta-client.ts";
import { NodeSchema } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { NameTable } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";
import { type Rejection, readResource } from "../xds/update.ts";
import { connectControlPlane } from "./control-plane.ts";
import type { HeldIdentity } from "./identity.ts";
import type { Sidecar } from "./sidecar.ts";

const log = logger("agent");

const ADS_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

export class NameSubscription {
  readonly #client: DeltaClient;
  readonly #stream: LastingStream;
  readonly #onNames: (names: NameTable) => void;
  #call: ClientCall | undefined;

  /** `onNames`: the whole table, each time that it changed. */
  constructor(sidecar: Sidecar, current: () => HeldIdentity | undefined, onNames: (names: NameTable) => void) {
    this.#onNames = onNames;
    this.#client = new DeltaClient(agentNode(sidecar));
    this.#client.wantAll("nds");
    this.#stream = new LastingStream(
      (onClosed) => connectControlPlane(sidecar.controlPlane, current(), onClosed),
      ADS_PATH,
      { authority: "heddle.heddle-system.svc" },
      {
        onOpen: (call) => {
          this.#call = call;
          this.#client.opened();
          this.#send();
        },
        onMessage: (message) => this.#receive(message),
        onWritable: () => this.#send(),
        onLost: ({ code, message }) => {
          if (this.#call) log.info("stream of names lost", { code, message });
          this.#call = undefined;
        },
      },
    );
    this.#stream.open();
  }

  #receive(message: Buffer): void {
    const update = this.#client.receive(fromBinary(DeltaDiscoveryResponseSchema, message));
    if (!update) return;
    const rejections: Rejection[] = [];
    for (const resource of update.resources) {
      const table = readResource("nds", resource);
      if (typeof table === "string") rejections.push({ name: resource.name, path: "", reason: table });
      else this.#onNames(table);
    }
    this.#client.answer(update, rejections);
    this.#send();
  }

  #send(): void {
    for (let request = this.#client.next(); request; request = this.#client.next())
      this.#call?.send(toBinary(DeltaDiscoveryRequestSchema, request));
  }

  close(): void {
    this.#stream.close();
  }
}

/** Not the proxy's: the control plane counts on what a `sidecar` acknowledges. */
function agentNode({ workload }: Sidecar) {
  const { name, namespace, address, clusterId } = workload;
  const metadata: JsonObject = { CLUSTER_ID: clusterId };
  return create(NodeSchema, {
    id: `agent~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    userAgentName: "heddle-agent",
    metadata,
  });
}
