// The HTTP filters that Heddle's proxy has, as tables.

import type { AdaptiveConcurrencyFilter } from "./adaptive-concurrency.ts";
import type { AdmissionControlFilter } from "./admission-control.ts";
import type { BufferFilter } from "./buffer.ts";
import type { CorsFilter, CorsPolicy } from "./cors.ts";
import type { ExtProcFilter, ExtProcRoute } from "./ext-proc.ts";
import type { FaultFilter } from "./fault.ts";
import type { HeaderMutationFilter, RouteHeaderMutation } from "./header-mutation.ts";
import type { HeaderToMetadataFilter } from "./header-to-metadata.ts";
import type { HealthCheckFilter } from "./health-check.ts";
import type { LocalRateLimitFilter } from "./local-rate-limit.ts";
import type { RbacFilter } from "./rbac.ts";
import type { SetFilterStateFilter } from "./set-filter-state.ts";
import type { SetMetadataFilter } from "./set-metadata.ts";
import type { StatefulSessionFilter } from "./stateful-session.ts";

export type FilterTable =
  | AdaptiveConcurrencyFilter
  | AdmissionControlFilter
  | BufferFilter
  | ExtProcFilter
  | CorsFilter
  | FaultFilter
  | HeaderMutationFilter
  | HeaderToMetadataFilter
  | HealthCheckFilter
  | LocalRateLimitFilter
  | RbacFilter
  | SetFilterStateFilter
  | SetMetadataFilter
  | StatefulSessionFilter
  /** Virtual hosts that are not here yet are fetched by the xDS client, which subscribes to all of them. */
  | { readonly kind: "on-demand" }
  /** Names are resolved when the host is chosen. */
  | { readonly kind: "dynamic-forward-proxy" };

export interface HttpFilter {
  /** By which routes refer to it (`typed_per_filter_config`). */
  readonly name: string;
  /** Off unless a route turns it on. */
  readonly disabled: boolean;
  readonly table: FilterTable;
}

/** What a route says of a filter: the filter's configuration for it, or that it is off. */
export type RouteFilterTable =
  | BufferFilter
  | ExtProcRoute
  | CorsPolicy
  | FaultFilter
  | LocalRateLimitFilter
  | RbacFilter
  | RouteHeaderMutation
  | SetFilterStateFilter
  | StatefulSessionFilter
  | { readonly kind: "disabled" };

/** By the filter's name. The most specific of weighted cluster, route, virtual host and route configuration stands here. */
export type RouteFilters = ReadonlyMap<string, RouteFilterTable>;

export const NO_ROUTE_FILTERS: RouteFilters = new Map();
