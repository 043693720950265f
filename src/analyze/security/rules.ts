// The values of AuthorizationPolicies' rules, with their paths.

import type { kinds } from "../kinds.ts";
import type { ViewOf } from "../view.ts";

type Policy = ViewOf<typeof kinds.authorizationPolicy>;
export type Rule = NonNullable<NonNullable<Policy["value"]["spec"]>["rules"]>[number];
type Source = NonNullable<NonNullable<Rule["from"]>[number]["source"]>;

export interface Placed {
  readonly text: string;
  readonly path: string;
}

export function sourcesOf(rules: readonly Rule[], ...fields: (keyof Source)[]): readonly Placed[] {
  return rules.flatMap(({ from = [] }, i) =>
    from.flatMap(({ source }, j) =>
      fields.flatMap((field) =>
        (source?.[field] ?? []).map((text, k) => ({ text, path: `spec.rules[${i}].from[${j}].source.${field}[${k}]` })),
      ),
    ),
  );
}

export function operationsOf(rules: readonly Rule[], field: "hosts" | "methods"): readonly Placed[] {
  return rules.flatMap(({ to = [] }, i) =>
    to.flatMap(({ operation }, j) =>
      (operation?.[field] ?? []).map((text, k) => ({
        text,
        path: `spec.rules[${i}].to[${j}].operation.${field}[${k}]`,
      })),
    ),
  );
}

/** Keys that only mutual TLS proves. */
const PROVEN: readonly string[] = ["source.principal", "source.namespace", "source.serviceAccount"];

/** Fields that ask for it. */
export function identitiesOf(rules: readonly Rule[]): readonly Placed[] {
  const conditions = rules.flatMap(({ when = [] }, i) =>
    when.flatMap(({ key: text = "" }, j) =>
      PROVEN.includes(text) ? [{ text, path: `spec.rules[${i}].when[${j}].key` }] : [],
    ),
  );
  return [
    ...sourcesOf(
      rules,
      "principals",
      "notPrincipals",
      "namespaces",
      "notNamespaces",
      "serviceAccounts",
      "notServiceAccounts",
    ),
    ...conditions,
  ];
}
