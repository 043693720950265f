// Entries in a stream to Envoy's access log service (StreamAccessLogs): who speaks stands in its first message alone.

import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { timers } from "../../base/timer-wheel.ts";
import { frameMessage } from "../../grpc/message.ts";
import type { LogService } from "../../table/streamed-log.ts";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { StreamAccessLogsMessageSchema } from "../../xds/gen/envoy/service/accesslog/v3/als_pb.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { EntryCall } from "./entry-call.ts";
import type { LogChannel, LogQueue } from "./log-queue.ts";

/** Fields of StreamAccessLogsMessage, and of the lists in them (als.proto). */
const LOGS = { http: 2, tcp: 3 } as const;
const LOG_ENTRY = 1;

export type EntryKind = keyof typeof LOGS;

/** Entries are encoded already; `identifier`: a message of it alone, which what follows is merged with. */
export function encodeEntries(kind: EntryKind, entries: readonly Uint8Array[], identifier: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(identifier);
  writer.tag(LOGS[kind], WireType.LengthDelimited).fork();
  for (const entry of entries) writer.tag(LOG_ENTRY, WireType.LengthDelimited).bytes(entry);
  return writer.join().finish();
}

const NOBODY = new Uint8Array(0);

export class EntryStream implements LogChannel {
  readonly #kind: EntryKind;
  readonly #service: LogService;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #queue: LogQueue;
  readonly #identifier: Uint8Array;
  readonly #idleMs: number;
  #call: EntryCall | undefined = undefined;
  /** The last one: it is ended, and the service has not said that it heard. */
  #ending: EntryCall | undefined = undefined;
  /** A service that ends or refuses the stream is not asked again at once. */
  #openFrom = 0;

  constructor(
    kind: EntryKind,
    service: LogService,
    node: Node,
    clusters: ReadonlyMap<string, Cluster>,
    queue: LogQueue,
    idleMs: number,
  ) {
    this.#idleMs = idleMs;
    this.#kind = kind;
    this.#service = service;
    this.#clusters = clusters;
    this.#queue = queue;
    const message = create(StreamAccessLogsMessageSchema, { identifier: { node, logName: service.logName } });
    this.#identifier = toBinary(StreamAccessLogsMessageSchema, message);
  }

  canTell(): boolean {
    if (!this.#call && timers.now >= this.#openFrom) this.#open();
    return this.#call?.isWritable ?? false;
  }

  #open(): void {
    const cluster = this.#clusters.get(this.#service.cluster);
    this.#openFrom = timers.now + this.#service.flushMs;
    if (!cluster?.breakers.admitRequest()) return;
    const owner = { onWritable: () => this.#queue.flush(), onOver: () => this.#onOver(call) };
    const call = new EntryCall(cluster, this.#service, this.#idleMs, owner);
    this.#call = call;
    call.open();
  }

  #onOver(call: EntryCall): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    this.#openFrom = timers.now + this.#service.flushMs;
  }

  tell(entries: readonly Uint8Array[]): void {
    const call = this.#call;
    if (!call) return;
    const identifier = call.hasSpoken ? NOBODY : this.#identifier;
    call.write(frameMessage(encodeEntries(this.#kind, entries, identifier)));
  }

  close(): void {
    this.#ending = this.#call;
    this.#call?.end();
  }

  get isBusy(): boolean {
    return this.#call !== undefined || this.#ending?.isOver === false;
  }
}
