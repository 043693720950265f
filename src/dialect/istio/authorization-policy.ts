// AuthorizationPolicy → authorization policies of the model, with Istio's order: CUSTOM, AUDIT, DENY, ALLOW.

import type { AuthorizationPolicy, AuthorizationStage } from "../../model/authorization.ts";
import { decodeObject } from "../decode.ts";
import { DRY_RUN } from "./annotations.ts";
import { type ActionSpec, AUTHORIZATION_POLICY } from "./authorization-policy-schema.ts";
import { readRule } from "./authorization-rules.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Reading } from "./reading.ts";
import { readScope } from "./workload-scope.ts";

/** Where tokens are verified: between CUSTOM, which may ask for none, and the others. */
function stageOf(action: ActionSpec, provider: string): AuthorizationStage {
  switch (action) {
    case "CUSTOM":
      return { order: 1, effect: { kind: "delegate", authorizer: provider }, otherwise: "continue" };
    case "AUDIT":
      return { order: 2, effect: { kind: "log" }, otherwise: "continue" };
    case "DENY":
      return { order: 3, effect: { kind: "deny" }, otherwise: "continue" };
    case "ALLOW":
      return { order: 4, effect: { kind: "allow" }, otherwise: "deny" };
  }
}

/** ALLOW without rules allows nobody; a rule without conditions is met by everybody. */
export function readAuthorizationPolicy(reading: Reading): AuthorizationPolicy | undefined {
  const { object, origin, reporter } = reading;
  const read = decodeObject(AUTHORIZATION_POLICY, object, reporter);
  if (!read) return undefined;
  const { action = "ALLOW", provider, rules = [], ...scoped } = read.spec ?? {};
  if (action === "CUSTOM" && !provider) reporter.report("spec", diagnostics.customWithoutProvider());
  if (action !== "CUSTOM" && provider) reporter.report("spec.provider", diagnostics.providerElsewhere(action));
  if ((action === "DENY" || action === "CUSTOM") && rules.length === 0)
    reporter.report(read.spec?.rules ? "spec.rules" : "spec", diagnostics.actionWithoutRules(action));
  const scope = readScope(scoped, reading);
  const dryRun = readDryRun(action, reading);
  if (!scope) return undefined;
  return {
    origin,
    createdAt: object.createdAt,
    scope,
    stage: stageOf(action, provider?.name ?? ""),
    rules: rules.map((rule, i) => readRule(rule, `spec.rules[${i}]`, { ...reading, action })),
    dryRun,
  };
}

/** As Go's strconv.ParseBool reads them. */
const YES = ["1", "t", "T", "true", "TRUE", "True"];
const NO = ["0", "f", "F", "false", "FALSE", "False"];

/** Of other actions the annotation is refused, whatever it says. */
function readDryRun(action: ActionSpec, { object, reporter }: Reading): boolean {
  const value = object.annotations[DRY_RUN];
  if (value === undefined) return false;
  const at = `metadata.annotations.${DRY_RUN}`;
  if (action !== "ALLOW" && action !== "DENY") reporter.report(at, diagnostics.dryRunOf(action));
  else if (!YES.includes(value) && !NO.includes(value)) reporter.report(at, diagnostics.badDryRun(value));
  return YES.includes(value);
}
