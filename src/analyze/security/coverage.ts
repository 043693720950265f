// Workloads without an AuthorizationPolicy in a mesh that uses them: everybody may call these.

import { SelectorIndex } from "../../model/label-index.ts";
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
    const indexed = (members: typeof policies) =>
      new SelectorIndex(members, ({ value }) => value.spec?.selector?.matchLabels ?? {});
    const byNamespace = new Map(
      [...Map.groupBy(policies, ({ namespace }) => namespace)].map(([name, members]) => [name, indexed(members)]),
    );
    const mesh = indexed(policies.filter(({ namespace }) => world.isRoot(namespace)));
    for (const { object, labels, owned, kind, namespace } of world.runnables) {
      if (owned || kind === "entry") continue;
      if (byNamespace.get(namespace)?.first(labels) || mesh.first(labels)) continue;
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
