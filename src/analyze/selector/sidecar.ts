// Sidecars: what they let through, and for whom.

import { patternsFor } from "../../model/hosts.ts";
import type { Service } from "../../model/service.ts";
import { servicesUnder } from "../../model/services-under.ts";
import type { MeshAnalyzer, ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { viewAs } from "../view.ts";
import type { World } from "../world.ts";

export const sidecarAlone: ObjectAnalyzer = {
  name: "sidecar.GlobalAnalyzer",
  about: "a mesh-wide Sidecar selects nothing, and an outbound policy says which it is",
  codes: ["KIA1006", "KIA1007"],
  scope: "object",
  analyze(object, report, settings) {
    const view = viewAs(kinds.sidecar, object);
    const { workloadSelector, outboundTrafficPolicy } = view?.value.spec ?? {};
    const isRoot = settings.rootNamespaces.includes(object.origin.namespace);
    if (isRoot && Object.keys(workloadSelector?.labels ?? {}).length > 0)
      report(
        object,
        "spec.workloadSelector",
        finding(
          "KIA1006",
          "the Sidecar of the root namespace is for everybody: it should have no workloadSelector",
          "the namespace of the workloads",
        ),
      );
    if (outboundTrafficPolicy && outboundTrafficPolicy.mode === undefined)
      report(
        object,
        "spec.outboundTrafficPolicy",
        finding(
          "KIA1007",
          "outboundTrafficPolicy without a mode is REGISTRY_ONLY, which is easily read as the default",
          "mode: REGISTRY_ONLY",
        ),
      );
  },
};

export const sidecarEgress: MeshAnalyzer = {
  name: "sidecar.EgressHostAnalyzer",
  about: "the hosts of a Sidecar are services",
  codes: ["KIA1004"],
  scope: "mesh",
  analyze(world, report) {
    for (const { object, namespace, value } of world.views(kinds.sidecar)) {
      for (const [i, { hosts = [] }] of (value.spec?.egress ?? []).entries())
        for (const [j, written] of hosts.entries()) {
          const [owner, host] = written.split("/");
          if (owner === undefined || host === undefined || host === "*" || owner === "~") continue;
          const from = owner === "." ? namespace : owner;
          if (isServed(host, from, world)) continue;
          const unread = world.unreadHost(host);
          const near = unread ? undefined : world.nearestHost(host);
          report(
            object,
            `spec.egress[${i}].hosts[${j}]`,
            finding(
              "KIA1004",
              `no service has this host: ${JSON.stringify(written)}`,
              unread ?? (near ? `${owner}/${near}` : undefined),
            ),
          );
        }
    }
  },
};

function isServed(host: string, from: string, world: World): boolean {
  const isFrom = (service: Service): boolean => from === "*" || service.namespace === from;
  const { index } = world.mesh;
  if (host.startsWith("*")) return servicesUnder(world.mesh, host).some(isFrom);
  for (const pattern of patternsFor(host)) if (index.servicesByHost.get(pattern)?.some(isFrom)) return true;
  return from === "*" && world.knowsHost(host, "");
}
