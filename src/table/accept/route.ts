// One route: what it takes and what becomes of it.

import type { DataSource } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { Route } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteFilters } from "../filter/filter.ts";
import type { HeaderMutation } from "../header-mutation.ts";
import type { HedgePolicy } from "../hedge-policy.ts";
import type { MirrorPolicy } from "../mirror-policy.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type * as table from "../route.ts";
import { acceptRouteFilters } from "./filter/filter.ts";
import { acceptForward, type ForwardDefaults } from "./forward.ts";
import { acceptMutation, MUTATION_FIELDS, mergeMutations } from "./header-mutation.ts";
import { readMetadata, readOrigin } from "./metadata.ts";
import { acceptRedirect } from "./redirect.ts";
import { acceptRouteMatch } from "./route-match.ts";
import type { Scope } from "./scope.ts";
import { Memo } from "./shared.ts";
import { acceptRouteTracing } from "./tracing.ts";

function acceptBody(scope: Scope, source: DataSource | undefined): string | Uint8Array {
  const by = source?.specifier;
  switch (by?.case) {
    case undefined:
      return "";
    case "inlineString":
      return by.value;
    case "inlineBytes":
      return by.value.slice(); // a view would keep all of the response that it came in, which may be 36 MB
    default:
      scope.reject(`${by?.case} is not supported by Heddle's proxy: write the body itself`);
      return "";
  }
}

function acceptAction(scope: Scope, route: Route, defaults: ForwardDefaults): table.RouteAction {
  const { action } = route;
  switch (action.case) {
    case "route":
      return acceptForward(scope.field("route"), action.value, defaults);
    case "redirect":
      return acceptRedirect(scope.field("redirect"), action.value);
    case "directResponse": {
      const at = scope.field("direct_response");
      at.only(action.value, ["status", "body"]);
      return { kind: "direct", status: action.value.status, body: acceptBody(at.field("body"), action.value.body) };
    }
    default:
      scope.reject(action.case === undefined ? "no action" : `${action.case} is not supported by Heddle's proxy`);
      return { kind: "direct", status: 500, body: "" };
  }
}

/** What a route takes over from the levels above it. */
export interface Inherited {
  readonly mutation: HeaderMutation;
  readonly retry: RetryPolicy | undefined;
  readonly filters: RouteFilters;
  readonly mirrors: readonly MirrorPolicy[];
  readonly hedge: HedgePolicy | undefined;
  readonly bufferLimitBytes: number | undefined;
}

/** Every virtual host of Istio's has its `default`. */
const names = new Memo<string>();

export function acceptRoute(scope: Scope, route: Route, inherited: Inherited): table.Route {
  scope.only(route, [
    "name",
    "match",
    "action",
    "metadata",
    "decorator",
    "tracing",
    "typedPerFilterConfig",
    "perRequestBufferLimitBytes",
    "statPrefix",
    ...MUTATION_FIELDS,
  ]);
  const filters = acceptRouteFilters(
    scope,
    {
      typedPerFilterConfig: route.typedPerFilterConfig,
      cors: route.action.case === "route" ? route.action.value.cors : undefined,
    },
    inherited.filters,
  );
  return {
    name: names.of(route.name, () => route.name),
    match: acceptRouteMatch(scope.field("match"), route.match),
    action: acceptAction(scope, route, {
      ...inherited,
      filters,
      bufferLimitBytes: route.perRequestBufferLimitBytes ?? inherited.bufferLimitBytes,
    }),
    headers: mergeMutations(acceptMutation(scope, route), inherited.mutation),
    filters,
    metadata: readMetadata(route.metadata),
    origin: readOrigin(route.metadata),
    tracing: acceptRouteTracing(scope, route.tracing, route.decorator),
  };
}
