// The HTTP filters of a request, in the order of the listener. The router is not among them: it is what comes after.

import { getHeader, removeHeader } from "../../http/headers.ts";
import type { HttpFilter } from "../../table/http.ts";
import { decideRbac } from "../../table/rbac.ts";
import type { Route } from "../../table/route.ts";
import type { Exchange } from "../exchange.ts";

/** Metadata namespace under which the compiler has the caller's peer metadata moved. */
const PEER_METADATA_HEADER = "x-envoy-peer-metadata";

function applyRbac(exchange: Exchange, filter: HttpFilter & { kind: "rbac" }, route: Route | undefined): boolean {
  const rules = route?.rbac ?? filter.rules;
  if (!rules) return true;
  const decision = decideRbac(rules, exchange.connection.facts, exchange.head);
  if (decision.allowed) return true;
  const policy = (decision.policy ?? "none").replaceAll(/\s/g, "_");
  exchange.reply(403, "RBAC: access denied", `rbac_access_denied_matched_policy[${policy}]`);
  return false;
}

function applyHeaderToMetadata(exchange: Exchange, filter: HttpFilter & { kind: "header-to-metadata" }): void {
  const { headers } = exchange.head;
  for (let i = 0; i < filter.rules.length; i++) {
    const { header, remove } = filter.rules[i]!;
    if (header === PEER_METADATA_HEADER) exchange.peerMetadata = getHeader(headers, header) ?? "";
    if (remove) removeHeader(headers, header);
  }
}

/** False when a filter answered the request itself. */
export function applyFilters(exchange: Exchange, filters: readonly HttpFilter[], route: Route | undefined): boolean {
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    switch (filter.kind) {
      case "rbac":
        if (!applyRbac(exchange, filter, route)) return false;
        break;
      case "header-to-metadata":
        applyHeaderToMetadata(exchange, filter);
        break;
      case "on-demand": // virtual hosts that are not here yet are fetched by the xDS client, which subscribes to all of them
      case "dynamic-forward-proxy": // names are resolved when the host is chosen
        break;
    }
  }
  return true;
}
