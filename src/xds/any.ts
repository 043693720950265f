// google.protobuf.Any, and the explicit list of what Heddle puts into one or reads out of one.

import type { DescFile, DescMessage, Message, MessageShape, Registry } from "@bufbuild/protobuf";
import { create, createRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type Any,
  AnySchema,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { file_envoy_config_trace_v3_opentelemetry } from "./gen/envoy/config/trace/v3/opentelemetry_pb.ts";
import { file_envoy_config_trace_v3_zipkin } from "./gen/envoy/config/trace/v3/zipkin_pb.ts";
import { file_envoy_extensions_access_loggers_file_v3_file } from "./gen/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { file_envoy_extensions_access_loggers_grpc_v3_als } from "./gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { file_envoy_extensions_access_loggers_stream_v3_stream } from "./gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts";
import { file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener } from "./gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.ts";
import { file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster } from "./gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.ts";
import { file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy } from "./gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.ts";
import { file_envoy_extensions_filters_http_fault_v3_fault } from "./gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { file_envoy_extensions_filters_http_header_mutation_v3_header_mutation } from "./gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts";
import { file_envoy_extensions_filters_http_header_to_metadata_v3_header_to_metadata } from "./gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import { file_envoy_extensions_filters_http_on_demand_v3_on_demand } from "./gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from "./gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { file_envoy_extensions_filters_http_router_v3_router } from "./gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { file_envoy_extensions_filters_http_set_filter_state_v3_set_filter_state } from "./gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.ts";
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from "./gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts";
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst } from "./gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from "./gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts";
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager } from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from "./gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { file_envoy_extensions_filters_network_set_filter_state_v3_set_filter_state } from "./gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from "./gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { file_envoy_extensions_load_balancing_policies_cluster_provided_v3_cluster_provided } from "./gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.ts";
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request } from "./gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev } from "./gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts";
import { file_envoy_extensions_load_balancing_policies_random_v3_random } from "./gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts";
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash } from "./gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin } from "./gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality } from "./gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";
import { file_envoy_extensions_matching_common_inputs_network_v3_network_inputs } from "./gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts";
import { file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs } from "./gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.ts";
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from "./gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts";
import { file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream } from "./gen/envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream_pb.ts";
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from "./gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts";
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from "./gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { file_envoy_extensions_transport_sockets_tls_v3_tls_spiffe_validator_config } from "./gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.ts";
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from "./gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import { file_xds_type_matcher_v3_http_inputs } from "./gen/xds/type/matcher/v3/http_inputs_pb.ts";
import { file_xds_type_matcher_v3_ip } from "./gen/xds/type/matcher/v3/ip_pb.ts";
import { RESOURCE_TYPES, SEND_ORDER, TYPE_URL_PREFIX } from "./type-urls.ts";

/** The files whose messages travel in an Any: extensions, and the well-known types that matchers take as a bare value. */
const EXTENSION_FILES: readonly DescFile[] = [
  file_envoy_config_trace_v3_opentelemetry,
  file_envoy_config_trace_v3_zipkin,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_grpc_v3_als,
  file_envoy_extensions_access_loggers_stream_v3_stream,
  file_envoy_extensions_bootstrap_internal_listener_v3_internal_listener,
  file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster,
  file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy,
  file_envoy_extensions_filters_http_fault_v3_fault,
  file_envoy_extensions_filters_http_header_mutation_v3_header_mutation,
  file_envoy_extensions_filters_http_header_to_metadata_v3_header_to_metadata,
  file_envoy_extensions_filters_http_on_demand_v3_on_demand,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_http_set_filter_state_v3_set_filter_state,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_original_dst_v3_original_dst,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_set_filter_state_v3_set_filter_state,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_load_balancing_policies_cluster_provided_v3_cluster_provided,
  file_envoy_extensions_load_balancing_policies_least_request_v3_least_request,
  file_envoy_extensions_load_balancing_policies_maglev_v3_maglev,
  file_envoy_extensions_load_balancing_policies_random_v3_random,
  file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash,
  file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin,
  file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality,
  file_envoy_extensions_matching_common_inputs_network_v3_network_inputs,
  file_envoy_extensions_matching_common_inputs_ssl_v3_ssl_inputs,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_extensions_transport_sockets_internal_upstream_v3_internal_upstream,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_transport_sockets_tls_v3_tls_spiffe_validator_config,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_xds_type_matcher_v3_http_inputs,
  file_xds_type_matcher_v3_ip,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
];

const EXTENSIONS: readonly DescMessage[] = [
  ...EXTENSION_FILES.flatMap((file) => file.messages),
  ...SEND_ORDER.map((kind) => RESOURCE_TYPES[kind].schema),
];

const extensionsByName = new Map<string, DescMessage>(EXTENSIONS.map((schema) => [schema.typeName, schema]));

/** The full name of the message in `any`: what follows the last slash of its type URL. */
export function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
}

export function packAny<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): Any {
  return create(AnySchema, { typeUrl: TYPE_URL_PREFIX + schema.typeName, value: toBinary(schema, message) });
}

/** The message in `any`; undefined when it is none of those that Heddle knows. Throws when the bytes are not such a message. */
export function unpackAny(any: Any): Message | undefined {
  const schema = extensionsByName.get(typeNameOf(any));
  return schema && fromBinary(schema, any.value);
}

/** The message in `any` if it is a `schema`, else undefined. Throws when the bytes are not such a message. */
export function unpackAs<Schema extends DescMessage>(schema: Schema, any: Any): MessageShape<Schema> | undefined {
  return typeNameOf(any) === schema.typeName ? fromBinary(schema, any.value) : undefined;
}

/** For fromJson and toJson of messages that hold an Any, as a bootstrap file does. */
export function jsonRegistry(): Registry {
  return createRegistry(...EXTENSIONS);
}
