// Which responses mean that their host failed (envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection.error_matcher).

import { type HeaderMatch, matchesHeaders } from "./header-match.ts";

export type ResponseMatch =
  | { readonly kind: "any" }
  | { readonly kind: "all-of" | "one-of"; readonly of: readonly ResponseMatch[] }
  | { readonly kind: "not"; readonly of: ResponseMatch }
  | { readonly kind: "statuses"; readonly statuses: ReadonlySet<number> }
  | { readonly kind: "headers"; readonly matches: readonly HeaderMatch[] };

/** `:status` under a name that matchers look up like any field: pseudo-headers are a request's there. */
export const STATUS_FIELD = "%status";

/** A response has no method, and no path. */
const NOTHING = { method: "", scheme: "", authority: "", path: "" };

export function matchesResponse(match: ResponseMatch, status: number, headers: readonly string[]): boolean {
  switch (match.kind) {
    case "any":
      return true;
    case "statuses":
      return match.statuses.has(status);
    case "all-of":
      return match.of.every((one) => matchesResponse(one, status, headers));
    case "one-of":
      return match.of.some((one) => matchesResponse(one, status, headers));
    case "not":
      return !matchesResponse(match.of, status, headers);
    case "headers":
      return matchesHeaders(match.matches, { ...NOTHING, headers: [STATUS_FIELD, String(status), ...headers] });
  }
}
