// The HTTP filters that Heddle's proxy has: by the type of what configures them, on a listener and on a route.

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type CorsPolicy as DeprecatedCorsPolicy,
  type VirtualHost,
  FilterConfigSchema as WrapperSchema,
} from "../../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { AdaptiveConcurrencySchema } from "../../../xds/gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency_pb.ts";
import { AdmissionControlSchema } from "../../../xds/gen/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.ts";
import {
  BufferPerRouteSchema,
  BufferSchema,
} from "../../../xds/gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.ts";
import { CorsPolicySchema, CorsSchema } from "../../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import { FilterConfigSchema as DynamicForwardProxySchema } from "../../../xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.ts";
import {
  ExternalProcessorSchema,
  ExtProcPerRouteSchema,
} from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.ts";
import { HTTPFaultSchema } from "../../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
} from "../../../xds/gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import { ConfigSchema as HeaderToMetadataSchema } from "../../../xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import { HealthCheckSchema } from "../../../xds/gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.ts";
import { LocalRateLimitSchema } from "../../../xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts";
import { OnDemandSchema } from "../../../xds/gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import { RBACPerRouteSchema, RBACSchema } from "../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { RouterSchema } from "../../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { ConfigSchema as SetFilterStateSchema } from "../../../xds/gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.ts";
import { ConfigSchema as SetMetadataSchema } from "../../../xds/gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.ts";
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from "../../../xds/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.ts";
import type { HttpConnectionManager } from "../../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import {
  type FilterTable,
  type HttpFilter,
  NO_ROUTE_FILTERS,
  type RouteFilters,
  type RouteFilterTable,
} from "../../filter/filter.ts";
import { isA, type Scope } from "../scope.ts";
import { acceptAdaptiveConcurrency } from "./adaptive-concurrency.ts";
import { acceptAdmissionControl } from "./admission-control.ts";
import { acceptBuffer, acceptBufferRoute } from "./buffer.ts";
import { acceptCorsPolicy, acceptDeprecatedCorsPolicy } from "./cors.ts";
import { acceptExtProc, acceptExtProcRoute } from "./ext-proc.ts";
import { acceptFault } from "./fault.ts";
import { acceptHeaderMutation, acceptHeaderMutationRoute } from "./header-mutation.ts";
import { acceptHeaderToMetadata } from "./header-to-metadata.ts";
import { acceptHealthCheckFilter } from "./health-check.ts";
import { acceptLocalRateLimit } from "./local-rate-limit.ts";
import { acceptRbacFilter, acceptRbacRoute } from "./rbac.ts";
import { acceptSetFilterState } from "./set-filter-state.ts";
import { acceptSetMetadata } from "./set-metadata.ts";
import { acceptStatefulSession, acceptStatefulSessionRoute } from "./stateful-session.ts";

/** One kind of configuration: the message, and what becomes of it. `inherited`: what the level above says of the same filter. */
interface Known<T> {
  readonly schema: DescMessage;
  accept(scope: Scope, any: Any, inherited: T | undefined): T | undefined;
}

function known<D extends DescMessage, T>(
  schema: D,
  accept: (scope: Scope, config: MessageShape<D>, inherited: T | undefined) => T,
): Known<T> {
  return {
    schema,
    accept: (scope, any, inherited) => {
      const config = scope.unpack(any, schema);
      return config && accept(scope, config, inherited);
    },
  };
}

const FILTERS: readonly Known<FilterTable>[] = [
  known(BufferSchema, acceptBuffer),
  known(HeaderMutationSchema, acceptHeaderMutation),
  known(CorsSchema, () => ({ kind: "cors" })),
  known(ExternalProcessorSchema, acceptExtProc),
  known(HTTPFaultSchema, acceptFault),
  known(LocalRateLimitSchema, acceptLocalRateLimit),
  known(RBACSchema, acceptRbacFilter),
  known(SetFilterStateSchema, acceptSetFilterState),
  known(SetMetadataSchema, acceptSetMetadata),
  known(StatefulSessionSchema, acceptStatefulSession),
  known(HeaderToMetadataSchema, acceptHeaderToMetadata),
  known(HealthCheckSchema, acceptHealthCheckFilter),
  known(AdaptiveConcurrencySchema, acceptAdaptiveConcurrency),
  known(AdmissionControlSchema, acceptAdmissionControl),
  known(OnDemandSchema, (scope, config) => {
    scope.only(config, []);
    return { kind: "on-demand" };
  }),
  known(DynamicForwardProxySchema, (scope, config) => {
    scope.only(config, ["implementationSpecifier"]);
    if (config.implementationSpecifier.case === "subClusterConfig")
      scope.field("sub_cluster_config").reject("not supported by Heddle's proxy");
    return { kind: "dynamic-forward-proxy" };
  }),
];

const ROUTE_FILTERS: readonly Known<RouteFilterTable>[] = [
  known(BufferPerRouteSchema, acceptBufferRoute),
  known(HeaderMutationPerRouteSchema, acceptHeaderMutationRoute),
  known(CorsPolicySchema, acceptCorsPolicy),
  known(ExtProcPerRouteSchema, acceptExtProcRoute),
  known(HTTPFaultSchema, acceptFault),
  known(LocalRateLimitSchema, acceptLocalRateLimit),
  known(RBACPerRouteSchema, acceptRbacRoute),
  known(SetFilterStateSchema, acceptSetFilterState),
  known(StatefulSessionPerRouteSchema, acceptStatefulSessionRoute),
];

function acceptRouter(scope: Scope, any: Any): void {
  const router = scope.unpack(any, RouterSchema);
  if (router) scope.only(router, ["dynamicStats", "suppressEnvoyHeaders"]);
}

/** What the router says; it is the last filter. */
export function suppressesEnvoyHeaders({ httpFilters }: HttpConnectionManager): boolean {
  const config = httpFilters.at(-1)?.configType;
  return config?.case === "typedConfig" && anyUnpack(config.value, RouterSchema)?.suppressEnvoyHeaders === true;
}

function acceptFilter(scope: Scope, any: Any): FilterTable | undefined {
  const filter = FILTERS.find(({ schema }) => isA(any, schema));
  if (!filter) scope.reject(`filter ${JSON.stringify(any.typeUrl)} is not supported by Heddle's proxy`);
  return filter?.accept(scope, any, undefined);
}

/** The filters in their order, the router excepted: it must be the last. */
export function acceptFilters(scope: Scope, { httpFilters }: HttpConnectionManager): readonly HttpFilter[] {
  const last = httpFilters.length - 1;
  if (last < 0) scope.reject("empty: the router must be the last filter");
  return httpFilters.flatMap((filter, i) => {
    const at = scope.index(i);
    at.only(filter, ["name", "configType", "disabled"]);
    const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    if (!any) {
      at.reject("only typed_config is supported by Heddle's proxy");
      return [];
    }
    if (i === last) {
      acceptRouter(at.field("typed_config"), any);
      return [];
    }
    const table = acceptFilter(at.field("typed_config"), any);
    return table ? [{ name: filter.name, disabled: filter.disabled, table }] : [];
  });
}

function acceptRouteFilter(
  scope: Scope,
  any: Any,
  inherited: RouteFilterTable | undefined,
): RouteFilterTable | undefined {
  if (isA(any, WrapperSchema)) {
    const wrapper = scope.unpack(any, WrapperSchema);
    if (!wrapper) return undefined;
    scope.only(wrapper, ["config", "disabled", "isOptional"]);
    if (wrapper.disabled) return { kind: "disabled" };
    if (!wrapper.config) scope.reject("neither disabled nor a configuration");
    return wrapper.config && acceptRouteFilter(scope.field("config"), wrapper.config, inherited);
  }
  const filter = ROUTE_FILTERS.find(({ schema }) => isA(any, schema));
  if (!filter)
    scope.reject(`configuration ${JSON.stringify(any.typeUrl)} of a route is not supported by Heddle's proxy`);
  return filter?.accept(scope, any, inherited);
}

/** What a level of routes says of filters: in `typed_per_filter_config`, and in the field that CORS had before there was that. */
interface FilterSettings {
  readonly typedPerFilterConfig: VirtualHost["typedPerFilterConfig"];
  readonly cors?: DeprecatedCorsPolicy | undefined;
}

/** By which the deprecated field finds its filter (Envoy asks the route for it whatever the filter's name is). */
const CORS = "envoy.filters.http.cors";

/** The settings of a level over those of the level above it. */
export function acceptRouteFilters(
  scope: Scope,
  { typedPerFilterConfig, cors }: FilterSettings,
  inherited: RouteFilters = NO_ROUTE_FILTERS,
): RouteFilters {
  const own = Object.entries(typedPerFilterConfig);
  if (own.length === 0 && !cors) return inherited;
  const filters = new Map(inherited);
  if (cors) filters.set(CORS, acceptDeprecatedCorsPolicy(scope.field("cors"), cors, inherited.get(CORS)));
  for (const [name, any] of own) {
    const table = acceptRouteFilter(scope.field("typed_per_filter_config").key(name), any, inherited.get(name));
    if (table) filters.set(name, table);
  }
  return filters;
}
