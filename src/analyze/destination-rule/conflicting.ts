// DestinationRules for one host: what they both say, one of them says in vain.

import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import type { MeshAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import { nameOf, type ViewOf } from "../view.ts";

type Rule = ViewOf<typeof kinds.destinationRule>;

export const conflictingRules: MeshAnalyzer = {
  name: "destinationrule.MultiMatchAnalyzer",
  about: "a host's policy and each of its subsets are defined once in a namespace",
  codes: ["KIA0201"],
  scope: "mesh",
  analyze(world, report) {
    const groups = new Map<string, Rule[]>();
    for (const view of world.views(kinds.destinationRule)) {
      if (view.value.spec.workloadSelector) continue;
      file(groups, `${view.namespace} ${world.host(view.value.spec.host, view.namespace)}`, view);
    }
    for (const [key, rules] of groups) {
      if (rules.length < 2) continue;
      const host = key.slice(key.indexOf(" ") + 1);
      const parts = new Map<string, { readonly rule: Rule; readonly path: string }[]>();
      for (const rule of [...rules].sort((a, b) => byAge(a.object, b.object)))
        for (const { part, path } of partsOf(rule)) file(parts, part, { rule, path });
      for (const [part, claims] of parts) {
        const others = claims.filter(({ rule }) => rule !== claims[0]!.rule);
        if (others.length === 0) continue;
        for (const claim of claims) {
          const other = claim.rule === claims[0]!.rule ? others[0]! : claims[0]!;
          const rival = other.rule.object;
          const verdict =
            claim.rule === claims[0]!.rule ? "this one is older and counts" : "that one is older and counts";
          const message = finding(
            "KIA0201",
            `${nameOf(rival)} has ${part} for ${host} as well: ${verdict}`,
            "one of the two",
          );
          const { object } = claim.rule;
          report(object, claim.path, withPlaces(message, object, [{ object: rival, path: other.path }]));
        }
      }
    }
  },
};

function partsOf({ value }: Rule): readonly { readonly part: string; readonly path: string }[] {
  const { trafficPolicy, subsets = [] } = value.spec;
  return [
    ...(trafficPolicy ? [{ part: "a trafficPolicy", path: "spec.trafficPolicy" }] : []),
    ...subsets.map(({ name }, i) => ({ part: `the subset ${name}`, path: `spec.subsets[${i}].name` })),
  ];
}
