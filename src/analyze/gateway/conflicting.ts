// Servers of two Gateways on one port and host of the same workloads: one of them is never asked.

import { file } from "../../model/label-index.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import type { ViewOf } from "../view.ts";
import { overlapping, selectorText } from "./selectors.ts";

type Gateway = ViewOf<typeof kinds.gateway>;

interface Claim {
  readonly gateway: Gateway;
  readonly path: string;
}

/** Longer lists of names are cut. */
const MAX_NAMES = 5;

export const conflictingGateways: MeshAnalyzer = {
  name: "gateway.ConflictingGatewayAnalyzer",
  about: "one Gateway listens for each port and host of its workloads",
  codes: ["IST0145"],
  scope: "mesh",
  analyze(world, report) {
    const claims = new Map<string, Claim[]>();
    for (const gateway of world.views(kinds.gateway))
      for (const [i, { port, hosts = [], bind = "" }] of (gateway.value.spec?.servers ?? []).entries())
        for (const [j, host] of hosts.entries())
          if (port?.number !== undefined)
            file(claims, JSON.stringify([bind, port.number, host.toLowerCase()]), {
              gateway,
              path: `spec.servers[${i}].hosts[${j}]`,
            });
    for (const [key, sharing] of claims) {
      if (new Set(sharing.map(({ gateway }) => gateway)).size < 2) continue;
      const [, port, host] = JSON.parse(key) as [string, number, string];
      tellConflicts(sharing, `port ${port}, hosts ${host}`, report);
    }
  },
};

function tellConflicts(sharing: readonly Claim[], place: string, report: Report): void {
  for (const { members, rivals } of overlapping(sharing, ({ gateway }) => gateway.value.spec?.selector ?? {})) {
    const names = [...new Set(rivals.map(({ gateway }) => `${gateway.namespace}/${gateway.name}`))];
    if (names.length < 2) continue;
    const places = rivals.map(({ gateway: { object }, path }) => ({ object, path }));
    const told = names.slice(0, MAX_NAMES + 1);
    for (const { gateway, path } of members) {
      const others = told.filter((name) => name !== `${gateway.namespace}/${gateway.name}`).slice(0, MAX_NAMES);
      const who = selectorText(gateway.value.spec?.selector ?? {});
      const message = finding(
        "IST0145",
        `Conflict with gateways ${others.join(",")} (workload selector ${who}, ${place})`,
        "one Gateway for the port and host",
      );
      report(gateway.object, path, withPlaces(message, gateway.object, places));
    }
  }
}
