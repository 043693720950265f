// Routes of a VirtualService for sidecars do not hold for requests that come through a gateway, which has routes of its own.

import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { nameOf } from "../view.ts";
import { destinationsOf } from "./routes.ts";

export const ingressSubsets: MeshAnalyzer = {
  name: "virtualservice.IngressSubsetAnalyzer",
  about: "a gateway's routes name the subsets that sidecars' routes of the host name",
  codes: ["IST0140"],
  scope: "mesh",
  analyze(world, report) {
    const views = world.views(kinds.virtualService);
    const splits = new Map<string, string>();
    for (const { object, namespace, value } of views) {
      if (!(value.spec.gateways ?? ["mesh"]).includes("mesh")) continue;
      const hosts = new Set((value.spec.hosts ?? []).map((host) => world.host(host, namespace)));
      for (const { destination } of destinationsOf(value.spec)) {
        const host = world.host(destination.host, namespace);
        if (destination.subset !== undefined && hosts.has(host)) splits.set(host, nameOf(object));
      }
    }
    if (splits.size === 0) return;
    for (const { object, namespace, value } of views) {
      const { gateways = ["mesh"] } = value.spec;
      if (gateways.includes("mesh") || gateways.length === 0) continue;
      for (const { destination, path } of destinationsOf(value.spec)) {
        const other = splits.get(world.host(destination.host, namespace));
        if (destination.subset !== undefined || other === undefined) continue;
        report(
          object,
          path,
          finding(
            "IST0140",
            `Subset in virtual service ${other.slice(other.indexOf(" ") + 1)} has no effect on ingress gateway ${gateways.join(", ")} requests`,
            "the subsets in this route, too, or gateways: [mesh, …] in the other",
          ),
        );
      }
    }
  },
};
