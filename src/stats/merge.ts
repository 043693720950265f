// Joins the expositions of an agent, its proxy and its application into the one that is served on 15020. Istio appends the texts; here
// families of one name are brought together and repeated series dropped, because a scraper refuses an exposition that repeats itself.

import { type ExpositionFormat, headerText, type MetricType, numberText } from "./exposition.ts";
import { DEFAULT_LIMITS, type ExpositionLimits, parseSeries, readExposition } from "./parse.ts";

export interface ExpositionPart {
  /** Who said it, for the problems: `agent`, `proxy`, `application`. */
  readonly source: string;
  readonly text: string;
  readonly format: ExpositionFormat;
  /** Written by Heddle or Envoy, so that its labels need no check: at 25 labels a series the check is most of the work. */
  readonly trusted?: boolean;
}

export interface MergeProblem {
  readonly source: string;
  readonly line: number;
  readonly message: string;
}

export interface Merged {
  readonly text: string;
  readonly problems: readonly MergeProblem[];
}

interface Sample {
  readonly series: string;
  readonly valueText: string;
  /** Seconds since the epoch. */
  readonly timestamp: number | undefined;
  readonly exemplar: string;
}

/** A metric with the name and type that the older text format gives it. */
interface MetricFamily {
  readonly name: string;
  type: MetricType;
  help: string;
  readonly samples: Sample[];
}

const TYPES: Readonly<Record<string, MetricType>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
  // OpenMetrics' own types: an info is a gauge that is always 1, a stateset one gauge a state.
  info: "gauge",
  stateset: "gauge",
};

const SAMPLE_SUFFIX = /_(?:total|bucket|sum|count|created|info)$/;

function readTail(tail: string, format: ExpositionFormat): Pick<Sample, "timestamp" | "exemplar"> {
  const hash = tail.indexOf("#");
  const stamp = Number.parseFloat(hash === -1 ? tail : tail.slice(0, hash));
  const timestamp = Number.isFinite(stamp) ? (format === "text" ? stamp / 1_000 : stamp) : undefined;
  return { timestamp, exemplar: hash === -1 ? "" : tail.slice(hash) };
}

function nameOf(series: string): string {
  const open = series.indexOf("{");
  return open === -1 ? series : series.slice(0, open);
}

/** The families of one part, or the first thing wrong with it. Half a part would be a lie about the other half. */
function readPart(part: ExpositionPart, limits: ExpositionLimits): Map<string, MetricFamily> | MergeProblem {
  const families = new Map<string, MetricFamily>();
  let declared: { name: string; type: MetricType; help: string } | undefined;
  const declare = (name: string) => {
    if (declared?.name !== name) declared = { name, type: "untyped", help: "" };
    return declared;
  };
  for (const line of readExposition(part.text, limits)) {
    if (line.kind === "error") return { source: part.source, line: line.line, message: line.message };
    if (line.kind === "help") declare(line.family).help = line.text;
    if (line.kind === "type") declare(line.family).type = TYPES[line.text] ?? "untyped";
    if (line.kind !== "sample") continue;
    const seriesName = part.trusted ? nameOf(line.series) : parseSeries(line.series)?.name;
    if (seriesName === undefined)
      return { source: part.source, line: 0, message: `not a series: "${line.series.slice(0, 80)}"` };
    if (
      seriesName.endsWith("_created") &&
      part.format === "openmetrics" &&
      declared &&
      seriesName.startsWith(declared.name)
    )
      continue;
    const base = seriesName.replace(SAMPLE_SUFFIX, "");
    const belongs = declared !== undefined && (declared.name === seriesName || declared.name === base);
    const { type, help } = belongs && declared ? declared : { type: "untyped" as const, help: "" };
    const composite = type === "histogram" || type === "summary";
    const name = belongs && declared && composite ? declared.name : seriesName;
    let family = families.get(name);
    if (!family) {
      family = { name, type, help, samples: [] };
      families.set(name, family);
    }
    const valueText = numberText(line.value);
    family.samples.push({ series: line.series, valueText, ...readTail(line.tail, part.format) });
  }
  return families;
}

function sampleText(sample: Sample, format: ExpositionFormat): string {
  const { series, valueText, timestamp, exemplar } = sample;
  if (format === "text")
    return `${series} ${valueText}${timestamp === undefined ? "" : ` ${Math.round(timestamp * 1_000)}`}\n`;
  return `${series} ${valueText}${timestamp === undefined ? "" : ` ${timestamp}`}${exemplar === "" ? "" : ` ${exemplar}`}\n`;
}

/**
 * The parts as one exposition in `format`, in their order. A part that cannot be read is left out whole and reported: a broken
 * application must not take the mesh's metrics with it. Of two equal series the first stands; of two types of a family, too.
 */
export function mergeExpositions(
  parts: readonly ExpositionPart[],
  format: ExpositionFormat,
  limits: ExpositionLimits = DEFAULT_LIMITS,
): Merged {
  const merged = new Map<string, MetricFamily>();
  const seen = new Set<string>();
  const problems: MergeProblem[] = [];
  for (const part of parts) {
    const families = readPart(part, limits);
    if (!(families instanceof Map)) {
      problems.push(families);
      continue;
    }
    for (const family of families.values()) {
      const known = merged.get(family.name);
      if (known && known.type !== family.type) {
        problems.push({
          source: part.source,
          line: 0,
          message: `${family.name} is a ${family.type} here and a ${known.type} before`,
        });
        continue;
      }
      const target = known ?? { ...family, samples: [] };
      if (!known) merged.set(family.name, target);
      for (const sample of family.samples) {
        if (seen.has(sample.series)) continue;
        seen.add(sample.series);
        target.samples.push(sample);
      }
    }
  }
  return { text: write(merged, format), problems };
}

function write(families: ReadonlyMap<string, MetricFamily>, format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const family of families.values()) {
    if (family.samples.length === 0) continue;
    lines.push(headerText({ name: family.name, help: family.help, kind: family.type }, format));
    for (const sample of family.samples) lines.push(sampleText(sample, format));
  }
  if (format === "openmetrics") lines.push("# EOF\n");
  return lines.join("");
}
