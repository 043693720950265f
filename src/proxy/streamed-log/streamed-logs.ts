// The proxy's logs that go to services: listeners that tell the same service the same way share one queue.

import { create } from "@bufbuild/protobuf";
import type { StreamedLog } from "../../table/streamed-log.ts";
import { type Node, NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { LogSink } from "../access-log.ts";
import type { AccessRecord } from "../access-record.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { httpEntry, tcpEntry } from "./entry.ts";
import { EntryStream } from "./entry-stream.ts";
import { LogQueue, type LogStats } from "./log-queue.ts";
import { OtlpExport, otlpRecord } from "./otlp-log.ts";

class StreamSink implements LogSink {
  readonly tellsCertificates: boolean;
  readonly #queue: LogQueue;
  readonly #encode: (record: AccessRecord) => Uint8Array;

  constructor(queue: LogQueue, encode: (record: AccessRecord) => Uint8Array, tellsCertificates: boolean) {
    this.tellsCertificates = tellsCertificates;
    this.#queue = queue;
    this.#encode = encode;
  }

  write(record: AccessRecord): void {
    this.#queue.add(this.#encode(record));
  }
}

function encoderOf(log: StreamedLog): (record: AccessRecord) => Uint8Array {
  switch (log.kind) {
    case "http":
      return (record) => httpEntry(record, log.parts);
    case "tcp":
      return (record) => tcpEntry(record, log.parts);
    case "otlp":
      return (record) => otlpRecord(log, record);
  }
}

/** Logs that differ in what they say alone go together. */
function queueKey(log: StreamedLog): string {
  const { kind, service } = log;
  if (log.kind !== "otlp") return JSON.stringify({ kind, service });
  const { timeoutMs, resource, saysWho, statPrefix } = log;
  return JSON.stringify({ kind, service, timeoutMs, resource, saysWho, statPrefix });
}

/** As Envoy's counters are called, below `access_logs.`. */
function statsName(log: StreamedLog): string {
  if (log.kind !== "otlp") return "grpc_access_log";
  return log.statPrefix === "" ? "open_telemetry_access_log" : `open_telemetry_access_log.${log.statPrefix}`;
}

/** A stream of a log that is no more ends by it; another begins with the next entry, should there be one. */
const IDLE_MS = 300_000;
/** At the proxy's end: for the services to say that they heard the last entries. */
const CLOSE_MS = 1_000;
const CLOSE_POLL_MS = 5;

export class StreamedLogs {
  idleMs = IDLE_MS;
  node: Node = create(NodeSchema);
  readonly stats = new Map<string, LogStats>();
  readonly #clusters: ReadonlyMap<string, Cluster>;
  /** Held by the listeners that use them, and by their own timer or stream while there is something to tell. */
  readonly #queues = new Map<string, WeakRef<LogQueue>>();

  constructor(clusters: ReadonlyMap<string, Cluster>) {
    this.#clusters = clusters;
  }

  open(log: StreamedLog): LogSink {
    for (const [key, held] of this.#queues) if (!held.deref()) this.#queues.delete(key);
    const key = queueKey(log);
    const queue = this.#queues.get(key)?.deref() ?? this.#queueOf(log);
    this.#queues.set(key, new WeakRef(queue));
    return new StreamSink(queue, encoderOf(log), log.kind !== "otlp");
  }

  #queueOf(log: StreamedLog): LogQueue {
    const name = statsName(log);
    const stats = this.stats.get(name) ?? { written: 0, dropped: 0 };
    this.stats.set(name, stats);
    return new LogQueue(log.service, stats, (queue) =>
      log.kind === "otlp"
        ? new OtlpExport(log, this.node, this.#clusters, queue)
        : new EntryStream(log.kind, log.service, this.node, this.#clusters, queue, this.idleMs),
    );
  }

  /** What waits is told before the clusters go, where a service takes it. */
  async close(): Promise<void> {
    const queues = [...this.#queues.values()].flatMap((held) => held.deref() ?? []);
    for (const queue of queues) queue.close();
    const deadline = performance.now() + CLOSE_MS;
    while (queues.some(({ isBusy }) => isBusy) && performance.now() < deadline) await Bun.sleep(CLOSE_POLL_MS);
  }
}
