// One host and subset twice in a route: its shares could be one.

import { resolveHost } from "../../dialect/istio/names.ts";
import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { viewAs } from "../view.ts";

export const repeatedDestinations: ObjectAnalyzer = {
  name: "virtualservice.RepeatedDestinationAnalyzer",
  about: "a route names each host and subset once, and no weight for the only one",
  codes: ["KIA1104", "KIA1105"],
  scope: "object",
  analyze(object, report, { clusterDomain }) {
    const spec = viewAs(kinds.virtualService, object)?.value.spec;
    if (!spec) return;
    const { namespace } = object.origin;
    for (const kind of ["http", "tls", "tcp"] as const) {
      for (const [i, { route = [] }] of (spec[kind] ?? []).entries()) {
        const path = `spec.${kind}[${i}].route`;
        const weight = route[0]?.weight;
        if (route.length === 1 && weight !== undefined && weight !== 0 && weight !== 100)
          report(
            object,
            `${path}[0].weight`,
            finding("KIA1104", `the weight is taken as 100, because there is one destination: ${weight}`, "no weight"),
          );
        const seen = new Set<string>();
        for (const [j, { destination }] of route.entries()) {
          const key = JSON.stringify([
            resolveHost(destination.host, namespace, clusterDomain),
            destination.subset,
            destination.port?.number,
          ]);
          if (seen.has(key))
            report(
              object,
              `${path}[${j}].destination`,
              finding(
                "KIA1105",
                `this host and subset are in the route already: ${[destination.host, destination.subset].filter(Boolean).join(", ")}`,
                "one destination with the weights of both",
              ),
            );
          seen.add(key);
        }
      }
    }
  },
};
