// WorkloadGroups: the service account that their workloads run as, and labels that no other group gives.

import { file } from "../../model/label-index.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { nameOf, type ViewOf } from "../view.ts";

type Group = ViewOf<typeof kinds.workloadGroup>;

export const workloadGroups: MeshAnalyzer = {
  name: "workloadgroup.Analyzer",
  about: "the service account of a WorkloadGroup exists, and its labels are its own",
  codes: ["KIA1701", "KIA1702"],
  scope: "mesh",
  analyze(world, report) {
    const accounts = new Set(world.views(kinds.serviceAccount).map(({ namespace, name }) => `${namespace}/${name}`));
    const byLabels = new Map<string, Group[]>();
    for (const group of world.views(kinds.workloadGroup)) {
      const { metadata, template } = group.value.spec ?? {};
      const account = template?.serviceAccount || "default";
      if (account !== "default" && !accounts.has(`${group.namespace}/${account}`))
        report(
          group.object,
          "spec.template.serviceAccount",
          finding(
            "KIA1701",
            `no service account has this name: ${JSON.stringify(account)}`,
            world.nearest(`${group.namespace}/${account}`, accounts)?.split("/")[1],
          ),
        );
      const labels = Object.entries({ ...metadata?.labels, ...template?.labels }).sort();
      if (labels.length > 0) file(byLabels, JSON.stringify([group.namespace, labels]), group);
    }
    for (const same of byLabels.values()) {
      if (same.length < 2) continue;
      for (const group of same) {
        const other = same.find((candidate) => candidate !== group)!;
        report(
          group.object,
          "spec.metadata.labels",
          finding("KIA1702", `${nameOf(other.object)} gives its workloads the same labels`, "labels that differ"),
        );
      }
    }
  },
};
