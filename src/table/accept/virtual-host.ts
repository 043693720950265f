// Virtual hosts, whether they stand in a route configuration or come on their own (VHDS).

import { fromBinary } from "@bufbuild/protobuf";
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { placesOf } from "../../xds/wire.ts";
import { DeferredRoutes } from "../deferred-routes.ts";
import { NO_ROUTE_FILTERS, type RouteFilters } from "../filter/filter.ts";
import { type HeaderMutation, NO_MUTATION } from "../header-mutation.ts";
import type { MirrorPolicy } from "../mirror-policy.ts";
import { PathIndex } from "../path-index.ts";
import type * as table from "../route.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptMutation, MUTATION_FIELDS, mergeMutations } from "./header-mutation.ts";
import { acceptHedgePolicy } from "./hedge-policy.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import { acceptRateLimits } from "./rate-limit.ts";
import { acceptRetryPolicy } from "./retry-policy.ts";
import { acceptRoute, type Inherited } from "./route.ts";
import { pathOfIndex } from "./route-match.ts";
import type { Scope } from "./scope.ts";

/** What a route configuration says beside its virtual hosts; VHDS brings those on their own. */
export interface RouteConfigurationShell {
  readonly mutation: HeaderMutation;
  readonly filters: RouteFilters;
  readonly mirrors: readonly MirrorPolicy[];
  readonly ignorePort: boolean;
}

/** Of a virtual host whose route configuration has not come. */
export const NO_SHELL: RouteConfigurationShell = {
  mutation: NO_MUTATION,
  filters: NO_ROUTE_FILTERS,
  mirrors: [],
  ignorePort: false,
};

const REQUIRE_TLS: Readonly<Record<VirtualHost_TlsRequirementType, table.VirtualHost["requireTls"]>> = {
  [VirtualHost_TlsRequirementType.NONE]: "none",
  [VirtualHost_TlsRequirementType.EXTERNAL_ONLY]: "external",
  [VirtualHost_TlsRequirementType.ALL]: "all",
};

/** Of one of a route configuration: what several processes count together of it is found by its name, wherever in the list it stands. */
export function scopeOfHost(at: Scope, i: number, name: string): Scope {
  return at.index(i, `[${JSON.stringify(name)}]`);
}

/** Makes tables of bytes that were checked at this place with the same `shell`; routes that an index leads to are left in them. */
export function virtualHostCompiler(
  place: Scope,
  shell: RouteConfigurationShell,
): (bytes: Uint8Array) => table.VirtualHost {
  return (bytes) => acceptVirtualHost(place, fromBinary(VirtualHostSchema, bytes), shell, bytes);
}

type Routes = Pick<table.VirtualHost, "routes" | "paths">;

function acceptRoutes(at: Scope, routes: readonly Route[], inherited: Inherited): Routes {
  const tables = routes.map((route, i) => acceptRoute(at.index(i), route, inherited));
  return { routes: tables, paths: PathIndex.of(tables.map(({ match }) => match.path)) };
}

function deferRoutes(at: Scope, host: VirtualHost, inherited: Inherited, bytes: Uint8Array): Routes {
  const paths = PathIndex.of(host.routes.map(({ match }) => pathOfIndex(match)));
  if (!paths) return acceptRoutes(at, host.routes, inherited);
  const places = placesOf(bytes, VirtualHostSchema.field.routes.number);
  const compile = (route: Uint8Array, i: number) => acceptRoute(at.index(i), fromBinary(RouteSchema, route), inherited);
  return { routes: new DeferredRoutes(bytes, places, compile), paths };
}

/** `shell`: what its route configuration says for all of its virtual hosts; `checked`: its bytes, where nothing in them is wrong. */
export function acceptVirtualHost(
  scope: Scope,
  host: VirtualHost,
  shell: RouteConfigurationShell,
  checked?: Uint8Array,
): table.VirtualHost {
  scope.only(host, [
    "name",
    "domains",
    "routes",
    "retryPolicy",
    "hedgePolicy",
    "requestMirrorPolicies",
    "perRequestBufferLimitBytes",
    "requireTls",
    "rateLimits",
    "includeRequestAttemptCount",
    "includeAttemptCountInResponse",
    "metadata",
    "typedPerFilterConfig",
    "cors",
    ...MUTATION_FIELDS,
  ]);
  if (host.domains.length === 0) scope.field("domains").reject("empty");
  const inherited: Inherited = {
    mutation: mergeMutations(acceptMutation(scope, host), shell.mutation),
    retry: host.retryPolicy && acceptRetryPolicy(scope.field("retry_policy"), host.retryPolicy),
    filters: acceptRouteFilters(scope, host, shell.filters),
    mirrors:
      host.requestMirrorPolicies.length === 0 ? shell.mirrors : acceptMirrorPolicies(scope, host.requestMirrorPolicies),
    hedge: host.hedgePolicy && acceptHedgePolicy(scope.field("hedge_policy"), host.hedgePolicy),
    bufferLimitBytes: host.perRequestBufferLimitBytes,
  };
  const at = scope.field("routes");
  const { routes, paths } = checked
    ? deferRoutes(at, host, inherited, checked)
    : acceptRoutes(at, host.routes, inherited);
  return {
    name: host.name,
    domains: host.domains,
    routes,
    paths,
    rateLimits: acceptRateLimits(scope.field("rate_limits"), host.rateLimits),
    attemptCountHeader: host.includeRequestAttemptCount,
    attemptCountInResponse: host.includeAttemptCountInResponse,
    requireTls: REQUIRE_TLS[host.requireTls] ?? "none",
  };
}
