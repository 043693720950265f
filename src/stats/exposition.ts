// Writes a registry in Prometheus' text format 0.0.4 or OpenMetrics 1.0, in pieces, so that a large scrape neither blocks the loop
// nor stands in memory whole.

import type { MetricDefinition } from "./definition.ts";
import { helpText } from "./label-text.ts";
import type { Metric, Registry } from "./registry.ts";

export type ExpositionFormat = "text" | "openmetrics";

export const CONTENT_TYPE: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const PIECE_LENGTH = 64 * 1024;

/** A sample's value, or an `le`: shortest decimal that reads back the same. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

/** `untyped` is what OpenMetrics calls `unknown`; Heddle's own metrics are of the first three. */
export type MetricType = MetricDefinition["kind"] | "summary" | "untyped";

/**
 * HELP and TYPE of a metric. OpenMetrics demands `_total` of a counter's samples and leaves it out of the family's name; a counter that
 * dashboards know without `_total` (`pilot_xds_pushes`) becomes `unknown` rather than renamed, as Prometheus' own libraries do.
 */
export function headerText(
  metric: { readonly name: string; readonly help: string; readonly kind: MetricType },
  format: ExpositionFormat,
): string {
  const { name, help, kind } = metric;
  if (format === "text") return `# HELP ${name} ${helpText(help, false)}\n# TYPE ${name} ${kind}\n`;
  const total = kind === "counter" && name.endsWith("_total");
  const family = total ? name.slice(0, -"_total".length) : name;
  const type = kind === "untyped" || (kind === "counter" && !total) ? "unknown" : kind;
  return `# HELP ${family} ${helpText(help, true)}\n# TYPE ${family} ${type}\n`;
}

/**
 * The lines of one histogram series. `le="250"` in both formats: OpenMetrics recommends `250.0`, but alerts match the label
 * as a string, and Envoy writes `250`.
 */
function histogramText(
  name: string,
  leTexts: readonly string[],
  text: string,
  cells: Float64Array,
  offset: number,
): string {
  const prefix = text === "" ? "" : `${text},`;
  let lines = "";
  let count = 0;
  for (let bucket = 0; bucket < leTexts.length; bucket++) {
    count += cells[offset + bucket]!;
    lines += `${name}_bucket{${prefix}le="${leTexts[bucket]}"} ${count}\n`;
  }
  const braces = text === "" ? "" : `{${text}}`;
  return `${lines}${name}_sum${braces} ${numberText(cells[offset + leTexts.length]!)}\n${name}_count${braces} ${count}\n`;
}

function* metricPieces(registry: Registry, metric: Metric, format: ExpositionFormat): Generator<string> {
  const { definition, table } = metric;
  let header = headerText(definition, format);
  let piece = "";
  const leTexts = definition.kind === "histogram" ? [...definition.bounds.map(numberText), "+Inf"] : [];
  for (const { text, offset } of registry.seriesOf(metric)) {
    piece += header;
    header = "";
    if (definition.kind === "histogram") piece += histogramText(definition.name, leTexts, text, table.cells, offset);
    else piece += `${definition.name}${text === "" ? "" : `{${text}}`} ${numberText(table.cells[offset]!)}\n`;
    if (piece.length >= PIECE_LENGTH) {
      yield piece;
      piece = "";
    }
  }
  if (piece !== "") yield piece;
}

/** The exposition in pieces of about 64 KiB. */
export function* expositionPieces(registry: Registry, format: ExpositionFormat): Generator<string> {
  for (const metric of registry.collect()) yield* metricPieces(registry, metric, format);
  if (format === "openmetrics") yield "# EOF\n";
}

/** The exposition as one string. */
export function expositionText(registry: Registry, format: ExpositionFormat): string {
  return [...expositionPieces(registry, format)].join("");
}
