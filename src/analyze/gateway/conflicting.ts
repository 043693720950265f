// Servers of two Gateways on one port and host of the same workloads: one of them is never asked.

import { file } from "../../model/label-index.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import type { ViewOf } from "../view.ts";

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
    for (const gateway of world.views(kinds.gateway)) {
      const { selector = {}, servers = [] } = gateway.value.spec ?? {};
      const who = Object.entries(selector)
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join("&");
      for (const [i, { port, hosts = [], bind = "" }] of servers.entries())
        for (const [j, host] of hosts.entries())
          if (port?.number !== undefined)
            file(claims, JSON.stringify([who, bind, port.number, host.toLowerCase()]), {
              gateway,
              path: `spec.servers[${i}].hosts[${j}]`,
            });
    }
    for (const [key, sharing] of claims) {
      const all = new Set(sharing.map(({ gateway }) => `${gateway.namespace}/${gateway.name}`));
      if (all.size < 2) continue;
      const names = [...all].slice(0, MAX_NAMES + 1);
      const places = sharing.map(({ gateway: { object }, path }) => ({ object, path }));
      const [who, , port, host] = JSON.parse(key) as [string, string, number, string];
      for (const { gateway, path } of sharing) {
        const others = names.filter((name) => name !== `${gateway.namespace}/${gateway.name}`).slice(0, MAX_NAMES);
        const message = finding(
          "IST0145",
          `Conflict with gateways ${others.join(",")} (workload selector ${who}, port ${port}, hosts ${host})`,
          "one Gateway for the port and host",
        );
        report(gateway.object, path, withPlaces(message, gateway.object, places));
      }
    }
  },
};
