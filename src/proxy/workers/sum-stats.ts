// The statistics of several workers under Envoy's dotted names, from the sum of their expositions.

import { parseSeries, type Series } from "../../stats/parse.ts";
import type { ExpositionSum, SummedFamily } from "../../stats/sum.ts";
import { byName, envoyName, histogramStat, type Stat } from "../admin/stat.ts";

interface Buckets {
  readonly bounds: number[];
  /** Each with those below it. */
  readonly counts: number[];
  sum: number;
}

function plain(kind: "counter" | "gauge", { samples }: SummedFamily): readonly Stat[] {
  return [...samples].flatMap(([written, value]) => {
    const series = parseSeries(written);
    return series ? { kind, name: envoyName(series.name, series.labels), value } : [];
  });
}

/** Without `le`, which the buckets of one histogram differ in. */
function subjectOf(family: string, { labels }: Series): string {
  return envoyName(family, new Map([...labels].filter(([label]) => label !== "le")));
}

/** Buckets come in the order of their bounds. */
function histograms({ name: family, samples }: SummedFamily): readonly Stat[] {
  const found = new Map<string, Buckets>();
  for (const [written, value] of samples) {
    const series = written.startsWith(`${family}_`) ? parseSeries(written) : undefined;
    const bound = series?.labels.get("le");
    const isSum = series?.name === `${family}_sum`;
    if (!series || (bound === undefined && !isSum)) continue;
    const name = subjectOf(family, series);
    const buckets = found.get(name) ?? { bounds: [], counts: [], sum: 0 };
    found.set(name, buckets);
    if (bound === undefined) {
      buckets.sum = value;
      continue;
    }
    buckets.counts.push(value);
    if (bound !== "+Inf") buckets.bounds.push(Number(bound));
  }
  return [...found].map(([name, { bounds, counts, sum }]) => {
    const alone = counts.map((count, i) => count - (counts[i - 1] ?? 0));
    return histogramStat(name, bounds, alone, sum);
  });
}

/** By name. */
export function statsOfSum(sum: ExpositionSum): readonly Stat[] {
  const stats = [...sum.families()].flatMap((family) => {
    if (family.type === "histogram") return histograms(family);
    return plain(family.type === "gauge" ? "gauge" : "counter", family);
  });
  return byName(stats);
}
