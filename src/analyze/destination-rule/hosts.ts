// DestinationRules and the services that they are for.

import { LabelIndex } from "../../model/label-index.ts";
import type { Service } from "../../model/service.ts";
import { servicesUnder } from "../../model/services-under.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import type { Runnable } from "../runnable.ts";
import type { ViewOf } from "../view.ts";
import type { World } from "../world.ts";

export const hosts: MeshAnalyzer = {
  name: "destinationrule.HostAnalyzer",
  about: "the host is a service, and every subset has workloads and labels",
  codes: ["IST0173", "IST0174", "KIA0209"],
  scope: "mesh",
  analyze(world, report) {
    const workloads = new Map<Service, LabelIndex<Runnable>>();
    const gateways = gatewaysOf(world);
    for (const view of world.views(kinds.destinationRule)) {
      checkHost(view, world, report);
      checkSubsets(view, { workloads, gateways }, world, report);
    }
  },
};

type Rule = ViewOf<typeof kinds.destinationRule>;

function checkHost({ object, namespace, value }: Rule, world: World, report: Report): void {
  const host = world.host(value.spec.host, namespace);
  if (servicesUnder(world.mesh, host).length > 0) return;
  const unread = world.unreadHost(host);
  const near = unread ? undefined : world.nearestHost(host);
  report(
    object,
    "spec.host",
    finding(
      "IST0174",
      `The host ${value.spec.host} defined in the DestinationRule does not match any services in the mesh`,
      unread ?? (near ? `host: ${near}` : undefined),
    ),
  );
}

interface Known {
  /** Of services, of each of which thousands of rules may have subsets. */
  readonly workloads: Map<Service, LabelIndex<Runnable>>;
  readonly gateways: ReadonlySet<Runnable>;
}

function gatewaysOf(world: World): ReadonlySet<Runnable> {
  return new Set(world.views(kinds.gateway).flatMap(({ value }) => world.select(value.spec?.selector ?? {})));
}

function checkSubsets(
  { object, namespace, value }: Rule,
  { workloads, gateways }: Known,
  world: World,
  report: Report,
): void {
  if ((value.spec.subsets ?? []).length === 0) return;
  const host = world.host(value.spec.host, namespace);
  // Of one without a selector others say where its workloads are.
  const service = world.mesh.index.servicesByHost.get(host)?.find(({ selector }) => selector);
  const index = service && (workloads.get(service) ?? new LabelIndex(workloadsOf(service, world)));
  if (service && index) workloads.set(service, index);
  // A subset for each host that leaves through a gateway has a policy of its own, and all of the gateway's workloads.
  const isGateways = index !== undefined && index.things.length > 0 && index.things.every((one) => gateways.has(one));
  for (const [i, { name, labels = {} }] of (value.spec.subsets ?? []).entries()) {
    const path = `spec.subsets[${i}]`;
    if (Object.keys(labels).length === 0) {
      if (!isGateways)
        report(object, path, finding("KIA0209", `subset ${name} has no labels: it is the whole service`, "labels"));
      continue;
    }
    if (!index || index.first(labels)) continue;
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

function workloadsOf({ selector }: Service, world: World): readonly Runnable[] {
  return selector ? world.select(selector.labels, selector.namespace) : [];
}
