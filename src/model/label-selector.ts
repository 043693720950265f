// What labels have to be for something to be chosen (Kubernetes' LabelSelector).

/** `not-in` and `absent` hold where the label is not there. */
export type LabelTest =
  | { readonly kind: "in" | "not-in"; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: "exists" | "absent"; readonly name: string };

/** All of them; none: whatever the labels are. */
export type LabelSelector = readonly LabelTest[];

type Labels = Readonly<Record<string, string>>;

export function selectsLabels(selector: LabelSelector, labels: Labels): boolean {
  return selector.every((test) => holds(test, labels));
}

function holds(test: LabelTest, labels: Labels): boolean {
  const value = Object.hasOwn(labels, test.name) ? labels[test.name] : undefined;
  switch (test.kind) {
    case "in":
      return value !== undefined && test.values.includes(value);
    case "not-in":
      return value === undefined || !test.values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
  }
}
