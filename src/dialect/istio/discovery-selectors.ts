// discoverySelectors of MeshConfig → which namespaces are read.

import type { LabelSelector, LabelTest } from "../../model/label-selector.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { valuesOfOperator } from "./mesh-diagnostics.ts";

type Selectors = NonNullable<MeshConfigSpec["discoverySelectors"]>;
type Expression = NonNullable<Selectors[number]["matchExpressions"]>[number];

export function readDiscovery(selectors: Selectors, path: string, reporter: Reporter): readonly LabelSelector[] {
  return selectors.map(({ matchLabels = {}, matchExpressions = [] }, i) => [
    ...Object.entries(matchLabels).map(([name, value]): LabelTest => ({ kind: "in", name, values: [value] })),
    ...matchExpressions.map((expression, j) =>
      readExpression(expression, joinPath(joinPath(joinPath(path, i), "matchExpressions"), j), reporter),
    ),
  ]);
}

/** Kubernetes takes no lists that its operators have no use for, and none that are empty. */
function readExpression({ key: name, operator, values = [] }: Expression, path: string, reporter: Reporter): LabelTest {
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues !== values.length > 0) reporter.report(path, valuesOfOperator(operator, takesValues));
  switch (operator) {
    case "In":
      return { kind: "in", name, values };
    case "NotIn":
      return { kind: "not-in", name, values };
    case "Exists":
      return { kind: "exists", name };
    case "DoesNotExist":
      return { kind: "absent", name };
  }
}
