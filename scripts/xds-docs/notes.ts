// Where Heddle's proxy does otherwise than Envoy on purpose, or takes a field without doing anything: by message and field, or `*.field`
// for all fields of a name.

const NO_RUNTIME = "Heddle's proxy has no runtime: the default stands";
const ONE_STREAM =
  "everything comes over the one aggregated stream of the bootstrap, and secrets over the agent's: not read";
const NO_STATS = "Envoy's prefix of statistics that Heddle's proxy does not keep";
const LABEL = "a name for people";
const FAULT = "envoy.extensions.filters.http.fault.v3.HTTPFault";

/** Taken, and nothing comes of it. */
export const NO_EFFECT: Readonly<Record<string, string>> = {
  "*.runtime_key": NO_RUNTIME,
  "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig.transport_api_version":
    "there is but one version, V3",
  "*.runtime_key_prefix": NO_RUNTIME,
  "*.use_independent_randomness": NO_RUNTIME,
  [`${FAULT}.delay_percent_runtime`]: NO_RUNTIME,
  [`${FAULT}.abort_percent_runtime`]: NO_RUNTIME,
  [`${FAULT}.delay_duration_runtime`]: NO_RUNTIME,
  [`${FAULT}.abort_http_status_runtime`]: NO_RUNTIME,
  [`${FAULT}.max_active_faults_runtime`]: NO_RUNTIME,
  [`${FAULT}.response_rate_limit_percent_runtime`]: NO_RUNTIME,
  [`${FAULT}.abort_grpc_status_runtime`]: NO_RUNTIME,
  [`${FAULT}.disable_downstream_cluster_stats`]: NO_STATS,
  "envoy.config.route.v3.Route.stat_prefix": NO_STATS,
  "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor.stat_prefix": NO_STATS,
  "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit.stat_prefix": NO_STATS,
  "envoy.config.listener.v3.Listener.stat_prefix": "statistics of a listener carry its name",
  "*.config_source": ONE_STREAM,
  "envoy.config.cluster.v3.Cluster.eds_cluster_config": "read of a cluster of type EDS",
  "envoy.config.core.v3.TypedExtensionConfig.name": LABEL,
  "envoy.config.core.v3.TransportSocket.name": LABEL,
  "envoy.config.cluster.v3.Cluster.CustomClusterType.name": LABEL,
  "envoy.config.route.v3.RetryPolicy.RetryPriority.name": LABEL,
  "envoy.config.route.v3.RetryPolicy.RetryHostPredicate.name": LABEL,
  "envoy.config.listener.v3.Filter.name": LABEL,
  "envoy.config.accesslog.v3.AccessLog.name": LABEL,
  "envoy.config.accesslog.v3.ExtensionFilter.name": LABEL,
  "envoy.config.core.v3.SocketOption.description": LABEL,
  "envoy.config.endpoint.v3.ClusterLoadAssignment.cluster_name": "the resource's name says it",
  "envoy.extensions.transport_sockets.tls.v3.Secret.name": "the resource's name says it",
  "envoy.config.route.v3.RouteConfiguration.max_direct_response_body_size_bytes":
    "a body is bounded with the resource that holds it",
  "envoy.config.core.v3.Metadata.typed_filter_metadata": "of metadata, filter_metadata is read",
  "envoy.type.matcher.v3.RegexMatcher.google_re2": "every pattern is RE2",
  "xds.core.v3.TypedExtensionConfig.name": LABEL,
  "envoy.config.route.v3.WeightedCluster.total_weight": "the sum of the weights counts, as in Envoy since 1.24",
  "envoy.config.route.v3.RouteAction.UpgradeConfig.enabled": "read of the connection manager's upgrades",
  "envoy.config.cluster.v3.Cluster.CommonLbConfig.consistent_hashing_lb_config":
    "read of clusters with RING_HASH or MAGLEV",
  "envoy.extensions.filters.network.rbac.v3.RBAC.enforcement_type":
    "decided once, when the connection comes: what rules look at does not change while it lasts",
  "envoy.config.core.v3.DataSource.watched_directory": "files are read when the resource comes",
  "*.dns_cache_config": "the cache's limits and times are Heddle's own",
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig.allow_insecure_cluster_options":
    "what it allows is what is done",
  "envoy.config.cluster.v3.CircuitBreakers.Thresholds.priority": "the thresholds of priority DEFAULT hold for all",
  "envoy.config.core.v3.Http1ProtocolOptions.allow_absolute_url": "targets may be absolute always (RFC 9112 3.2.2)",
  "envoy.config.core.v3.Http1ProtocolOptions.enable_trailers": "trailers are passed on always",
  "envoy.config.core.v3.Http2ProtocolOptions.initial_stream_window_size":
    "read of listeners; upstream, windows are Heddle's own",
  "envoy.config.core.v3.Http2ProtocolOptions.initial_connection_window_size":
    "read of listeners; upstream, windows are Heddle's own",
  "envoy.config.core.v3.Http2ProtocolOptions.allow_connect": "extended CONNECT (RFC 8441) is spoken always",
  "envoy.config.trace.v3.Tracing.Http.name": LABEL,
  "envoy.type.metadata.v3.MetadataKind.request": "what is looked at where no kind is named",
  "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport.MetadataValueSource.name":
    "an internal listener of Heddle's gets no metadata of the connection",
  "envoy.config.core.v3.SocketAddress.protocol":
    "of a listener, UDP makes one for datagrams; endpoints speak their cluster's",
  "envoy.config.core.v3.Pipe.mode": "of the file of a listener; endpoints have none",
  "envoy.config.core.v3.EnvoyInternalAddress.endpoint_id": "tells apart endpoints of one address in Envoy's statistics",
  "envoy.config.listener.v3.Listener.enable_reuse_port": "the process's --reuse-port says it for all listeners",
  "envoy.config.core.v3.SocketOption.state": "each accepted connection gets it",
  "envoy.config.core.v3.SubstitutionFormatString.content_type": "is of bodies; a log has none",
  "envoy.config.core.v3.SubstitutionFormatString.json_format_options": "keys are sorted always",
};

/** Taken, and otherwise than by Envoy, or with more to be said. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue.object_key":
    "envoy.string, envoy.hashable_string, or any with such a factory_key; before a TcpProxy without a tunnel also envoy.network.application_protocols, with a text that has no operators",
  "*.sds_config": "ads: from the aggregated stream; anything else: from the agent's",
  "envoy.config.route.v3.RouteConfiguration.validate_clusters":
    "what leads to a cluster that is not there is refused; by default of routes that stand in a listener",
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.crl":
    "beside a trusted_ca in the same place, and not of SPIFFE bundles",
  "envoy.config.core.v3.UpstreamHttpProtocolOptions.auto_san_validation":
    "against DNS names: addresses in certificates are not read",
};
