// The control plane of one proxy: gives it a snapshot, and tells how long the proxy took to have it in force.

import { fromBinary } from "@bufbuild/protobuf";
import { Failure } from "../src/base/failure.ts";
import { type GrpcListener, listenGrpc } from "../src/grpc/listen.ts";
import { GrpcService, type ServerCall } from "../src/grpc/server.ts";
import { deltaResponseParts, sentByName } from "../src/xds/delta-response.ts";
import { DeltaServer } from "../src/xds/delta-server.ts";
import { DeltaDiscoveryRequestSchema } from "../src/xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Resource } from "../src/xds/resource.ts";
import type { Snapshot } from "../src/xds/snapshot.ts";
import type { ResourceKind } from "../src/xds/type-urls.ts";

export const ADS_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** Longer than any proxy took for what is published here. */
const TIMEOUT_MS = 60_000;
const POLL_MS = 1;

/** Encoded as responses have them: to copy 36 MB into one would take the core of the application for a tenth of a second of the update. */
export function snapshotOf(resources: readonly Resource[], version: string): Snapshot {
  const byKind: Partial<Record<ResourceKind, Map<string, Resource>>> = {};
  for (const resource of resources) {
    byKind[resource.kind] ??= new Map();
    byKind[resource.kind]!.set(resource.name, resource);
    sentByName(resource);
  }
  return { version, resources: byKind };
}

export class Discovery {
  readonly #listener: GrpcListener;
  #snapshot: Snapshot;
  #server: DeltaServer | undefined;
  #call: ServerCall | undefined;
  /** performance.now() of the last request. */
  #heardAt = 0;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    const service = new GrpcService({ [ADS_PATH]: (call) => this.#open(call) });
    const binding = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
    this.#listener = listenGrpc(binding, undefined, service, () => ({ principal: "", address: "" }));
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop();
  }

  #open(call: ServerCall): ReturnType<ConstructorParameters<typeof GrpcService>[0][string]> {
    const server = new DeltaServer(this.#snapshot);
    this.#server = server;
    this.#call = call;
    return {
      onMessage: (message) => {
        this.#heardAt = performance.now();
        if (this.#server !== server) return;
        server.receive(fromBinary(DeltaDiscoveryRequestSchema, message));
        this.#send();
      },
      onEnd: () => call.end(),
      onCancel: () => {
        if (this.#server === server) this.#server = undefined;
      },
    };
  }

  #send(): void {
    for (let response = this.#server?.next(); response; response = this.#server?.next())
      this.#call?.sendParts(deltaResponseParts(response));
  }

  /** Everything that the proxy asked for was sent, and it answered. @throws Failure when it refused something. */
  #isSynced(): boolean {
    const status = this.#server?.status() ?? [];
    const refusal = status.flatMap(({ refusals }) => refusals)[0];
    if (refusal) throw new Failure(`the proxy refused ${JSON.stringify(refusal)}`);
    return status.some(({ kind }) => kind === "rds") && status.every(({ synced }) => synced);
  }

  /** Until the proxy has acknowledged what is published. */
  async synced(): Promise<void> {
    const startedAt = performance.now();
    while (!this.#isSynced()) {
      if (performance.now() - startedAt > TIMEOUT_MS)
        throw new Failure("the proxy did not acknowledge its configuration");
      await Bun.sleep(POLL_MS);
    }
  }

  /** Milliseconds from the first byte of it until the proxy's acknowledgement of the last. Resources are encoded before. */
  async publish(snapshot: Snapshot): Promise<number> {
    const startedAt = performance.now();
    this.#snapshot = snapshot;
    this.#server?.update(snapshot);
    this.#send();
    await this.synced();
    return this.#heardAt - startedAt;
  }
}
