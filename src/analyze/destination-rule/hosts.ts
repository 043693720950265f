// DestinationRules and the services that they are for.

import { hostMatches } from "../../model/hosts.ts";
import { labelsMatch } from "../../model/workload.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";

export const hosts: MeshAnalyzer = {
  name: "destinationrule.HostAnalyzer",
  about: "the host is a service, and every subset has workloads and labels",
  codes: ["IST0173", "IST0174", "KIA0209"],
  scope: "mesh",
  analyze(world, report) {
    for (const view of world.views(kinds.destinationRule)) {
      checkHost(view, world, report);
      checkSubsets(view, world, report);
    }
  },
};

type Rule = ViewOf<typeof kinds.destinationRule>;

function checkHost({ object, namespace, value }: Rule, world: World, report: Report): void {
  const host = world.host(value.spec.host, namespace);
  const isKnown = host.startsWith("*")
    ? world.mesh.services.some((service) => hostMatches(host, service.host) || host === service.host)
    : world.mesh.index.servicesByHost.has(host);
  if (isKnown) return;
  const near = world.nearestHost(host);
  report(
    object,
    "spec.host",
    finding(
      "IST0174",
      `The host ${value.spec.host} defined in the DestinationRule does not match any services in the mesh`,
      near ? `host: ${near}` : undefined,
    ),
  );
}

function checkSubsets({ object, namespace, value }: Rule, world: World, report: Report): void {
  const host = world.host(value.spec.host, namespace);
  const service = world.mesh.index.servicesByHost.get(host)?.[0];
  const candidates = service?.selector ? world.select(service.selector.labels, service.selector.namespace) : [];
  for (const [i, { name, labels = {} }] of (value.spec.subsets ?? []).entries()) {
    const path = `spec.subsets[${i}]`;
    if (Object.keys(labels).length === 0)
      report(object, path, finding("KIA0209", `subset ${name} has no labels: it is the whole service`, "labels"));
    // Without a workload nothing is known: the service may be about to start.
    if (candidates.length === 0 || candidates.some((runnable) => labelsMatch(labels, runnable.labels))) continue;
    const text = Object.entries(labels).map(([key, label]) => `${key}=${label}`);
    report(
      object,
      path,
      finding(
        "IST0173",
        `The Subset ${name} defined in the DestinationRule does not select any pods. Which may lead to 503 UH (NoHealthyUpstream)`,
        `workloads of ${host} with ${text.join(", ")}`,
      ),
    );
  }
}
