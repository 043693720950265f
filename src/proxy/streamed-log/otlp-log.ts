// Records of OTLP's logs, and the calls that bring them (LogsService/Export).

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { OtlpField, OtlpNode, StreamedLog } from "../../table/streamed-log.ts";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { KeyValueSchema } from "../../xds/gen/opentelemetry/proto/common/v1/common_pb.ts";
import { ResourceSchema } from "../../xds/gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import type { AccessRecord } from "../access-record.ts";
import { CollectorReport, type ReportOutcome } from "../collector-report.ts";
import { formatText } from "../format-value.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { open, putText } from "./entry-fields.ts";
import type { LogChannel, LogQueue } from "./log-queue.ts";

export type OtlpLog = StreamedLog & { readonly kind: "otlp" };

const PATH = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/** Fields of ExportLogsServiceRequest, ResourceLogs and ScopeLogs. */
const RESOURCE_LOGS = 1;
const RESOURCE = 1;
const SCOPE_LOGS = 2;
const LOG_RECORDS = 2;
/** Of LogRecord, AnyValue, KeyValue, and of ArrayValue and KeyValueList alike. */
const LOG_RECORD = { time: 1, body: 5, attributes: 6 } as const;
const VALUE = { text: 1, list: 5, fields: 6 } as const;
const PAIR = { key: 1, value: 2 } as const;
const VALUES = 1;

// ── records ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const writer = new BinaryWriter();

function putValue(field: number, node: OtlpNode, record: AccessRecord): void {
  open(writer, field);
  switch (node.kind) {
    case "text":
      // One of several that a value may be: there when it is "", too.
      writer.tag(VALUE.text, WireType.LengthDelimited).string(formatText(node.format, record, "-"));
      break;
    case "list":
      open(writer, VALUE.list);
      for (const item of node.items) putValue(VALUES, item, record);
      writer.join();
      break;
    case "fields":
      open(writer, VALUE.fields);
      putPairs(VALUES, node.fields, record);
      writer.join();
  }
  writer.join();
}

function putPairs(field: number, fields: readonly OtlpField[], record: AccessRecord): void {
  for (const { key, node } of fields) {
    open(writer, field);
    putText(writer, PAIR.key, key);
    putValue(PAIR.value, node, record);
    writer.join();
  }
}

export function otlpRecord(
  { body, attributes }: Pick<OtlpLog, "body" | "attributes">,
  record: AccessRecord,
): Uint8Array {
  const us = Math.round((record.time("start") ?? 0) * 1_000);
  if (us !== 0) writer.tag(LOG_RECORD.time, WireType.Bit64).fixed64(BigInt(us) * 1_000n);
  if (body) putValue(LOG_RECORD.body, body, record);
  putPairs(LOG_RECORD.attributes, attributes, record);
  return writer.finish();
}

// ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function resourceOf({ saysWho, service, resource }: OtlpLog, node: Node): Uint8Array {
  const { id, cluster, locality } = node;
  const who = [
    "log_name",
    service.logName,
    "zone_name",
    locality?.zone ?? "",
    "cluster_name",
    cluster,
    "node_name",
    id,
  ];
  const pairs = [...(saysWho ? who : []), ...resource];
  const attributes: MessageInitShape<typeof KeyValueSchema>[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2)
    attributes.push({ key: pairs[i]!, value: { value: { case: "stringValue", value: pairs[i + 1]! } } });
  return toBinary(ResourceSchema, create(ResourceSchema, { attributes }));
}

/** Records and their resource are encoded already. */
export function encodeRecords(records: readonly Uint8Array[], resource: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(RESOURCE_LOGS, WireType.LengthDelimited).fork();
  writer.tag(RESOURCE, WireType.LengthDelimited).bytes(resource);
  writer.tag(SCOPE_LOGS, WireType.LengthDelimited).fork();
  for (const record of records) writer.tag(LOG_RECORDS, WireType.LengthDelimited).bytes(record);
  return writer.join().join().finish();
}

/** One call is under way at a time: what comes meanwhile goes with the next. */
export class OtlpExport implements LogChannel {
  readonly #log: OtlpLog;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #queue: LogQueue;
  readonly #resource: Uint8Array;
  #isTelling = false;

  constructor(log: OtlpLog, node: Node, clusters: ReadonlyMap<string, Cluster>, queue: LogQueue) {
    this.#log = log;
    this.#clusters = clusters;
    this.#queue = queue;
    this.#resource = resourceOf(log, node);
  }

  canTell(): boolean {
    return !this.#isTelling && this.#clusters.has(this.#log.service.cluster);
  }

  tell(records: readonly Uint8Array[]): void {
    const { service, timeoutMs } = this.#log;
    const cluster = this.#clusters.get(service.cluster);
    if (!cluster) return;
    this.#isTelling = true;
    const { authority, headers } = service;
    const body = encodeRecords(records, this.#resource);
    const content = { authority, path: PATH, type: undefined, headers, body, timeoutMs };
    new CollectorReport(cluster, content, (outcome) => this.#onTold(outcome, records.length)).send();
  }

  #onTold(outcome: ReportOutcome, count: number): void {
    this.#isTelling = false;
    if (outcome !== "taken") this.#queue.stats.dropped += count;
    this.#queue.onReady();
  }

  close(): void {}

  get isBusy(): boolean {
    return this.#isTelling;
  }
}
