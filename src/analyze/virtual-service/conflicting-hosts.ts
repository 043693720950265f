// VirtualServices for sidecars are not merged: of two for one host that the same clients see, one has no effect.

import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
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
    for (const { host, claims } of claimsOf(world)) {
      if (claims.length < 2) continue;
      const sorted = [...claims].sort((a, b) => byAge(a.view.object, b.view.object));
      const names = sorted.slice(0, MAX_NAMES).map(({ view }) => `${view.namespace}/${view.name}`);
      const list = sorted.length > MAX_NAMES ? `${names.join(",")},… (${sorted.length})` : names.join(",");
      const winner = names[0]!;
      for (const [i, { view, path }] of sorted.entries()) {
        report(
          view.object,
          path,
          finding(
            "IST0109",
            `The VirtualServices ${list} associated with mesh gateway define the same host ${host} which can lead to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single resource`,
            i === 0
              ? "this one is the oldest and counts: add the others' routes to it"
              : `the routes added to ${winner}, which counts`,
          ),
        );
      }
    }
  },
};

/** By host and by who sees it: a private route beats a public one on purpose. */
function claimsOf(world: World): readonly { readonly host: string; readonly claims: readonly Claim[] }[] {
  const claims = new Map<string, Claim[]>();
  for (const view of world.views(kinds.virtualService)) {
    const { hosts = [], gateways = ["mesh"], exportTo = ["*"] } = view.value.spec;
    if (!gateways.includes("mesh")) continue;
    const visible = exportTo.includes("*") ? "*" : exportTo.map((to) => (to === "." ? view.namespace : to)).sort();
    const seen = new Set<string>();
    for (const [i, written] of hosts.entries()) {
      const host = world.host(written, view.namespace);
      if (seen.has(host)) continue;
      seen.add(host);
      const key = `${host} ${String(visible)}`;
      file(claims, key, { view, path: `spec.hosts[${i}]` });
    }
  }
  return [...claims].map(([key, list]) => ({ host: key.split(" ")[0]!, claims: list }));
}
