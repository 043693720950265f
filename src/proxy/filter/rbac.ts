// Who may do what (envoy.filters.http.rbac).

import type { RbacFilter } from "../../table/filter/rbac.ts";
import { decideRbac } from "../../table/rbac.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

export class Rbac implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: RbacFilter;
  /** Envoy's names of the counters. */
  readonly stats = { allowed: 0, denied: 0, shadowAllowed: 0, shadowDenied: 0 };

  constructor(name: string, disabled: boolean, table: RbacFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const own = request.routeFilters.get(this.name);
    const { rules, shadow } = own?.kind === "rbac" ? own : this.#table;
    const { facts } = request.connection;
    if (shadow) {
      if (decideRbac(shadow, facts, request.head).allowed) this.stats.shadowAllowed++;
      else this.stats.shadowDenied++;
    }
    if (!rules) return "continue";
    const decision = decideRbac(rules, facts, request.head);
    if (decision.allowed) {
      this.stats.allowed++;
      return "continue";
    }
    this.stats.denied++;
    const policy = (decision.policy ?? "none").replaceAll(/\s/g, "_");
    request.reply(403, "RBAC: access denied", `rbac_access_denied_matched_policy[${policy}]`);
    return "answered";
  }
}
