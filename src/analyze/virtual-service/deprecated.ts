// Fields of VirtualServices and DestinationRules that others have taken the place of.

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
          report(object, field, deprecated("minimumRingSize", "ringHash: {minimumRingSize: …}"));
        }
    }
  },
};

function checkVirtualService({ object, value }: View<VirtualServiceValue>, report: Report): void {
  for (const [i, { fault, mirrorPercent, corsPolicy }] of (value.spec.http ?? []).entries()) {
    const path = `spec.http[${i}]`;
    const percent = fault?.delay?.percent;
    if (percent !== undefined)
      report(object, `${path}.fault.delay.percent`, deprecated("percent", `percentage: {value: ${percent}}`));
    if (mirrorPercent !== undefined)
      report(
        object,
        `${path}.mirrorPercent`,
        deprecated("mirrorPercent", `mirrorPercentage: {value: ${mirrorPercent}}`),
      );
    const [origin] = corsPolicy?.allowOrigin ?? [];
    if (origin !== undefined)
      report(
        object,
        `${path}.corsPolicy.allowOrigin`,
        deprecated("allowOrigin", `allowOrigins: [{exact: ${JSON.stringify(origin)}}]`),
      );
  }
}

function deprecated(field: string, instead: string) {
  return finding("IST0002", `Deprecated: use of ${field}`, instead);
}
