// VirtualServices for sidecars are not merged: of two for one host that the same clients see, one has no effect.

import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import type { View } from "../view.ts";
import type { World } from "../world.ts";

interface Claim {
  readonly view: View<VirtualServiceValue>;
  readonly path: string;
}

/** Longer lists of names are cut. */
const MAX_NAMES = 5;

export const conflictingHosts: MeshAnalyzer = {
  name: "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
  about: "one VirtualService for sidecars rules each host",
  codes: ["IST0109"],
  scope: "mesh",
  analyze(world, report) {
    const told = new Set<string>();
    for (const [scope, claims] of claimsOf(world)) {
      const host = scope.slice(0, scope.indexOf(" "));
      const rivals = claims.sort((a, b) => byAge(a.view.object, b.view.object));
      const names = namesOf(rivals);
      const places = rivals.map(({ view: { object }, path: at }) => ({ object, path: at }));
      for (const [i, { view, path }] of rivals.entries()) {
        const claim = `${view.namespace}/${view.name} ${path}`;
        if (rivals.length < 2 || told.has(claim)) continue;
        told.add(claim);
        const message = conflict(host, names, i === 0 ? undefined : rivals[0]!.view);
        report(view.object, path, withPlaces(message, view.object, places));
      }
    }
  },
};

function namesOf(rivals: readonly Claim[]): string {
  const names = rivals.slice(0, MAX_NAMES).map(({ view }) => `${view.namespace}/${view.name}`);
  return rivals.length > MAX_NAMES ? `${names.join(",")},… (${rivals.length})` : names.join(",");
}

/** `winner`: undefined for the winner itself. */
function conflict(host: string, names: string, winner: Claim["view"] | undefined) {
  return finding(
    "IST0109",
    `The VirtualServices ${names} associated with mesh gateway define the same host ${host} which can lead to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single resource`,
    winner
      ? `the routes added to ${winner.namespace}/${winner.name}, which counts`
      : "this one is the oldest and counts: add the others' routes to it",
  );
}

/**
 * By host and by who sees it, `host scope`: what is of a namespace alone beats what is exported to it, and that what is exported to all,
 * which is meant so (Istio: virtualServiceIndex).
 */
function claimsOf(world: World): ReadonlyMap<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  for (const view of world.views(kinds.virtualService)) {
    const { hosts = [], gateways = ["mesh"], exportTo = ["*"] } = view.value.spec;
    if (!gateways.includes("mesh")) continue;
    const scopes = scopesOf(exportTo, view.namespace);
    const seen = new Set<string>();
    for (const [i, written] of hosts.entries()) {
      const host = world.host(written, view.namespace);
      if (seen.has(host)) continue;
      seen.add(host);
      for (const scope of scopes) file(claims, `${host} ${scope}`, { view, path: `spec.hosts[${i}]` });
    }
  }
  return claims;
}

function scopesOf(exportTo: readonly string[], own: string): readonly string[] {
  if (exportTo.includes("*")) return ["*"];
  const namespaces = [...new Set(exportTo.filter((to) => to !== "~").map((to) => (to === "." ? own : to)))];
  return namespaces.length === 1 && namespaces[0] === own ? [`private/${own}`] : namespaces;
}
