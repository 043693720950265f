// `/stats`: what is counted, under Envoy's dotted names, as text or JSON.

import { RE2JS } from "re2js";
import { numberText } from "../../stats/exposition.ts";
import { json, text } from "./answer.ts";
import { prometheus } from "./prometheus.ts";
import { QUANTILES, type Stat, statsOf } from "./stat.ts";
import type { AdminState } from "./state.ts";

const TYPES: Readonly<Record<string, readonly Stat["kind"][]>> = {
  All: ["counter", "gauge", "histogram"],
  Counters: ["counter"],
  Gauges: ["gauge"],
  Histograms: ["histogram"],
  TextReadouts: [], // Heddle's proxy has none
};

function quantileText(value: number | undefined): string {
  return value === undefined ? "nan" : numberText(Math.round(value * 1_000) / 1_000);
}

/** Envoy's pair is (since the last flush, since the start); Heddle has no flushes. */
function statText(stat: Stat): string {
  if (stat.kind !== "histogram") return `${stat.name}: ${numberText(stat.value)}\n`;
  if (stat.count === 0) return `${stat.name}: No recorded values\n`;
  const quantiles = QUANTILES.map((percent, i) => `P${percent}(nan,${quantileText(stat.quantiles[i])})`);
  return `${stat.name}: ${quantiles.join(" ")}\n`;
}

function histogramsJson(stats: readonly Stat[]): object[] {
  const histograms = stats.flatMap((stat) => (stat.kind === "histogram" ? [stat] : []));
  if (histograms.length === 0) return [];
  const computed_quantiles = histograms.map(({ name, quantiles }) => ({
    name,
    values: quantiles.map((value) => ({ interval: null, cumulative: value ?? null })),
  }));
  return [{ histograms: { supported_quantiles: QUANTILES, computed_quantiles } }];
}

function statsJson(stats: readonly Stat[]): Response {
  const plain = stats.flatMap((stat) => (stat.kind === "histogram" ? [] : [{ name: stat.name, value: stat.value }]));
  return json({ stats: [...plain, ...histogramsJson(stats)] });
}

function isUsed(stat: Stat): boolean {
  return stat.kind === "histogram" ? stat.count > 0 : stat.value !== 0;
}

export function stats(state: AdminState, query: URLSearchParams, request: Request): Response {
  if (query.get("format") === "prometheus") return prometheus(state, query, request);
  return statsPage(query, () => statsOf(state.registry));
}

/** As the query asks for them, text or JSON. `all`: by name. */
export function statsPage(query: URLSearchParams, all: () => readonly Stat[]): Response {
  const format = query.get("format") ?? "text";
  if (format !== "text" && format !== "json") return text("usage: /stats?format=text|json|prometheus\n", 400);
  const kinds = TYPES[query.get("type") ?? "All"];
  if (!kinds) return text(`usage: /stats?type=${Object.keys(TYPES).join("|")}\n`, 400);
  let filter: RE2JS | undefined;
  try {
    filter = query.get("filter") ? RE2JS.compile(query.get("filter")!) : undefined;
  } catch (thrown) {
    return text(`Invalid re2 regex: ${(thrown as Error).message}\n`, 400);
  }
  const used = query.has("usedonly");
  const chosen = all().filter(
    (stat) =>
      kinds.includes(stat.kind) &&
      (!used || isUsed(stat)) &&
      (filter === undefined || filter.matcher(stat.name).find()),
  );
  return format === "json" ? statsJson(chosen) : text(chosen.map(statText).join(""));
}
