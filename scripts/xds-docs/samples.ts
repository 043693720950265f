// Small messages that are right, in protobuf's JSON: around each field that is probed everything else must be as the proxy wants it.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonMessage = { readonly [key: string]: Json };

const EXT = "type.googleapis.com/envoy.extensions";
const PEM = ["CERTIFICATE", "PRIVATE KEY", "X509 CRL"]
  .map((label) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`)
  .join("");

const address: JsonMessage = { socket_address: { address: "127.0.0.1", port_value: 80 } };
const pem: JsonMessage = { inline_string: PEM };
const router: JsonMessage = { name: "router", typed_config: { "@type": `${EXT}.filters.http.router.v3.Router` } };
const cors: JsonMessage = { name: "first", typed_config: { "@type": `${EXT}.filters.http.cors.v3.Cors` } };
const route: JsonMessage = { match: { prefix: "/" }, route: { cluster: "a" } };
const virtualHost: JsonMessage = { name: "a", domains: ["a.test"], routes: [route] };
const routeConfiguration: JsonMessage = { name: "a", virtual_hosts: [virtualHost] };
const manager: JsonMessage = { stat_prefix: "a", route_config: routeConfiguration, http_filters: [cors, router] };
const managerFilter: JsonMessage = {
  name: "a",
  typed_config: { "@type": `${EXT}.filters.network.http_connection_manager.v3.HttpConnectionManager`, ...manager },
};
const endpoints: JsonMessage = { cluster_name: "a", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
const permission: JsonMessage = { any: true };
const policy: JsonMessage = { permissions: [permission], principals: [{ any: true }] };
const grpc: JsonMessage = { envoy_grpc: { cluster_name: "a" } };
const LOG_SERVICE: JsonMessage = { log_name: "a", grpc_service: grpc };
const bucket: JsonMessage = { max_tokens: 1, tokens_per_fill: 1, fill_interval: "1s" };
const mutations: JsonMessage = { request_mutations: [{ remove: "x-a" }] };
const metadata: JsonMessage = { filter: "a", path: [{ key: "b" }], value: { present_match: true } };

/** A resource of each type. */
export const ROOTS: Readonly<Record<string, JsonMessage>> = {
  "envoy.config.listener.v3.Listener": { name: "a", address, filter_chains: [{ filters: [managerFilter] }] },
  "envoy.config.route.v3.RouteConfiguration": routeConfiguration,
  "envoy.config.route.v3.VirtualHost": virtualHost,
  "envoy.config.cluster.v3.Cluster": { name: "a", type: "STATIC", connect_timeout: "1s", load_assignment: endpoints },
  "envoy.config.endpoint.v3.ClusterLoadAssignment": endpoints,
  "envoy.extensions.transport_sockets.tls.v3.Secret": {
    name: "a",
    tls_certificate: { certificate_chain: pem, private_key: pem },
  },
};

const LEAST_REQUEST: JsonMessage = {
  typed_extension_config: {
    name: "a",
    typed_config: { "@type": `${EXT}.load_balancing_policies.least_request.v3.LeastRequest` },
  },
};

/** Of lists whose last element is of another kind than those before it: what stands there. */
export const LAST: Readonly<Record<string, Json>> = { "envoy.config.listener.v3.Filter": managerFilter };

const TLS = "envoy.extensions.transport_sockets.tls.v3";
const ROUTE = "envoy.config.route.v3";

const CONCURRENCY = "envoy.extensions.filters.http.adaptive_concurrency.v3";
const gradient = {
  concurrency_limit_params: { concurrency_update_interval: "0.1s" },
  min_rtt_calc_params: { interval: "30s" },
} satisfies JsonMessage;

const XDS_MATCHER = "xds.type.matcher.v3";
const range: JsonMessage = { address_prefix: "10.0.0.0", prefix_len: 8 };
const input: JsonMessage = {
  name: "a",
  typed_config: { "@type": `${EXT}.matching.common_inputs.network.v3.SourceIPInput` },
};
const rbacAction: JsonMessage = { name: "a", action: "DENY" };
const onMatch = {
  action: { name: "a", typed_config: { "@type": "type.googleapis.com/envoy.config.rbac.v3.Action", ...rbacAction } },
} satisfies JsonMessage;
const single: JsonMessage = { input, value_match: { exact: "a" } };
const predicate: JsonMessage = { single_predicate: single };
const fieldMatcher: JsonMessage = { predicate, on_match: onMatch };
const matchMap: JsonMessage = { map: { a: onMatch } };
const matcherTree: JsonMessage = { input, exact_match_map: matchMap };
const ranges: JsonMessage = { ranges: [range], on_match: onMatch };

/** Matcher trees, with what RBAC has in them. */
const MATCHERS: Readonly<Record<string, JsonMessage>> = {
  [`${XDS_MATCHER}.Matcher`]: { matcher_tree: matcherTree },
  [`${XDS_MATCHER}.Matcher.OnMatch`]: onMatch,
  [`${XDS_MATCHER}.Matcher.MatcherList`]: { matchers: [fieldMatcher] },
  [`${XDS_MATCHER}.Matcher.MatcherList.FieldMatcher`]: fieldMatcher,
  [`${XDS_MATCHER}.Matcher.MatcherList.Predicate`]: predicate,
  [`${XDS_MATCHER}.Matcher.MatcherList.Predicate.SinglePredicate`]: single,
  [`${XDS_MATCHER}.Matcher.MatcherList.Predicate.PredicateList`]: { predicate: [predicate, predicate] },
  [`${XDS_MATCHER}.Matcher.MatcherTree`]: matcherTree,
  [`${XDS_MATCHER}.Matcher.MatcherTree.MatchMap`]: matchMap,
  [`${XDS_MATCHER}.StringMatcher`]: { exact: "a" },
  [`${XDS_MATCHER}.RegexMatcher`]: { google_re2: {}, regex: "a" },
  [`${XDS_MATCHER}.IPMatcher`]: { range_matchers: [ranges] },
  [`${XDS_MATCHER}.IPMatcher.IPRangeMatcher`]: ranges,
  "xds.core.v3.CidrRange": range,
  "envoy.config.rbac.v3.Action": rbacAction,
  "envoy.type.matcher.v3.HttpRequestHeaderMatchInput": { header_name: "x-a" },
  "envoy.extensions.matching.input_matchers.ip.v3.Ip": { stat_prefix: "a", cidr_ranges: [range] },
};
const IP_TREE: JsonMessage = {
  name: "a",
  typed_config: { "@type": `type.googleapis.com/${XDS_MATCHER}.IPMatcher`, range_matchers: [ranges] },
};
const IPS: JsonMessage = {
  name: "a",
  typed_config: { "@type": `${EXT}.matching.input_matchers.ip.v3.Ip`, stat_prefix: "a", cidr_ranges: [range] },
};

const zipkin: JsonMessage = {
  collector_cluster: "a",
  collector_endpoint: "/a",
  collector_endpoint_version: "HTTP_JSON",
};

/** By message; `{}` is right of all others. */
export const SAMPLES: Readonly<Record<string, JsonMessage>> = {
  ...ROOTS,
  [`${CONCURRENCY}.AdaptiveConcurrency`]: { gradient_controller_config: gradient },
  [`${CONCURRENCY}.GradientControllerConfig`]: gradient,
  [`${CONCURRENCY}.GradientControllerConfig.ConcurrencyLimitCalculationParams`]: gradient.concurrency_limit_params,
  [`${CONCURRENCY}.GradientControllerConfig.MinimumRTTCalculationParams`]: gradient.min_rtt_calc_params,
  "envoy.extensions.filters.http.health_check.v3.HealthCheck": { pass_through_mode: false },
  "envoy.config.core.v3.Address": address,
  "envoy.config.core.v3.SocketAddress": address.socket_address as JsonMessage,
  "envoy.config.core.v3.EnvoyInternalAddress": { server_listener_name: "a", endpoint_id: "b" },
  "envoy.config.core.v3.Pipe": { path: "/a" },
  "envoy.config.core.v3.CidrRange": { address_prefix: "10.0.0.0", prefix_len: 8 },
  "envoy.config.core.v3.DataSource": pem,
  "envoy.config.core.v3.HeaderValueOption": { header: { key: "x-a", value: "b" } },
  "envoy.config.core.v3.HeaderValue": { key: "x-a", value: "b" },
  "envoy.config.core.v3.SubstitutionFormatString": { text_format_source: { inline_string: "a\n" } },
  "envoy.config.core.v3.KeepaliveSettings": { timeout: "1s" },
  "envoy.config.core.v3.SocketOption": { level: 6, name: 4, int_value: 1 },
  "envoy.config.core.v3.ConfigSource": { ads: {}, resource_api_version: "V3" },
  "envoy.config.core.v3.RuntimeFractionalPercent": { default_value: { numerator: 50 } },
  "envoy.config.core.v3.BackoffStrategy": { base_interval: "1s" },
  "envoy.config.core.v3.Metadata": { filter_metadata: { "envoy.lb": { a: "b" } } },
  "envoy.config.endpoint.v3.LocalityLbEndpoints": { lb_endpoints: [{ endpoint: { address } }] },
  "envoy.config.endpoint.v3.LbEndpoint": { endpoint: { address } },
  "envoy.config.endpoint.v3.Endpoint": { address },
  "envoy.extensions.clusters.aggregate.v3.ClusterConfig": { clusters: ["b"] },
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig": {
    fallback_policy: "ANY_ENDPOINT",
    subset_selectors: [{ keys: ["a"] }],
  },
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector": { keys: ["a"] },
  "envoy.config.cluster.v3.Cluster.SlowStartConfig": { slow_start_window: "3s" },
  "envoy.config.cluster.v3.Cluster.RefreshRate": { base_interval: "1s" },
  "envoy.config.cluster.v3.Cluster.OriginalDstLbConfig": { use_http_header: true },
  "envoy.config.cluster.v3.Cluster.PreconnectPolicy": { per_upstream_preconnect_ratio: 2 },
  "envoy.config.listener.v3.AdditionalAddress": { address },
  "envoy.config.listener.v3.FilterChain": { filters: [managerFilter] },
  "envoy.config.listener.v3.Filter": managerFilter,
  "envoy.config.rbac.v3.RBAC": { policies: { a: policy } },
  "envoy.config.rbac.v3.Policy": policy,
  "envoy.config.rbac.v3.Permission": permission,
  "envoy.config.rbac.v3.Principal": { any: true },
  "envoy.config.rbac.v3.Permission.Set": { rules: [permission] },
  "envoy.config.rbac.v3.Principal.Set": { ids: [{ any: true }] },
  "envoy.config.trace.v3.ZipkinConfig": zipkin,
  "envoy.config.trace.v3.OpenTelemetryConfig": { grpc_service: grpc },
  "envoy.config.trace.v3.Tracing.Http": {
    name: "a",
    typed_config: { "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig", ...zipkin },
  },
  "envoy.config.core.v3.HttpService": { http_uri: { uri: "http://a.test/a", cluster: "a", timeout: "1s" } },
  "envoy.config.core.v3.HttpUri": { uri: "http://a.test/a", cluster: "a", timeout: "1s" },
  "envoy.extensions.filters.network.http_connection_manager.v3.RequestIDExtension": {
    typed_config: { "@type": `${EXT}.request_id.uuid.v3.UuidRequestIdConfig` },
  },
  [`${ROUTE}.Decorator`]: { operation: "a" },
  "envoy.type.tracing.v3.CustomTag": { tag: "a", literal: { value: "b" } },
  "envoy.type.tracing.v3.CustomTag.Literal": { value: "b" },
  "envoy.type.tracing.v3.CustomTag.Environment": { name: "HOME" },
  "envoy.type.tracing.v3.CustomTag.Header": { name: "x-a" },
  "envoy.type.tracing.v3.CustomTag.Metadata": { kind: { route: {} }, metadata_key: { key: "a", path: [{ key: "b" }] } },
  "envoy.config.accesslog.v3.AccessLog": {
    name: "a",
    typed_config: { "@type": `${EXT}.access_loggers.file.v3.FileAccessLog`, path: "/dev/null" },
  },
  "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig": LOG_SERVICE,
  "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig": { common_config: LOG_SERVICE },
  "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig": { common_config: LOG_SERVICE },
  "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig": { common_config: LOG_SERVICE },
  "opentelemetry.proto.common.v1.AnyValue": { string_value: "a" },
  "opentelemetry.proto.common.v1.KeyValue": { key: "a", value: { string_value: "b" } },
  "envoy.config.accesslog.v3.ComparisonFilter": { op: "GE", value: { default_value: 1 } },
  "envoy.config.accesslog.v3.HeaderFilter": { header: { name: "x-a", present_match: true } },
  "envoy.config.accesslog.v3.AndFilter": { filters: [{ not_health_check_filter: {} }] },
  "envoy.config.accesslog.v3.OrFilter": { filters: [{ not_health_check_filter: {} }] },
  "envoy.config.accesslog.v3.ExtensionFilter": {
    name: "a",
    typed_config: {
      "@type": `${EXT}.access_loggers.filters.cel.v3.ExpressionFilter`,
      expression: "response.code >= 400",
    },
  },
  "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter": { expression: "response.code >= 400" },
  "envoy.config.accesslog.v3.RuntimeFilter": { percent_sampled: { numerator: 5 } },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": { path: "/dev/null" },
  [`${EXT.slice("type.googleapis.com/".length)}.filters.network.http_connection_manager.v3.HttpConnectionManager`]:
    manager,
  "envoy.extensions.filters.network.http_connection_manager.v3.Rds": {
    route_config_name: "a",
    config_source: { ads: {} },
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": cors,
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig": {
    upgrade_type: "websocket",
  },
  "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig": { port_value: 443 },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": { stat_prefix: "a", cluster: "a" },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster": { clusters: [{ name: "a", weight: 1 }] },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": { name: "a", weight: 1 },
  "envoy.extensions.filters.http.fault.v3.HTTPFault": { abort: { http_status: 503, percentage: { numerator: 100 } } },
  "envoy.extensions.filters.http.fault.v3.FaultAbort": { http_status: 503, percentage: { numerator: 100 } },
  "envoy.extensions.filters.common.fault.v3.FaultDelay": { fixed_delay: "1s", percentage: { numerator: 100 } },
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit": {
    fixed_limit: { limit_kbps: 1 },
    percentage: { numerator: 100 },
  },
  "envoy.extensions.filters.http.header_to_metadata.v3.Config.Rule": {
    header: "x-a",
    on_header_present: { metadata_namespace: "a", key: "b" },
  },
  "envoy.extensions.filters.http.header_to_metadata.v3.Config.KeyValuePair": { metadata_namespace: "a", key: "b" },
  "envoy.extensions.filters.http.buffer.v3.Buffer": { max_request_bytes: 1 },
  "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor": { grpc_service: grpc },
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": { stat_prefix: "a", token_bucket: bucket },
  "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": {
    entries: [{ key: "a", value: "b" }],
    token_bucket: bucket,
  },
  "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry": { key: "a", value: "b" },
  "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation": { mutations },
  "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute": { mutations },
  "envoy.extensions.filters.http.header_mutation.v3.Mutations": mutations,
  "envoy.config.common.mutation_rules.v3.HeaderMutation": { remove: "x-a" },
  "envoy.type.v3.TokenBucket": bucket,
  "envoy.config.rbac.v3.SourcedMetadata": { metadata_matcher: metadata },
  "envoy.config.core.v3.GrpcService": grpc,
  "envoy.config.route.v3.RateLimit": { actions: [{ generic_key: { descriptor_value: "a" } }] },
  "envoy.extensions.filters.http.rbac.v3.RBAC": { rules: { policies: { a: policy } } },
  "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit": { stat_prefix: "a", max_connections: 1 },
  "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit": { stat_prefix: "a", token_bucket: bucket },
  "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue": {
    object_key: "a",
    factory_key: "envoy.string",
    format_string: { text_format_source: { inline_string: "a" } },
  },
  "envoy.extensions.filters.http.set_metadata.v3.Metadata": { metadata_namespace: "a", value: { a: "b" } },
  "envoy.extensions.filters.http.admission_control.v3.AdmissionControl": { success_criteria: {} },
  "envoy.extensions.filters.http.admission_control.v3.AdmissionControl.SuccessCriteria.HttpCriteria": {
    http_success_status: [{ start: 100, end: 400 }],
  },
  "envoy.extensions.filters.http.admission_control.v3.AdmissionControl.SuccessCriteria.GrpcCriteria": {
    grpc_success_status: [0],
  },
  "envoy.extensions.filters.network.rbac.v3.RBAC": { stat_prefix: "a", rules: { policies: { a: policy } } },
  [`${TLS}.TlsCertificate`]: { certificate_chain: pem, private_key: pem },
  [`${TLS}.CertificateValidationContext`]: { trusted_ca: pem },
  [`${TLS}.SdsSecretConfig`]: { name: "a", sds_config: { ads: {} } },
  [`${TLS}.CommonTlsContext`]: { tls_certificates: [{ certificate_chain: pem, private_key: pem }] },
  [`${TLS}.DownstreamTlsContext`]: {
    common_tls_context: { tls_certificates: [{ certificate_chain: pem, private_key: pem }] },
  },
  [`${TLS}.SubjectAltNameMatcher`]: { san_type: "URI", matcher: { exact: "a" } },
  [`${TLS}.SPIFFECertValidatorConfig`]: { trust_domains: [{ name: "a", trust_bundle: pem }] },
  [`${TLS}.SPIFFECertValidatorConfig.TrustDomain`]: { name: "a", trust_bundle: pem },
  [`${ROUTE}.Route`]: route,
  [`${ROUTE}.RouteMatch`]: { prefix: "/" },
  [`${ROUTE}.RouteMatch.PathMatchPolicy`]: {},
  [`${ROUTE}.RouteAction`]: { cluster: "a" },
  [`${ROUTE}.RouteAction.HashPolicy`]: { header: { header_name: "x-a" } },
  [`${ROUTE}.RouteAction.HashPolicy.Header`]: { header_name: "x-a" },
  [`${ROUTE}.RouteAction.HashPolicy.Cookie`]: { name: "a" },
  [`${ROUTE}.RouteAction.HashPolicy.QueryParameter`]: { name: "a" },
  [`${ROUTE}.RouteAction.HashPolicy.FilterState`]: { key: "a" },
  [`${ROUTE}.RouteAction.HashPolicy.ConnectionProperties`]: { source_ip: true },
  [`${ROUTE}.RouteAction.RequestMirrorPolicy`]: { cluster: "a" },
  [`${ROUTE}.RouteAction.UpgradeConfig`]: { upgrade_type: "CONNECT", connect_config: {} },
  [`${ROUTE}.WeightedCluster`]: { clusters: [{ name: "a", weight: 1 }] },
  [`${ROUTE}.WeightedCluster.ClusterWeight`]: { name: "a", weight: 1 },
  [`${ROUTE}.DirectResponseAction`]: { status: 200 },
  [`${ROUTE}.RedirectAction`]: { path_redirect: "/a" },
  [`${ROUTE}.HeaderMatcher`]: { name: "x-a", string_match: { exact: "b" } },
  [`${ROUTE}.QueryParameterMatcher`]: { name: "a", string_match: { exact: "b" } },
  [`${ROUTE}.RetryPolicy`]: { retry_on: "5xx" },
  [`${ROUTE}.RetryPolicy.RetryBackOff`]: { base_interval: "1s" },
  [`${ROUTE}.RetryPolicy.ResetHeader`]: { name: "retry-after" },
  [`${ROUTE}.RetryPolicy.RateLimitedRetryBackOff`]: { reset_headers: [{ name: "retry-after" }] },
  [`${ROUTE}.CorsPolicy`]: { allow_methods: "GET" },
  "envoy.type.matcher.v3.StringMatcher": { exact: "a" },
  "envoy.type.matcher.v3.RegexMatcher": { regex: "a" },
  "envoy.type.matcher.v3.PathMatcher": { path: { exact: "/a" } },
  "envoy.type.matcher.v3.RegexMatchAndSubstitute": { pattern: { regex: "a" }, substitution: "b" },
  "envoy.type.matcher.v3.MetadataMatcher": {
    filter: "a",
    path: [{ key: "b" }],
    value: { string_match: { exact: "c" } },
  },
  "envoy.type.matcher.v3.MetadataMatcher.PathSegment": { key: "b" },
  "envoy.type.matcher.v3.ValueMatcher": { string_match: { exact: "c" } },
  "envoy.type.matcher.v3.ListMatcher": { one_of: { string_match: { exact: "c" } } },
  "envoy.type.v3.Int32Range": { start: 100, end: 400 },
  "envoy.type.v3.Int64Range": { start: "1", end: "5" },
  "envoy.type.v3.FractionalPercent": { numerator: 50 },
  "envoy.type.v3.Percent": { value: 50 },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": { explicit_http_config: { http_protocol_options: {} } },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection": { error_matcher: { any_match: true } },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig": { http_protocol_options: {} },
  "envoy.config.cluster.v3.Cluster.TransportSocketMatch": { name: "a", match: { a: "b" } },
  ...MATCHERS,
  "xds.core.v3.TypedExtensionConfig": input,
  "envoy.config.core.v3.TypedExtensionConfig": {
    name: "a",
    typed_config: { "@type": `${EXT}.internal_redirect.previous_routes.v3.PreviousRoutesConfig` },
  },
  [`${ROUTE}.RetryPolicy.RetryPriority`]: {
    name: "a",
    typed_config: {
      "@type": `${EXT}.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig`,
      update_frequency: 2,
    },
  },
  "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig": { update_frequency: 2 },
  [`${ROUTE}.RetryPolicy.RetryHostPredicate`]: {
    name: "a",
    typed_config: { "@type": `${EXT}.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig` },
  },
  "envoy.extensions.filters.common.fault.v3.FaultRateLimit.FixedLimit": { limit_kbps: 1 },
  "envoy.config.cluster.v3.Cluster.CustomClusterType": {
    name: "a",
    typed_config: {
      "@type": `${EXT}.clusters.dynamic_forward_proxy.v3.ClusterConfig`,
      dns_cache_config: { name: "a" },
    },
  },
  "envoy.config.cluster.v3.LoadBalancingPolicy": { policies: [LEAST_REQUEST] },
  "envoy.config.cluster.v3.LoadBalancingPolicy.Policy": LEAST_REQUEST,
  "envoy.config.accesslog.v3.AccessLogFilter": { not_health_check_filter: {} },
  "envoy.config.accesslog.v3.StatusCodeFilter": { comparison: { op: "GE", value: { default_value: 400 } } },
  "envoy.config.accesslog.v3.DurationFilter": { comparison: { op: "GE", value: { default_value: 400 } } },
};

/** By field, where a value of its own is not one of the kind's: a list has the probed element first. */
export const FIELD_VALUES: Readonly<Record<string, Json>> = {
  "envoy.config.route.v3.RedirectAction.port_redirect": 8_080,
  "envoy.config.route.v3.QueryParameterMatcher.present_match": true,
  "envoy.config.cluster.v3.OutlierDetection.max_ejection_time": "900s",
  "envoy.config.route.v3.DirectResponseAction.status": 404,
  "envoy.config.core.v3.SocketAddress.port_value": 8_080,
  "envoy.config.core.v3.KeepaliveSettings.interval": "30s",
  "envoy.config.route.v3.RetryPolicy.retry_on": "gateway-error",
  "envoy.config.route.v3.RouteMatch.path_separated_prefix": "/a",
  "envoy.config.route.v3.RouteMatch.prefix": "/a",
  "envoy.config.route.v3.RouteMatch.path": "/a",
  "envoy.config.listener.v3.FilterChainMatch.transport_protocol": "tls",
  "envoy.config.core.v3.CidrRange.address_prefix": "192.168.0.0",
  "envoy.config.core.v3.DataSource.inline_bytes": Buffer.from(PEM).toString("base64"),
  "envoy.config.core.v3.DataSource.inline_string": `${PEM}# other`,
  "envoy.config.core.v3.DataSource.filename": "/dev/null",
  "envoy.extensions.transport_sockets.tls.v3.TlsParameters.cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"],
  "envoy.extensions.transport_sockets.tls.v3.TlsParameters.ecdh_curves": ["P-256"],
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.verify_certificate_hash": ["ab".repeat(32)],
  "envoy.config.core.v3.DataSource.environment_variable": "HOME",
  "envoy.config.core.v3.SubstitutionFormatString.text_format": "%PROTOCOL%\n",
  "envoy.config.core.v3.SubstitutionFormatString.json_format": { a: "%PROTOCOL%" },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog.format": "%PROTOCOL%\n",
  "envoy.extensions.access_loggers.file.v3.FileAccessLog.json_format": { a: "%PROTOCOL%" },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog.typed_json_format": { a: "%PROTOCOL%" },
  "envoy.extensions.filters.http.fault.v3.FaultAbort.http_status": 500,
  [`${XDS_MATCHER}.Matcher.OnMatch.action`]: onMatch.action,
  [`${XDS_MATCHER}.Matcher.MatcherTree.input`]: input,
  [`${XDS_MATCHER}.Matcher.MatcherTree.custom_match`]: IP_TREE,
  [`${XDS_MATCHER}.Matcher.MatcherList.Predicate.SinglePredicate.input`]: input,
  [`${XDS_MATCHER}.Matcher.MatcherList.Predicate.SinglePredicate.custom_match`]: IPS,
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.server_header_transformation":
    "PASS_THROUGH",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.http_filters": [cors, router],
};

/** By field, what of the message must go when it is set, beside the other cases of its oneof. */
export const EXCLUDES: Readonly<Record<string, readonly string[]>> = {
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.tls_certificate_sds_secret_configs": ["tls_certificates"],
  "envoy.config.cluster.v3.Cluster.cluster_type": ["load_assignment"],
  "envoy.config.trace.v3.OpenTelemetryConfig.http_service": ["grpc_service"],
};

const DNS: JsonMessage = { type: "STRICT_DNS" };
const SNIFFING: JsonMessage = {
  listener_filters: [{ name: "a", typed_config: { "@type": `${EXT}.filters.listener.tls_inspector.v3.TlsInspector` } }],
};
const TYPED_HTTP: JsonMessage = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": `${EXT}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http_protocol_options: {} },
    },
  },
};

/** By field, what must stand beside it for it to mean anything. */
export const BESIDE: Readonly<Record<string, JsonMessage>> = {
  "envoy.config.cluster.v3.Cluster.cluster_type": { lb_policy: "CLUSTER_PROVIDED" },
  "envoy.config.cluster.v3.Cluster.cleanup_interval": { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" },
  "envoy.config.cluster.v3.Cluster.original_dst_lb_config": { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" },
  "envoy.config.cluster.v3.Cluster.ring_hash_lb_config": { lb_policy: "RING_HASH" },
  "envoy.config.cluster.v3.Cluster.maglev_lb_config": { lb_policy: "MAGLEV" },
  "envoy.config.cluster.v3.Cluster.least_request_lb_config": { lb_policy: "LEAST_REQUEST" },
  "envoy.config.cluster.v3.Cluster.dns_failure_refresh_rate": DNS,
  "envoy.config.cluster.v3.Cluster.dns_refresh_rate": DNS,
  "envoy.config.cluster.v3.Cluster.respect_dns_ttl": DNS,
  "envoy.config.cluster.v3.Cluster.dns_jitter": DNS,
  "envoy.extensions.filters.http.set_metadata.v3.Config.metadata_namespace": { value: { a: "b" } },
  "envoy.config.cluster.v3.Cluster.dns_lookup_family": DNS,
  "envoy.config.cluster.v3.Cluster.max_requests_per_connection": TYPED_HTTP,
  "envoy.type.tracing.v3.CustomTag.Environment.default_value": { name: "HEDDLE_NO_SUCH_VARIABLE" },
  "envoy.config.core.v3.ProxyProtocolPassThroughTLVs.tlv_type": { match_type: "INCLUDE" },
  "envoy.config.listener.v3.Listener.listener_filters_timeout": SNIFFING,
  "envoy.config.listener.v3.Listener.continue_on_listener_filters_timeout": SNIFFING,
};

/** Messages that say where resources come from: the proxy has its one stream from the bootstrap, and looks at none of them. */
export const OPAQUE: ReadonlySet<string> = new Set([
  "envoy.config.core.v3.ConfigSource",
  "envoy.config.core.v3.GrpcService",
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig",
]);

/** Kinds of a map's key that matter: what the value is looked up by. */
export const MAP_KEYS: Readonly<Record<string, string>> = {
  "envoy.config.cluster.v3.Cluster.typed_extension_protocol_options":
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
  "envoy.config.core.v3.Metadata.filter_metadata": "envoy.lb",
};
