// Workloads without an AuthorizationPolicy in a mesh that uses them: everybody may call these.

import { labelsMatch } from "../../model/workload.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";

export const coverage: MeshAnalyzer = {
  name: "workload.AuthorizationCoverageAnalyzer",
  about: "where AuthorizationPolicies are used, every workload has one",
  codes: ["KIA1301"],
  scope: "mesh",
  analyze(world, report) {
    const policies = world.views(kinds.authorizationPolicy);
    if (policies.length === 0) return;
    if (policies.some(({ value }) => (value.spec?.targetRefs ?? []).length > 0 || value.spec?.targetRef)) return;
    const byNamespace = Map.groupBy(policies, ({ namespace }) => namespace);
    const mesh = policies.filter(({ namespace }) => world.isRoot(namespace));
    for (const { object, labels, owned, kind, namespace } of world.runnables) {
      if (owned || kind === "entry") continue;
      const candidates = [...(byNamespace.get(namespace) ?? []), ...mesh];
      if (candidates.some(({ value }) => labelsMatch(value.spec?.selector?.matchLabels ?? {}, labels))) continue;
      report(
        object,
        "metadata.name",
        finding(
          "KIA1301",
          "this workload is not covered by any AuthorizationPolicy: everybody may call it",
          "a policy that selects it, or one without a selector that denies by default",
        ),
      );
    }
  },
};
