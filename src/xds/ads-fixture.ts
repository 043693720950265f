// Delta ADS over @grpc/grpc-js, for tests of the state machine against real clients.

import { fromBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { type DeltaResponse, encodeDeltaResponse } from "./delta-response.ts";
import { DeltaServer } from "./delta-server.ts";
import { AggregatedDiscoveryService } from "./gen/envoy/service/discovery/v3/ads_pb.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { Snapshot } from "./snapshot.ts";
import { kindOfTypeUrl } from "./type-urls.ts";

type Call = ServerDuplexStream<Buffer, Uint8Array>;

const asIs = (bytes: Buffer): Buffer => bytes;

const SERVICE = {
  delta: {
    path: `/${AggregatedDiscoveryService.typeName}/DeltaAggregatedResources`,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
} as const;

function requestLine(request: DeltaDiscoveryRequest): string {
  const answer = request.responseNonce === "" ? [] : [request.errorDetail ? "nack" : "ack"];
  const subscribed = request.resourceNamesSubscribe.map((name) => `+${name}`);
  const unsubscribed = request.resourceNamesUnsubscribe.map((name) => `-${name}`);
  const held = Object.keys(request.initialResourceVersions).map((name) => `=${name}`);
  return [`> ${kindOfTypeUrl(request.typeUrl)}`, ...answer, ...subscribed, ...unsubscribed, ...held.sort()].join(" ");
}

function responseLine({ kind, resources, removed }: DeltaResponse): string {
  const added = resources.map(({ name, resource }) => (resource ? `+${name}` : `+${name}?`));
  return [`< ${kind}`, ...added, ...removed.map((name) => `-${name}`)].join(" ");
}

interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

export class TestAds {
  /** What went over the stream since `clear()`: `> cds`, `< cds +a -b`, `> cds ack`, `> eds +a =b` (`=` for what is held already). */
  lines: string[] = [];
  stream: DeltaServer | undefined;
  readonly #grpc = new Server();
  #snapshot: Snapshot;
  #call: Call | undefined;
  #waiters: Waiter[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#grpc.addService(SERVICE as never, { delta: (call: Call) => this.#open(call) });
  }

  /** The port it listens on. */
  listen(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
    return promise;
  }

  close(): void {
    this.#grpc.forceShutdown();
  }

  /** Ends the stream; the client opens another. */
  disconnect(): void {
    this.stream = undefined;
    this.#call?.end();
  }

  update(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.stream?.update(snapshot);
    this.#send();
  }

  /** Sends what the state machine would not. */
  send(response: DeltaResponse): void {
    this.lines.push(responseLine(response));
    this.#call?.write(encodeDeltaResponse(response));
  }

  /** A message that need not be a response. */
  sendBytes(bytes: Uint8Array): void {
    this.#call?.write(bytes);
  }

  /** The lines until one of them is `line`. */
  async until(line: string): Promise<readonly string[]> {
    const condition = (): boolean => this.lines.includes(line);
    if (!condition()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push({ condition, resolve });
      await promise;
    }
    return this.lines.splice(0, this.lines.indexOf(line) + 1);
  }

  #open(call: Call): void {
    const stream = new DeltaServer(this.#snapshot);
    this.stream = stream;
    this.#call = call;
    call.on("error", () => {}); // the client went away
    call.on("end", () => call.end());
    call.on("data", (bytes: Buffer) => {
      const request = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      this.lines.push(requestLine(request));
      if (this.stream !== stream) return;
      stream.receive(request);
      this.#send();
    });
  }

  #send(): void {
    for (let response = this.stream?.next(); response; response = this.stream?.next()) this.send(response);
    const ready = this.#waiters.filter(({ condition }) => condition());
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }
}
