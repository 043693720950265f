// What a patch is to find: whether its target can be found so (ValidateEnvoyFilter of pkg/config/validation/envoyfilter/envoyfilter.go, and the
// rule of EnvoyFilter's definition about waypoints).

import { namesSince } from "../../xds/former-filter-names.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./envoy-diagnostics.ts";
import type { PatchSpec } from "./envoy-filter-schema.ts";
import * as matches from "./envoy-match-diagnostics.ts";

export type MatchSpec = NonNullable<PatchSpec["match"]>;
export type MatchField = "listener" | "routeConfiguration" | "cluster";
type FilterSpec = NonNullable<NonNullable<NonNullable<MatchSpec["listener"]>["filterChain"]>["filter"]>;

const MANAGER = "envoy.filters.network.http_connection_manager";

/** `wanted`: what the target is found by; undefined: it is not. */
export function checkMatch(
  applyTo: PatchSpec["applyTo"],
  wanted: MatchField | undefined,
  match: MatchSpec,
  path: string,
  reporter: Reporter,
): void {
  const isOfWaypoints = match.context === "WAYPOINT";
  if (isOfWaypoints !== (match.waypoint !== undefined))
    reporter.report(joinPath(path, isOfWaypoints ? "context" : "waypoint"), matches.waypointMatch(isOfWaypoints));
  for (const field of ["listener", "routeConfiguration", "cluster"] as const) {
    if (match[field] === undefined || field === wanted) continue;
    reporter.report(`${path}.${field}`, diagnostics.matchOfAnother(applyTo, wanted ?? "its proxy", field));
  }
  const filter = match.listener?.filterChain?.filter;
  if (filter && wanted === "listener") checkFilter(applyTo, filter, `${path}.listener.filterChain.filter`, reporter);
}

function checkFilter(applyTo: PatchSpec["applyTo"], filter: FilterSpec, path: string, reporter: Reporter): void {
  const { name = "", subFilter } = filter;
  if (applyTo === "LISTENER" || applyTo === "FILTER_CHAIN") reporter.report(path, matches.filterOfListener(applyTo));
  if (name === "") {
    reporter.report(path, matches.filterUnnamed("filter", MANAGER));
    return;
  }
  checkName(name, path, reporter);
  if (!subFilter) return;
  const below = `${path}.subFilter`;
  if (applyTo !== "HTTP_FILTER") reporter.report(below, matches.subFilterOfAnother(applyTo));
  else if (name !== MANAGER && !namesSince(name).includes(MANAGER))
    reporter.report(`${path}.name`, matches.subFilterOfBytes(name, MANAGER));
  else if (!subFilter.name) reporter.report(below, matches.filterUnnamed("subFilter", "envoy.filters.http.router"));
  else checkName(subFilter.name, below, reporter);
}

function checkName(name: string, path: string, reporter: Reporter): void {
  const since = namesSince(name);
  if (since.length > 0) reporter.report(`${path}.name`, matches.formerName(name, since));
}
