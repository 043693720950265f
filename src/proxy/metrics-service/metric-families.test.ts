import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { StreamMetricsMessageSchema } from "../../xds/gen/envoy/service/metrics/v3/metrics_service_pb.ts";
import { MetricType } from "../../xds/gen/io/prometheus/client/metrics_pb.ts";
import { histogramStat, type Stat } from "../admin/stat.ts";
import { encodeMetrics, type MetricForm } from "./metric-families.ts";

const NOBODY = new Uint8Array(0);
const NOW = 1_700_000_000_000;

function told(stats: readonly Stat[], form: Partial<MetricForm> = {}, identifier = NOBODY) {
  const whole = { emitsSummaries: true, emitsHistograms: true, toldCounts: undefined, ...form };
  return fromBinary(StreamMetricsMessageSchema, encodeMetrics(stats, whole, NOW, identifier));
}

test("counters and gauges, each a family with its time, behind who says it", () => {
  const identifier = toBinary(
    StreamMetricsMessageSchema,
    create(StreamMetricsMessageSchema, { identifier: { node: { id: "me" } } }),
  );
  const stats: readonly Stat[] = [
    { kind: "counter", name: "cluster.a.upstream_rq_total", value: 7 },
    { kind: "gauge", name: "server.live", value: 0.5 },
  ];
  const { identifier: who, envoyMetrics } = told(stats, {}, identifier);
  expect(who?.node?.id).toBe("me");
  expect(envoyMetrics.map(({ name, type }) => [name, type])).toEqual([
    ["cluster.a.upstream_rq_total", MetricType.COUNTER],
    ["server.live", MetricType.GAUGE],
  ]);
  expect(envoyMetrics[0]?.metric[0]).toMatchObject({ counter: { value: 7 }, timestampMs: BigInt(NOW) });
  expect(envoyMetrics[1]?.metric[0]?.gauge?.value).toBe(0.5);
  expect(told(stats).identifier).toBeUndefined();
});

test("a distribution is a summary and a histogram, or the one that is asked for", () => {
  const stats = [histogramStat("times", [10, 20], [1, 2, 1], 70)];
  const [summary, histogram] = told(stats).envoyMetrics;
  expect(summary?.metric[0]?.summary).toMatchObject({ sampleCount: 4n, sampleSum: 70 });
  expect(summary?.metric[0]?.summary?.quantile.map(({ quantile }) => quantile)).toEqual([
    0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1,
  ]);
  expect(histogram?.metric[0]?.histogram).toMatchObject({
    sampleCount: 4n,
    sampleSum: 70,
    bucket: [
      { cumulativeCount: 1n, upperBound: 10 },
      { cumulativeCount: 3n, upperBound: 20 },
    ],
  });
  const types = (form: Partial<MetricForm>) => told(stats, form).envoyMetrics.map(({ type }) => type);
  expect(types({ emitsSummaries: false })).toEqual([MetricType.HISTOGRAM]);
  expect(types({ emitsHistograms: false })).toEqual([MetricType.SUMMARY]);
});

test("counters are what came since the last time, where that is asked for", () => {
  const form = { toldCounts: new Map<string, number>() };
  const count = (value: number) =>
    told([{ kind: "counter", name: "a", value }], form).envoyMetrics[0]?.metric[0]?.counter?.value;
  expect([count(5), count(5), count(9)]).toEqual([5, 0, 4]);
});
