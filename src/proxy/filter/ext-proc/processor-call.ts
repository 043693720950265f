// The call of one request to the external server: a stream of messages each way, on a connection of the server's cluster.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { GRPC_STATUS } from "../../../base/grpc-code.ts";
import { type CallListener, ClientCall } from "../../../grpc/client.ts";
import type { GrpcStatus } from "../../../grpc/status.ts";
import type { ProcessorService } from "../../../table/filter/ext-proc.ts";
import {
  ProcessingRequestSchema,
  type ProcessingResponse,
  ProcessingResponseSchema,
} from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import type { Cluster } from "../../upstream/cluster.ts";
import type { Host } from "../../upstream/host.ts";
import type { HttpPool, PooledConnection, PoolWaiter } from "../../upstream/http-pool.ts";
import { NO_PREFERENCE } from "../../upstream/load-balancer-context.ts";

const PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process";
/** Bodies are sent in pieces no larger than what the proxy holds of one. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Of messages that wait for a connection. */
const WAITING_BYTES = 64 * 1024;

export type ProcessorMessage = MessageInitShape<typeof ProcessingRequestSchema>;

export interface ProcessorListener {
  onAnswer(answer: ProcessingResponse): void;
  /** Bytes that were sent are on their way. */
  onProcessorWritable(): void;
  /** Once, last, unless the call was closed; never from within a call of the owner. `code`: of gRPC, 0 when the server is done. */
  onProcessorClosed(code: number, message: string): void;
}

export class ProcessorCall implements PoolWaiter, CallListener {
  readonly #service: ProcessorService;
  readonly #listener: ProcessorListener;
  readonly #cluster: Cluster | undefined;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #host: Host | undefined;
  #pool: HttpPool | undefined;
  #call: ClientCall | undefined;
  #isOver = false;
  /** Counted by the cluster's circuit breakers. */
  #isAdmitted = false;

  constructor(clusters: ReadonlyMap<string, Cluster>, service: ProcessorService, listener: ProcessorListener) {
    this.#service = service;
    this.#listener = listener;
    this.#cluster = clusters.get(service.cluster);
    this.#open();
  }

  #open(): void {
    const cluster = this.#cluster;
    this.#isAdmitted = cluster?.breakers.admitRequest() ?? false;
    const host = this.#isAdmitted ? cluster?.choose(NO_PREFERENCE) : undefined;
    if (!cluster || !host) {
      this.#failSoon(cluster ? "no healthy upstream" : "no cluster");
      return;
    }
    cluster.stats.requests++;
    host.active++;
    this.#host = host;
    this.#pool = cluster.ownerOf(host).pool(host, "http2", "default");
    this.#pool.acquire(this);
  }

  /** The owner is in the middle of asking. */
  #failSoon(detail: string): void {
    queueMicrotask(() => this.#finish(GRPC_STATUS.UNAVAILABLE, detail));
  }

  onConnection(pooled: PooledConnection): void {
    const { authority, metadata, timeoutMs, cluster } = this.#service;
    const options = {
      authority: authority || cluster,
      metadata: [...metadata],
      timeoutMs,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    };
    this.#pool = undefined;
    this.#call = new ClientCall(pooled.connection, PATH, options, this);
    let writable = true;
    for (const message of this.#waiting.splice(0)) writable = this.#call.send(message);
    if (writable && this.#waitingBytes >= WAITING_BYTES) this.#listener.onProcessorWritable();
  }

  onPoolFailure(_failure: "connect-failure" | "overflow", detail: string): void {
    this.#pool = undefined;
    this.#failSoon(detail);
  }

  /** False: the server is slower than what it is sent; `onProcessorWritable` follows. */
  send(message: ProcessorMessage): boolean {
    if (this.#isOver) return true;
    const bytes = toBinary(ProcessingRequestSchema, create(ProcessingRequestSchema, message));
    if (this.#call) return this.#call.send(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    return this.#waitingBytes < WAITING_BYTES;
  }

  onMessage(message: Buffer): void {
    if (this.#isOver) return;
    let answer: ProcessingResponse;
    try {
      answer = fromBinary(ProcessingResponseSchema, message);
    } catch {
      this.#call?.cancel();
      this.#finish(GRPC_STATUS.INTERNAL, "not a ProcessingResponse");
      return;
    }
    this.#listener.onAnswer(answer);
  }

  onWritable(): void {
    if (!this.#isOver) this.#listener.onProcessorWritable();
  }

  onStatus({ code, message }: GrpcStatus): void {
    this.#finish(GRPC_STATUS[code], message);
  }

  #finish(code: number, message: string): void {
    if (this.#isOver) return;
    this.#release();
    this.#listener.onProcessorClosed(code, message);
  }

  #release(): void {
    this.#isOver = true;
    if (this.#isAdmitted) this.#cluster?.breakers.releaseRequest();
    if (this.#host) this.#host.active--;
    this.#pool?.cancel(this);
    this.#pool = undefined;
  }

  /** Nothing more is wanted of the server; nothing more is heard. */
  close(): void {
    if (this.#isOver) return;
    this.#release();
    this.#call?.end();
    this.#call?.cancel();
  }
}
