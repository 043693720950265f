// Who may do what (envoy.filters.http.rbac).

import type { JsonObject } from "@bufbuild/protobuf";
import * as names from "../../stats/names/filter.ts";
import type { RbacFilter } from "../../table/filter/rbac.ts";
import { decideRbac, type RbacDecision, type RbacTable } from "../../table/rbac.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";

/** What the filter says in metadata, whatever its own name is. */
const NAMESPACE = "envoy.filters.http.rbac";
const LOG_NAMESPACE = "envoy.common";
const LOG_HINTS: readonly [JsonObject, JsonObject] = [{ access_log_hint: false }, { access_log_hint: true }];

/** Decisions by the name of their policy. */
class Counts extends Map<string, number> {}

/** The metadata of each decision, by policy: made once, as a request is told no more than which policy it was. */
type Said = Map<string, JsonObject>;

function say(said: Said, prefix: string, { allowed, policy }: RbacDecision): JsonObject {
  const key = `${allowed ? "+" : "-"}${policy ?? ""}`;
  let values = said.get(key);
  if (!values) {
    const result = { [`${prefix}engine_result`]: allowed ? "allowed" : "denied" };
    values = policy === undefined ? result : { [`${prefix}effective_policy_id`]: policy, ...result };
    said.set(key, values);
  }
  return values;
}

export class Rbac implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: RbacFilter;
  readonly #said = new WeakMap<RbacTable, Said>();
  /** Envoy's names of the counters. */
  readonly stats = { allowed: 0, denied: 0, shadowAllowed: 0, shadowDenied: 0 };
  /** Decisions by policy, where that is asked for. */
  readonly #byPolicy = {
    allowed: new Counts(),
    denied: new Counts(),
    shadowAllowed: new Counts(),
    shadowDenied: new Counts(),
  };

  constructor(name: string, disabled: boolean, table: RbacFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const own = request.routeFilters.get(this.name);
    const { rules, shadow, rulesPrefix, shadowPrefix, perRuleStats } = own?.kind === "rbac" ? own : this.#table;
    if (shadow) {
      const decision = this.#decide(shadow, request, `${shadowPrefix}shadow_`);
      this.#count(decision, perRuleStats, decision.allowed ? "shadowAllowed" : "shadowDenied");
    }
    if (!rules) return "continue";
    const decision = this.#decide(rules, request, `${rulesPrefix}enforced_`);
    // A shadow says nothing to access logs.
    if (decision.hint !== undefined) request.record.setMetadata(LOG_NAMESPACE, LOG_HINTS[decision.hint ? 1 : 0]);
    this.#count(decision, perRuleStats, decision.allowed ? "allowed" : "denied");
    if (decision.allowed) return "continue";
    const policy = (decision.policy ?? "none").replaceAll(/\s/g, "_");
    request.reply(403, "RBAC: access denied", `rbac_access_denied_matched_policy[${policy}]`);
    return "answered";
  }

  counts(statPrefix: string): readonly FilterCount[] {
    const { allowed, denied, shadowAllowed, shadowDenied } = this.stats;
    const { rules, shadow, rulesPrefix, shadowPrefix } = this.#table;
    const own = [rulesPrefix, statPrefix];
    const ofShadow = [shadowPrefix, statPrefix];
    const enforced = [
      { counter: names.RBAC_ALLOWED, labels: own, value: allowed },
      { counter: names.RBAC_DENIED, labels: own, value: denied },
    ];
    const shadowed = [
      { counter: names.RBAC_SHADOW_ALLOWED, labels: ofShadow, value: shadowAllowed },
      { counter: names.RBAC_SHADOW_DENIED, labels: ofShadow, value: shadowDenied },
    ];
    return [
      ...(rules || allowed + denied > 0 ? enforced : []),
      ...(shadow ? shadowed : []),
      ...this.#policyCounts(own, ofShadow),
    ];
  }

  #policyCounts(own: readonly string[], ofShadow: readonly string[]): readonly FilterCount[] {
    const { allowed, denied, shadowAllowed, shadowDenied } = this.#byPolicy;
    const all = [
      [names.RBAC_POLICY_ALLOWED, own, allowed],
      [names.RBAC_POLICY_DENIED, own, denied],
      [names.RBAC_POLICY_SHADOW_ALLOWED, ofShadow, shadowAllowed],
      [names.RBAC_POLICY_SHADOW_DENIED, ofShadow, shadowDenied],
    ] as const;
    return all.flatMap(([counter, labels, counts]) =>
      [...counts].map(([policy, value]) => ({ counter, labels: [policy, ...labels], value })),
    );
  }

  #count({ policy }: RbacDecision, perRule: boolean, what: keyof Rbac["stats"]): void {
    this.stats[what]++;
    if (!perRule || policy === undefined) return;
    const counts = this.#byPolicy[what];
    counts.set(policy, (counts.get(policy) ?? 0) + 1);
  }

  #decide(table: RbacTable, request: FilteredRequest, prefix: string): RbacDecision {
    const decision = decideRbac(table, request.connection.facts, request.head, request);
    let said = this.#said.get(table);
    if (!said) {
      said = new Map();
      this.#said.set(table, said);
    }
    request.record.setMetadata(NAMESPACE, say(said, prefix, decision));
    return decision;
  }
}
