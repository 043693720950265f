// Fields that others have taken the place of, and kinds that are gone.

import type { ObjectAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds, type VirtualServiceValue } from "../kinds.ts";
import { type View, viewAs } from "../view.ts";

export const deprecatedFields: ObjectAnalyzer = {
  name: "deprecation.DeprecationAnalyzer",
  about: "no field is used that another has taken the place of",
  codes: ["IST0002"],
  scope: "object",
  analyze(object, report) {
    const route = viewAs(kinds.virtualService, object);
    if (route) checkVirtualService(route, report);
    const rule = viewAs(kinds.destinationRule, object);
    if (isRemoved(object.origin.group)) report(object, "kind", removed(object.origin.group, object.origin.kind));
    const definition = viewAs(kinds.customResourceDefinition, object)?.value.spec;
    if (isRemoved(definition?.group)) report(object, "spec.names.kind", removed(RBAC, definition?.names?.kind ?? ""));
    if (rule) {
      const { trafficPolicy, subsets = [] } = rule.value.spec;
      const policies = [
        { policy: trafficPolicy, path: "spec.trafficPolicy" },
        ...subsets.map((subset, i) => ({
          policy: subset.trafficPolicy,
          path: `spec.subsets[${i}].trafficPolicy`,
        })),
      ];
      for (const { policy, path } of policies)
        if (policy?.loadBalancer?.consistentHash?.minimumRingSize !== undefined) {
          const field = `${path}.loadBalancer.consistentHash.minimumRingSize`;
          report(
            object,
            field,
            replaced(
              "consistentHash.minimumRingSize",
              "consistentHash.ringHash.minimumRingSize",
              "ringHash: {minimumRingSize: …}",
            ),
          );
        }
    }
  },
};

function checkVirtualService({ object, value }: View<VirtualServiceValue>, report: Report): void {
  for (const [i, { fault, mirrorPercent, corsPolicy }] of (value.spec.http ?? []).entries()) {
    const path = `spec.http[${i}]`;
    const percent = fault?.delay?.percent;
    if (percent !== undefined)
      report(object, `${path}.fault.delay.percent`, ofRoute("fault.delay.percent", percentage("percentage", percent)));
    if (mirrorPercent !== undefined)
      report(object, `${path}.mirrorPercent`, ofRoute("mirrorPercent", percentage("mirrorPercentage", mirrorPercent)));
    const [origin] = corsPolicy?.allowOrigin ?? [];
    if (origin !== undefined) {
      const instead = `allowOrigins: [{exact: ${JSON.stringify(origin)}}]`;
      report(object, `${path}.corsPolicy.allowOrigin`, ofRoute("corsPolicy.allowOrigin", instead));
    }
  }
}

function percentage(field: string, percent: number): string {
  return `${field}: {value: ${percent}}`;
}

/** `instead`: the field beside it, with its value. */
function ofRoute(field: string, instead: string) {
  const parent = field.slice(0, field.lastIndexOf(".") + 1);
  return replaced(`HTTPRoute.${field}`, `HTTPRoute.${parent}${instead.slice(0, instead.indexOf(":"))}`, instead);
}

function replaced(field: string, other: string, instead: string) {
  return finding("IST0002", `Deprecated: ${field} is deprecated; use ${other}`, instead);
}

/** All of whose kinds Istio took away (deprecatedCRDs). */
const RBAC = "rbac.istio.io";

function isRemoved(group: string | undefined): boolean {
  return group === RBAC;
}

function removed(group: string, kind: string) {
  const message = `Deprecated: Custom resource type ${group} ${kind} is removed`;
  return finding("IST0002", message, "an AuthorizationPolicy of security.istio.io");
}
