// Header operations as a filter (envoy.filters.http.header_mutation).

import type { HeaderStep } from "../header-mutation.ts";

export interface HeaderMutationFilter {
  readonly kind: "header-mutation";
  readonly request: readonly HeaderStep[];
  readonly response: readonly HeaderStep[];
  /** The most general level of a route's settings comes first, so that the most specific has the last word. */
  readonly mostSpecificWins: boolean;
}

/** What the levels of a route say, the most specific first. */
export interface RouteHeaderMutation {
  readonly kind: "route-header-mutation";
  readonly levels: readonly { readonly request: readonly HeaderStep[]; readonly response: readonly HeaderStep[] }[];
}
