// The rules of a stage as Envoy's RBAC has them. Their names are Istio's: access logs and statistics tell them to users.

import { create } from "@bufbuild/protobuf";
import type { AuthorizationPolicy } from "../../model/authorization.ts";
import { type RBAC, RBAC_Action, RBACSchema } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { permission, principal } from "./condition.ts";
import { type ChainFacts, settleRule } from "./settle.ts";

export type RuleAction = "allow" | "deny" | "log";

const ACTIONS: Readonly<Record<RuleAction, RBAC_Action>> = {
  allow: RBAC_Action.ALLOW,
  deny: RBAC_Action.DENY,
  log: RBAC_Action.LOG,
};

/** `prefix` tells the policies of one filter from those of another in the metadata that they share. */
export function rules(
  policies: readonly AuthorizationPolicy[],
  action: RuleAction,
  facts: ChainFacts,
  prefix = "",
): RBAC {
  const named = policies.flatMap(({ origin, rules }) =>
    rules.flatMap((rule, i) => {
      const settled = settleRule(rule, facts, action === "allow");
      if (!settled) return [];
      const name = `${prefix}ns[${origin.namespace}]-policy[${origin.name}]-rule[${i}]`;
      const policy = { permissions: [permission(settled.operation)], principals: [principal(settled.subject)] };
      return [[name, policy] as const];
    }),
  );
  return create(RBACSchema, { action: ACTIONS[action], policies: Object.fromEntries(named) });
}

/** No rule is left that would refuse or mark anybody. */
export function isIdle({ action, policies }: RBAC): boolean {
  return action !== RBAC_Action.ALLOW && Object.keys(policies).length === 0;
}
