// Which of its statistics the proxy tells, as its bootstrap says.

import { parseSeries } from "../stats/parse.ts";
import type { Registry } from "../stats/registry.ts";
import { isTold, type StatsMatch } from "../table/stats-match.ts";
import { envoyName } from "./admin/stat.ts";

/** Others are the mesh's (istio_…) and the process's own: what Envoy would not have cannot be left out by Envoy's names. */
const ENVOYS = "envoy_";

/** Of a proxy with many clusters; beyond it names are matched again at each scrape. */
const MAX_REMEMBERED = 100_000;

export function tellStatistics(registry: Registry, match: StatsMatch | undefined): void {
  if (!match) return;
  const verdicts = new Map<string, boolean>();
  registry.tellOnly((metric, labels) => {
    if (!metric.startsWith(ENVOYS)) return true;
    const series = `${metric}{${labels}}`;
    const known = verdicts.get(series);
    if (known !== undefined) return known;
    const verdict = isTold(match, envoyName(metric, parseSeries(series)?.labels ?? new Map()));
    if (verdicts.size < MAX_REMEMBERED) verdicts.set(series, verdict);
    return verdict;
  });
}
