// What a metrics service is told, on the wire (Envoy: MetricsFlusher). Written field by field: made of messages, thousands of them would hold
// up requests for a tenth of a second.

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { QUANTILES, type Stat } from "../admin/stat.ts";

type Histogram = Stat & { readonly kind: "histogram" };

/** Of StreamMetricsMessage. */
const ENVOY_METRICS = 2;
/** Of MetricFamily. */
const NAME = 1;
const TYPE = 3;
const METRIC = 4;
/** Of MetricType. */
const COUNTER = 0;
const GAUGE = 1;
const SUMMARY = 2;
const HISTOGRAM = 4;
/** Of Metric. */
const TIMESTAMP_MS = 6;
const FIELDS = { [COUNTER]: 3, [GAUGE]: 2, [SUMMARY]: 4, [HISTOGRAM]: 7 } as const;
/** Of Counter and Gauge. */
const VALUE = 1;
/** Of Summary and Histogram. */
const SAMPLE_COUNT = 1;
const SAMPLE_SUM = 2;
const PARTS = 3;

export interface MetricForm {
  readonly emitsSummaries: boolean;
  readonly emitsHistograms: boolean;
  /** Undefined: counters as they are; else how they were when they were told last, by name. */
  readonly toldCounts: Map<string, number> | undefined;
}

/** `identifier`: a message of it alone, which what follows is merged with. */
export function encodeMetrics(
  stats: readonly Stat[],
  { emitsSummaries, emitsHistograms, toldCounts }: MetricForm,
  nowMs: number,
  identifier: Uint8Array,
): Uint8Array {
  const writer = new BinaryWriter();
  writer.raw(identifier);
  for (const stat of stats) {
    switch (stat.kind) {
      case "gauge":
        putFamily(writer, stat.name, GAUGE, nowMs, () => putDouble(writer, VALUE, stat.value));
        break;
      case "counter": {
        const value = stat.value - (toldCounts?.get(stat.name) ?? 0);
        toldCounts?.set(stat.name, stat.value);
        putFamily(writer, stat.name, COUNTER, nowMs, () => putDouble(writer, VALUE, value));
        break;
      }
      case "histogram":
        if (emitsSummaries) putFamily(writer, stat.name, SUMMARY, nowMs, () => putSummary(writer, stat));
        if (emitsHistograms) putFamily(writer, stat.name, HISTOGRAM, nowMs, () => putHistogram(writer, stat));
    }
  }
  return writer.finish();
}

function putFamily(
  writer: BinaryWriter,
  name: string,
  type: keyof typeof FIELDS,
  nowMs: number,
  putValue: () => void,
): void {
  writer.tag(ENVOY_METRICS, WireType.LengthDelimited).fork();
  writer.tag(NAME, WireType.LengthDelimited).string(name);
  writer.tag(TYPE, WireType.Varint).uint32(type);
  writer.tag(METRIC, WireType.LengthDelimited).fork();
  writer.tag(FIELDS[type], WireType.LengthDelimited).fork();
  putValue();
  writer.join();
  writer.tag(TIMESTAMP_MS, WireType.Varint).int64(nowMs);
  writer.join().join();
}

function putDouble(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Bit64).double(value);
}

function putSamples(writer: BinaryWriter, { count, sum }: Histogram): void {
  writer.tag(SAMPLE_COUNT, WireType.Varint).uint64(count);
  putDouble(writer, SAMPLE_SUM, sum);
}

/** Quantile and Bucket are alike but for the first field. */
function putSummary(writer: BinaryWriter, stat: Histogram): void {
  putSamples(writer, stat);
  for (const [i, percent] of QUANTILES.entries()) {
    const value = stat.quantiles[i];
    if (value === undefined) continue;
    writer.tag(PARTS, WireType.LengthDelimited).fork();
    putDouble(writer, 1, Math.round(percent * 10) / 1_000);
    putDouble(writer, 2, value);
    writer.join();
  }
}

function putHistogram(writer: BinaryWriter, stat: Histogram): void {
  putSamples(writer, stat);
  let below = 0;
  for (const [i, bound] of stat.bounds.entries()) {
    below += stat.counts[i] ?? 0;
    writer.tag(PARTS, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.Varint).uint64(below);
    putDouble(writer, 2, bound);
    writer.join();
  }
}
