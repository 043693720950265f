// Messages that Envoy reads and Heddle's proxy does not: what people write by hand for Envoys is checked against them. Apart from any.ts, so that no
// proxy loads them.

import { createRegistry, type DescFile, type DescMessage, type Registry } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { jsonRegistry } from "./any.ts";
import { BootstrapSchema } from "./gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { ClusterSchema } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import { TypedExtensionConfigSchema } from "./gen/envoy/config/core/v3/extension_pb.ts";
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "./gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ListenerSchema } from "./gen/envoy/config/listener/v3/listener_pb.ts";
import { file_envoy_config_metrics_v3_metrics_service } from "./gen/envoy/config/metrics/v3/metrics_service_pb.ts";
import { file_envoy_config_metrics_v3_stats } from "./gen/envoy/config/metrics/v3/stats_pb.ts";
import { RouteSchema, VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "./gen/envoy/config/route/v3/route_pb.ts";
import { file_envoy_config_trace_v3_datadog } from "./gen/envoy/config/trace/v3/datadog_pb.ts";
import { file_envoy_config_trace_v3_skywalking } from "./gen/envoy/config/trace/v3/skywalking_pb.ts";
import { file_envoy_extensions_filters_http_compressor_v3_compressor } from "./gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts";
import { file_envoy_extensions_filters_http_lua_v3_lua } from "./gen/envoy/extensions/filters/http/lua/v3/lua_pb.ts";
import { file_envoy_extensions_filters_http_ratelimit_v3_rate_limit } from "./gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.ts";
import { file_envoy_extensions_filters_http_wasm_v3_wasm } from "./gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts";
import { HttpFilterSchema } from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { file_envoy_extensions_filters_network_wasm_v3_wasm } from "./gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts";
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler } from "./gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.ts";
import { file_udpa_type_v1_typed_struct } from "./gen/udpa/type/v1/typed_struct_pb.ts";
import { file_xds_type_v3_typed_struct } from "./gen/xds/type/v3/typed_struct_pb.ts";

const FILES: readonly DescFile[] = [
  file_envoy_extensions_filters_http_compressor_v3_compressor,
  file_envoy_extensions_filters_http_lua_v3_lua,
  file_envoy_extensions_filters_http_ratelimit_v3_rate_limit,
  file_envoy_extensions_filters_http_wasm_v3_wasm,
  file_envoy_extensions_filters_network_wasm_v3_wasm,
  file_envoy_config_metrics_v3_metrics_service,
  file_envoy_config_metrics_v3_stats,
  file_envoy_config_trace_v3_datadog,
  file_envoy_config_trace_v3_skywalking,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler,
  file_udpa_type_v1_typed_struct,
  file_xds_type_v3_typed_struct,
];

/** What can be patched in an Envoy's configuration, by the message that a patch is written in. */
export const PATCHABLE = {
  bootstrap: BootstrapSchema,
  cluster: ClusterSchema,
  "extension-config": TypedExtensionConfigSchema,
  "filter-chain": FilterChainSchema,
  "http-filter": HttpFilterSchema,
  "http-route": RouteSchema,
  listener: ListenerSchema,
  "listener-filter": ListenerFilterSchema,
  "network-filter": FilterSchema,
  "route-configuration": RouteConfigurationSchema,
  "virtual-host": VirtualHostSchema,
} as const satisfies Readonly<Record<string, DescMessage>>;

export type Patchable = keyof typeof PATCHABLE;

let registry: Registry | undefined;

/** For JSON of messages that are Envoy's alone. */
export function envoyRegistry(): Registry {
  registry ??= createRegistry(jsonRegistry(), EmptySchema, ...FILES.flatMap((file) => file.messages));
  return registry;
}
