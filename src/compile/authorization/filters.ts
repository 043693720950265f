// The filters that stand before an application, in the order that its requests and connections are judged by: the authorizer, tokens, and the
// other stages. Istio has them in the same places.

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { AuthorizationEffect, StageOfWorkload } from "../../model/authorization.ts";
import type { Authorizer } from "../../model/authorizer.ts";
import { packAny } from "../../xds/any.ts";
import type { RBAC } from "../../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { RBACSchema as HttpRbacSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import type { ProxyFeatures } from "../proxy-features.ts";
import {
  asking,
  askingOfConnections,
  CHOOSING_PREFIX,
  choosingName,
  EXT_AUTHZ_FILTER,
  NETWORK_EXT_AUTHZ_FILTER,
} from "./authorizer.ts";
import { JWT_FILTER } from "./condition.ts";
import type { Guard } from "./guard.ts";
import { isIdle, type RuleAction, rules } from "./rules.ts";
import type { ChainFacts } from "./settle.ts";
import { refusedTokens, tokenVerification } from "./token.ts";

const HTTP_RBAC = "envoy.filters.http.rbac";
const NETWORK_RBAC = "envoy.filters.network.rbac";

export interface GuardFilter {
  readonly name: string;
  readonly config: Any;
}

/** Enforced rules, and those that are only told of; either may be missing. */
interface Judgement {
  readonly enforced: RBAC | undefined;
  readonly shadow: RBAC | undefined;
  /** In front of what the shadow says, in metadata and statistics. */
  readonly shadowPrefix: string;
}

type Emit = (judgement: Judgement) => GuardFilter;

const ofRequests: Emit = ({ enforced, shadow, shadowPrefix }) => ({
  name: HTTP_RBAC,
  config: packAny(
    HttpRbacSchema,
    create(HttpRbacSchema, {
      ...(enforced ? { rules: enforced } : {}),
      ...(shadow ? { shadowRules: shadow, shadowRulesStatPrefix: shadowPrefix } : {}),
    }),
  ),
});

/** Istio's prefix of statistics. */
const ofConnections: Emit = ({ enforced, shadow, shadowPrefix }) => ({
  name: NETWORK_RBAC,
  config: packAny(
    NetworkRbacSchema,
    create(NetworkRbacSchema, {
      statPrefix: "tcp.",
      ...(enforced ? { rules: enforced } : {}),
      ...(shadow ? { shadowRules: shadow, shadowRulesStatPrefix: shadowPrefix } : {}),
    }),
  ),
});

function judge(
  { enforced, trial }: StageOfWorkload,
  action: RuleAction,
  facts: ChainFacts,
  emit: Emit,
): readonly GuardFilter[] {
  // A stage that admits refuses whom it does not know as soon as one policy is enforced, be its rules of no use here.
  const made = enforced.length > 0 ? rules(enforced, action, facts) : undefined;
  const tried = trial.length > 0 ? rules(trial, action, facts) : undefined;
  const kept = made && !isIdle(made) ? made : undefined;
  const shadow = tried && !isIdle(tried) ? tried : undefined;
  if (!kept && !shadow) return [];
  return [emit({ enforced: kept, shadow, shadowPrefix: `istio_dry_run_${action}_` })];
}

function canAsk(authorizer: Authorizer | undefined, features: ProxyFeatures, stream: boolean): boolean {
  return authorizer !== undefined && features.asksAuthorizers && !(stream && authorizer.protocol === "http");
}

/** Where nobody can be asked, who would have been asked about is refused. */
function delegate(
  stage: StageOfWorkload,
  { authorizer }: Guard,
  features: ProxyFeatures,
  facts: ChainFacts,
  emit: Emit,
): readonly GuardFilter[] {
  if (!authorizer || !canAsk(authorizer, features, facts.stream)) return judge(stage, "deny", facts, emit);
  const shadow = rules(stage.enforced, "deny", facts, choosingName(authorizer));
  if (isIdle(shadow)) return [];
  const choosing = emit({ enforced: undefined, shadow, shadowPrefix: CHOOSING_PREFIX });
  if (!facts.stream) return [choosing, { name: EXT_AUTHZ_FILTER, config: asking(authorizer, HTTP_RBAC) }];
  if (authorizer.protocol === "http") return [];
  return [choosing, { name: NETWORK_EXT_AUTHZ_FILTER, config: askingOfConnections(authorizer, NETWORK_RBAC) }];
}

const RULE_ACTIONS: Readonly<Record<Exclude<AuthorizationEffect["kind"], "delegate">, RuleAction>> = {
  allow: "allow",
  deny: "deny",
  log: "log",
};

function stageFilters(
  stages: readonly StageOfWorkload[],
  guard: Guard,
  features: ProxyFeatures,
  facts: ChainFacts,
  emit: Emit,
): readonly GuardFilter[] {
  return stages.flatMap((stage) =>
    stage.effect.kind === "delegate"
      ? delegate(stage, guard, features, facts, emit)
      : judge(stage, RULE_ACTIONS[stage.effect.kind], facts, emit),
  );
}

function tokenFilters({ issuers }: Guard, features: ProxyFeatures, choosesRoutes: boolean): readonly GuardFilter[] {
  if (issuers.length === 0) return [];
  if (features.verifiesTokens) return [{ name: JWT_FILTER, config: tokenVerification(issuers, choosesRoutes) }];
  return [ofRequests({ enforced: refusedTokens(issuers), shadow: undefined, shadowPrefix: "" })];
}

/** Before requests. An authorizer is asked ahead of tokens: it may be who issues them. `choosesRoutes`: routes may look at claims. */
export function requestGuards(
  guard: Guard | undefined,
  features: ProxyFeatures,
  port: number | undefined,
  choosesRoutes: boolean,
): readonly GuardFilter[] {
  if (!guard) return [];
  const facts = { stream: false, port };
  const asked = guard.stages.filter(({ effect }) => effect.kind === "delegate");
  const others = guard.stages.filter(({ effect }) => effect.kind !== "delegate");
  return [
    ...stageFilters(asked, guard, features, facts, ofRequests),
    ...tokenFilters(guard, features, choosesRoutes),
    ...stageFilters(others, guard, features, facts, ofRequests),
  ];
}

/** Before bytes, which carry no tokens. */
export function connectionGuards(
  guard: Guard | undefined,
  features: ProxyFeatures,
  port: number | undefined,
): readonly GuardFilter[] {
  return guard ? stageFilters(guard.stages, guard, features, { stream: true, port }, ofConnections) : [];
}
