// The control plane of one proxy process: delta ADS from this process, one snapshot after the other, and what the proxy said to each.

import { type DescMessage, fromBinary, fromJson } from "@bufbuild/protobuf";
import { type GrpcListener, listenGrpc } from "../../../src/grpc/listen.ts";
import { type CallHandler, GrpcService, type ServerCall } from "../../../src/grpc/server.ts";
import { jsonRegistry } from "../../../src/xds/any.ts";
import { encodeDeltaResponse } from "../../../src/xds/delta-response.ts";
import { DeltaServer } from "../../../src/xds/delta-server.ts";
import { DeltaDiscoveryRequestSchema } from "../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { encodeResource, type Resource } from "../../../src/xds/resource.ts";
import type { Snapshot } from "../../../src/xds/snapshot.ts";
import { RESOURCE_TYPES, type ResourceKind, type ResourceMessage, SEND_ORDER } from "../../../src/xds/type-urls.ts";
import type { Message } from "./message.ts";

/** Messages in JSON by the short name of their discovery service. */
export type Resources = Readonly<Partial<Record<ResourceKind, readonly Message[]>>>;

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const WITHIN_MS = 10_000;
const REGISTRY = jsonRegistry();

/** @throws Error naming the field that is none of the message's. */
function encode(kind: ResourceKind, message: Message): Resource {
  const schema: DescMessage = RESOURCE_TYPES[kind].schema;
  return encodeResource(kind, fromJson(schema, message, { registry: REGISTRY }) as ResourceMessage<typeof kind>);
}

function snapshotOf(resources: Resources, version: string): Snapshot {
  const byKind: Partial<Record<ResourceKind, Map<string, Resource>>> = {};
  for (const kind of SEND_ORDER) {
    const encoded = (resources[kind] ?? []).map((message) => encode(kind, message));
    byKind[kind] = new Map(encoded.map((resource) => [resource.name, resource]));
  }
  return { version, resources: byKind };
}

export class Discovery {
  readonly #listener: GrpcListener;
  #snapshot: Snapshot = snapshotOf({}, "0");
  #versions = 0;
  #server: DeltaServer | undefined;
  #call: ServerCall | undefined;
  #refusal: string | undefined;
  #onAnswer: (() => void) | undefined;

  constructor() {
    const service = new GrpcService({ [PATH]: (call) => this.#open(call) });
    const peer = { principal: "", address: "127.0.0.1" };
    this.#listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => peer);
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop();
  }

  /** Resolves when the proxy acknowledged all of it. @throws Error with the words in which it refused. */
  async apply(resources: Resources): Promise<void> {
    this.#snapshot = snapshotOf(resources, String(++this.#versions));
    this.#refusal = undefined;
    this.#server?.update(this.#snapshot);
    this.#push();
    await this.#answered();
    if (this.#refusal !== undefined) throw new Error(this.#refusal);
  }

  /** Rejects when nothing comes in time. */
  #answered(): Promise<void> {
    if (this.#refusal !== undefined || this.#isSettled) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(new Error(`no acknowledgement within ${WITHIN_MS} ms`));
    const timer = setTimeout(late, WITHIN_MS);
    this.#onAnswer = () => {
      if (this.#refusal === undefined && !this.#isSettled) return;
      clearTimeout(timer);
      this.#onAnswer = undefined;
      resolve();
    };
    return promise;
  }

  get #isSettled(): boolean {
    const status = this.#server?.status() ?? [];
    const asked = (kind: ResourceKind) => status.some((type) => type.kind === kind);
    return asked("cds") && asked("lds") && status.every(({ synced }) => synced);
  }

  #open(call: ServerCall): CallHandler {
    const server = new DeltaServer(this.#snapshot);
    this.#server = server;
    this.#call = call;
    return {
      onMessage: (message) => {
        if (this.#server !== server) return;
        const received = server.receive(fromBinary(DeltaDiscoveryRequestSchema, message));
        if (received.kind === "nack") this.#refusal ??= received.reason;
        this.#push();
        this.#onAnswer?.();
      },
      onEnd: () => call.end(),
      onCancel() {},
    };
  }

  #push(): void {
    for (let response = this.#server?.next(); response; response = this.#server?.next())
      this.#call?.send(encodeDeltaResponse(response));
  }
}
