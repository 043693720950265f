// Which exchanges a tap wants: Envoy's MatchPredicate, and the parameters of a plain GET, as one tree.

import { type HeaderMatch, matchesHeaders } from "../../table/header-match.ts";
import { headerOf } from "../../table/request.ts";
import type { TappedExchange } from "../tap.ts";

export type TapPredicate =
  | { readonly kind: "any" }
  | { readonly kind: "all-of" | "one-of"; readonly of: readonly TapPredicate[] }
  | { readonly kind: "not"; readonly of: TapPredicate }
  | { readonly kind: "headers"; readonly part: HeaderPart; readonly matches: readonly HeaderMatch[] }
  | { readonly kind: "status"; readonly from: number; readonly to: number }
  /** An address, or a SPIFFE identity. */
  | { readonly kind: "source"; readonly source: string };

export type HeaderPart = "requestHeaders" | "requestTrailers" | "responseHeaders" | "responseTrailers";

/** `:status` under a name that a matcher looks up like any field: pseudo-headers are a request's there. */
export const STATUS_FIELD = "%status";

function headersMatch(matches: readonly HeaderMatch[], part: HeaderPart, exchange: TappedExchange): boolean {
  const list = exchange[part];
  const headers = part === "responseHeaders" ? [STATUS_FIELD, String(exchange.status), ...list] : list;
  const pseudo = (name: string) => headerOf(list, name) ?? "";
  return matchesHeaders(matches, {
    method: pseudo(":method"),
    scheme: pseudo(":scheme"),
    authority: pseudo(":authority"),
    path: pseudo(":path"),
    headers,
  });
}

export function wants(predicate: TapPredicate, exchange: TappedExchange): boolean {
  switch (predicate.kind) {
    case "any":
      return true;
    case "all-of":
      return predicate.of.every((one) => wants(one, exchange));
    case "one-of":
      return predicate.of.some((one) => wants(one, exchange));
    case "not":
      return !wants(predicate.of, exchange);
    case "headers":
      return headersMatch(predicate.matches, predicate.part, exchange);
    case "status":
      return exchange.status >= predicate.from && exchange.status <= predicate.to;
    case "source":
      return exchange.facts.remoteAddress === predicate.source || exchange.facts.principal === predicate.source;
  }
}
