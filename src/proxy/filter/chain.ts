// The HTTP filters of a request, in the order of the listener. The router is not among them: it is what comes after.

import { getHeader, removeHeader } from "../../http/headers.ts";
import type { RequestHead } from "../../http/stream.ts";
import { PEER_METADATA_HEADER } from "../../stats/peer-metadata.ts";
import type { HttpFilter } from "../../table/http.ts";
import { decideRbac } from "../../table/rbac.ts";
import type { Route } from "../../table/route.ts";
import type { Downstream } from "../downstream.ts";

/** A request, as filters see and change it. */
export interface FilteredRequest {
  readonly head: RequestHead;
  readonly connection: Downstream;
  /** Claims of the caller about itself, moved out of the headers; "" without. */
  peerMetadata: string;
  /** Answers the request here and now. `details` are Envoy's, for the log. */
  reply(status: number, body: string, details: string): void;
}

function applyRbac(request: FilteredRequest, filter: HttpFilter & { kind: "rbac" }, route: Route | undefined): boolean {
  const rules = route?.rbac ?? filter.rules;
  if (!rules) return true;
  const decision = decideRbac(rules, request.connection.facts, request.head);
  if (decision.allowed) return true;
  const policy = (decision.policy ?? "none").replaceAll(/\s/g, "_");
  request.reply(403, "RBAC: access denied", `rbac_access_denied_matched_policy[${policy}]`);
  return false;
}

function applyHeaderToMetadata(request: FilteredRequest, filter: HttpFilter & { kind: "header-to-metadata" }): void {
  const { headers } = request.head;
  for (let i = 0; i < filter.rules.length; i++) {
    const { header, remove } = filter.rules[i]!;
    if (header === PEER_METADATA_HEADER) request.peerMetadata = getHeader(headers, header) ?? "";
    if (remove) removeHeader(headers, header);
  }
}

/** False when a filter answered the request itself. */
export function applyFilters(
  request: FilteredRequest,
  filters: readonly HttpFilter[],
  route: Route | undefined,
): boolean {
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    switch (filter.kind) {
      case "rbac":
        if (!applyRbac(request, filter, route)) return false;
        break;
      case "header-to-metadata":
        applyHeaderToMetadata(request, filter);
        break;
      case "on-demand": // virtual hosts that are not here yet are fetched by the xDS client, which subscribes to all of them
      case "dynamic-forward-proxy": // names are resolved when the host is chosen
        break;
    }
  }
  return true;
}
