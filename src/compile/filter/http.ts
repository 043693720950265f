// The HTTP filters of a request: which, and in which order. The order is this list and nothing else.

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { PEER_METADATA_HEADER } from "../../stats/peer-metadata.ts";
import { packAny } from "../../xds/any.ts";
import { CorsSchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import { FilterConfigSchema as DynamicForwardProxySchema } from "../../xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.ts";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import {
  Config_ValueType,
  ConfigSchema as HeaderToMetadataSchema,
} from "../../xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { GuardFilter } from "../authorization/filters.ts";
import { dnsCache } from "../dns.ts";
import { lazy } from "../lazy.ts";
import { CORS_FILTER } from "./cors.ts";
import { FAULT_FILTER } from "./fault.ts";

/** Dynamic metadata that holds what the client's sidecar said of its workload. */
export const PEER_NAMESPACE = "heddle.peer";
export const PEER_KEY = "metadata";

export interface HttpFilterContext {
  readonly direction: "inbound" | "outbound";
  /** Some route leads to a host that is resolved by DNS when it is asked for. */
  readonly resolvesHosts: boolean;
  /** Whether the router adds Envoy's headers. */
  readonly debugHeaders: boolean;
  /** Authentication and authorization, in their order. */
  readonly guards: readonly GuardFilter[];
}

interface Step {
  readonly name: string;
  readonly when: (context: HttpFilterContext) => boolean;
  /** Only where a route has a configuration for it, so that the listener stays as it is when one comes or goes. */
  readonly onRoutesAlone?: true;
  readonly config: (context: HttpFilterContext) => Any;
}

const BEFORE_GUARDS: readonly Step[] = [
  // First: a request that a later filter answers itself, a refused one above all, still has its caller in the log and the metrics;
  // and nothing behind it, the application included, sees the header.
  {
    name: "heddle.peer_metadata",
    when: ({ direction }) => direction === "inbound",
    config: lazy(() =>
      packAny(
        HeaderToMetadataSchema,
        create(HeaderToMetadataSchema, {
          requestRules: [
            {
              header: PEER_METADATA_HEADER,
              onHeaderPresent: { metadataNamespace: PEER_NAMESPACE, key: PEER_KEY, type: Config_ValueType.STRING },
              remove: true,
            },
          ],
        }),
      ),
    ),
  },
  // A preflight carries no credentials, so it comes before whatever asks for them.
  {
    name: CORS_FILTER,
    when: ({ direction }) => direction === "outbound",
    onRoutesAlone: true,
    config: lazy(() => packAny(CorsSchema, create(CorsSchema))),
  },
];

// Between them stand authentication and authorization; rate limits (of what is allowed) come behind them, when the model has them.

const AFTER_GUARDS: readonly Step[] = [
  // Faults are for what would be sent.
  {
    name: FAULT_FILTER,
    when: ({ direction }) => direction === "outbound",
    onRoutesAlone: true,
    config: lazy(() => packAny(HTTPFaultSchema, create(HTTPFaultSchema))),
  },
  // Just before the router: it may hold a request for a look-up, which one that is refused must not cost.
  {
    name: "envoy.filters.http.dynamic_forward_proxy",
    when: ({ resolvesHosts }) => resolvesHosts,
    config: lazy(() =>
      packAny(
        DynamicForwardProxySchema,
        create(DynamicForwardProxySchema, {
          implementationSpecifier: { case: "dnsCacheConfig", value: dnsCache() },
        }),
      ),
    ),
  },
  // Last, and always: it sends.
  {
    name: "envoy.filters.http.router",
    when: () => true,
    config: ({ debugHeaders }) => packAny(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: !debugHeaders })),
  },
];

function httpFilter(name: string, config: Any, disabled = false): HttpFilter {
  return create(HttpFilterSchema, { name, disabled, configType: { case: "typedConfig", value: config } });
}

export function httpFilters(context: HttpFilterContext): HttpFilter[] {
  const steps = (all: readonly Step[]) =>
    all
      .filter(({ when }) => when(context))
      .map(({ name, config, onRoutesAlone = false }) => httpFilter(name, config(context), onRoutesAlone));
  const guards = context.guards.map(({ name, config }) => httpFilter(name, config));
  return [...steps(BEFORE_GUARDS), ...guards, ...steps(AFTER_GUARDS)];
}
