// LocalityLoadBalancerSetting → which endpoints are preferred.

import {
  type FailoverLabel,
  type LocalityPattern,
  type LocalityPreference,
  type LocalityShares,
  matchesLocality,
} from "../../model/locality-preference.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { LocalityLbSpec, ZoneAwareLbSpec } from "./locality-schema.ts";
import * as diagnostics from "./traffic-diagnostics.ts";
import { noPlace } from "./validation-diagnostics.ts";

type Distribution = NonNullable<LocalityLbSpec["distribute"]>[number];
type Failover = NonNullable<LocalityLbSpec["failover"]>[number];

const PLACES = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/** `enabled: false` turns off what the mesh says, too. */
export function readLocality(spec: LocalityLbSpec, path: string, reporter: Reporter): LocalityPreference {
  const { enabled = true, distribute = [], failover = [], failoverPriority = [] } = spec;
  if (distribute.length > 0 && failover.length + failoverPriority.length > 0)
    reporter.report(path, diagnostics.sharesAndFailover());
  const rules = distribute.map((each, i) => readShares(each, joinPath(joinPath(path, "distribute"), i), reporter));
  distribute.forEach(({ from, to }, i) => {
    const at = joinPath(joinPath(path, "distribute"), i);
    if (!isPlace(from)) reporter.report(joinPath(at, "from"), noPlace(from));
    for (const place of Object.keys(to))
      if (!isPlace(place)) reporter.report(joinPath(joinPath(at, "to"), place), noPlace(place));
  });
  checkSources(rules, joinPath(path, "distribute"), reporter);
  failover.forEach((each, i) => {
    checkFailover(each, joinPath(joinPath(path, "failover"), i), reporter);
  });
  const labels = failoverPriority.map(labelOf);
  labels.forEach(({ name }, i) => {
    if (failover.length > 0 && PLACES.includes(name))
      reporter.report(joinPath(joinPath(path, "failoverPriority"), i), diagnostics.failoverTwice(name));
  });
  if (!enabled) return { kind: "none" };
  return rules.length > 0 ? { kind: "shares", rules } : { kind: "failover", labels, regions: failover };
}

/** Envoy's. */
export const MIN_CLUSTER_SIZE = 6;

/** Undefined: what else is said of localities holds. */
export function readZones(spec: ZoneAwareLbSpec, path: string, reporter: Reporter): LocalityPreference | undefined {
  const { enabled = true, failover = [], failoverPriority = [], minClusterSize = MIN_CLUSTER_SIZE } = spec;
  failover.forEach((each, i) => {
    checkFailover(each, joinPath(joinPath(path, "failover"), i), reporter);
  });
  const labels = failoverPriority.map(labelOf);
  labels.forEach(({ name }, i) => {
    if (PLACES.includes(name))
      reporter.report(joinPath(joinPath(path, "failoverPriority"), i), diagnostics.placeBesideZones(name));
  });
  return enabled ? { kind: "zones", labels, regions: failover, minClusterSize } : undefined;
}

/** A wildcard is the last of what is said, and nothing is left out before it. */
function isPlace(text: string): boolean {
  return /^(?:[^/*]+\/){0,2}(?:[^/*]+\*?|\*)$/.test(text);
}

/** Places that are left out are anything; a `*` ends what is said. */
function patternOf(text: string): LocalityPattern {
  const [region = "*", zone = "", subzone = ""] = text.split("/");
  return { region, zone: zone || "*", subzone: subzone || "*" };
}

function textOf({ region, zone, subzone }: LocalityPattern): string {
  return [region, zone, subzone].join("/").replace(/(\/\*)+$/, "");
}

function readShares({ from, to }: Distribution, path: string, reporter: Reporter): LocalityShares {
  const shares = Object.entries(to).map(([text, weight]) => ({ locality: patternOf(text), weight }));
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  if (total !== 100 || shares.some(({ weight }) => weight === 0))
    reporter.report(joinPath(path, "to"), diagnostics.localityWeights(Object.values(to)));
  // More than a hundred shares of a percent are wrong already.
  const checked = shares.slice(0, 101);
  checked.forEach(({ locality }, i) => {
    const wider = checked.find((other, j) => j !== i && matchesLocality(other.locality, locality));
    if (wider)
      reporter.report(joinPath(path, "to"), diagnostics.localitiesOverlap(textOf(wider.locality), textOf(locality)));
  });
  return { from: patternOf(from), to: shares };
}

/** Each is held against those before it: no cloud has more places. */
const MAX_SOURCES = 1_000;

function checkSources(rules: readonly LocalityShares[], path: string, reporter: Reporter): void {
  const checked = rules.slice(0, MAX_SOURCES);
  checked.forEach(({ from }, i) => {
    const before = checked.find((other, j) => j < i && matchesLocality(other.from, from));
    if (before)
      reporter.report(
        joinPath(joinPath(path, i), "from"),
        diagnostics.localitiesOverlap(textOf(before.from), textOf(from)),
      );
  });
}

function checkFailover({ from, to }: Failover, path: string, reporter: Reporter): void {
  if (from === to) reporter.report(path, diagnostics.failoverToItself(from));
  for (const [field, region] of Object.entries({ from, to }))
    if (/[*/]/.test(region)) reporter.report(joinPath(path, field), diagnostics.noRegion(region));
}

function labelOf(text: string): FailoverLabel {
  const at = text.indexOf("=");
  return at < 0 ? { name: text } : { name: text.slice(0, at), value: text.slice(at + 1) };
}
