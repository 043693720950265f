// The authorization policies in a proxy's configuration: what its RBAC filters were made from, in istioctl's columns.

import { compareText } from "../model/origin.ts";
import { isJson, type Json } from "./proxy-dump.ts";

/** CUSTOM: an authorizer is asked about whom its rules choose. `dry-run`: it says what it would do, and does nothing. */
export type PolicyAction = "CUSTOM" | "DENY" | "ALLOW" | "LOG" | "DENY (dry-run)" | "ALLOW (dry-run)";

export interface AuthorizationRow {
  readonly action: PolicyAction;
  /** `<name>.<namespace>`. */
  readonly policy: string;
  readonly rules: number;
}

/** In the order in which they are asked. */
const ORDER: readonly PolicyAction[] = ["CUSTOM", "DENY", "DENY (dry-run)", "ALLOW", "ALLOW (dry-run)", "LOG"];

const RULE = /^(?<prefix>.*-)?ns\[(?<namespace>[^\]]*)\]-policy\[(?<name>[^\]]*)\]-rule\[\d+\]$/;
/** istioctl's word for an ALLOW policy without rules, which nobody's name stands in. */
const NOTHING = "_anonymous_match_nothing_";

interface Rules {
  readonly action: PolicyAction;
  readonly names: readonly string[];
}

/** Everything in it, wherever it stands: filters of connections, of requests, and those inside of others. */
function* filtersIn(value: unknown): Generator<Json> {
  if (Array.isArray(value)) for (const item of value) yield* filtersIn(item);
  if (!isJson(value)) return;
  const type = value["@type"];
  if (typeof type === "string" && /\.rbac\.v3\.RBAC(?:PerRoute)?$/.test(type)) yield value;
  for (const field of Object.values(value)) yield* filtersIn(field);
}

function rulesOf(filter: Json): readonly Rules[] {
  const { rules, shadow_rules: shadow, shadow_rules_stat_prefix: prefix = "" } = filter;
  const enforced = isJson(rules) ? [{ action: actionOf(rules), names: namesOf(rules) }] : [];
  if (!isJson(shadow)) return enforced;
  const chooses = String(prefix).includes("ext_authz");
  const action = actionOf(shadow);
  const tried = action === "DENY" || action === "ALLOW" ? (`${action} (dry-run)` as const) : action;
  return [...enforced, { action: chooses ? "CUSTOM" : tried, names: namesOf(shadow) }];
}

function actionOf({ action = "ALLOW" }: Json): PolicyAction {
  return action === "DENY" || action === "LOG" ? action : "ALLOW";
}

function namesOf({ policies }: Json): readonly string[] {
  return isJson(policies) ? Object.keys(policies) : [];
}

export function authorizationRows(listeners: readonly Json[]): readonly AuthorizationRow[] {
  const rules = new Map<PolicyAction, Map<string, Set<string>>>();
  const add = (action: PolicyAction, policy: string, rule: string) => {
    const policies = rules.get(action) ?? new Map<string, Set<string>>();
    rules.set(action, policies.set(policy, (policies.get(policy) ?? new Set()).add(rule)));
  };
  const filters = [...filtersIn(listeners)].flatMap(rulesOf);
  for (const { action, names } of filters) for (const name of names) add(action, policyName(name), name);
  // Of policies that have rules, some chains have none that apply: to bytes, those of requests.
  if (!rules.has("ALLOW") && filters.some(({ action }) => action === "ALLOW")) add("ALLOW", NOTHING, "");
  return ORDER.flatMap((action) =>
    [...(rules.get(action) ?? [])]
      .map(([policy, names]) => ({ action, policy, rules: names.size }))
      .sort((a, b) => compareText(a.policy, b.policy)),
  );
}

/** The compiler's own rules, which no object stands for, keep their name. */
function policyName(rule: string): string {
  const { name, namespace } = RULE.exec(rule)?.groups ?? {};
  return name === undefined ? rule : `${name}.${namespace}`;
}
