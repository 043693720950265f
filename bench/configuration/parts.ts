// What the bootstraps of all cases are made of. Plain objects in the JSON form of envoy.config.bootstrap.v3.Bootstrap: the same for both proxies.

import { RUNTIME_ENVIRONMENT } from "../../src/agent/proxy-environment.ts";
import { encodePeerMetadata, PEER_METADATA_VARIABLE } from "../../src/stats/peer-metadata.ts";

/** A message in protobuf's JSON form, with the field names of the protos. */
export type Message = Readonly<Record<string, unknown>>;

const EXTENSIONS = "type.googleapis.com/envoy.extensions";

/** Istio's default access log (telemetry_logging.go), which both proxies write here. */
const ISTIO_LINE =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

/** Per connection and direction, as the control plane configures it. */
const BUFFER_BYTES = 32_768;
const UNLIMITED = 4_294_967_295;

export const HOST = "golden-signal.default.svc.cluster.local";
export const PATH = "/hello";

export function socketAddress(port: number): Message {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** The environment of every proxy, as the agent gives it: what it tells its peer of the workload beside it, and the runtime's settings. */
export const PROXY_ENVIRONMENT = {
  ...RUNTIME_ENVIRONMENT,
  [PEER_METADATA_VARIABLE]: encodePeerMetadata({
    name: "client-v1",
    namespace: "default",
    canonicalName: "client",
    canonicalRevision: "v1",
    app: "client",
    version: "v1",
    cluster: "Kubernetes",
  }),
} as const;

export interface BootstrapParts {
  readonly name: string;
  readonly adminPort: number;
  readonly listeners: readonly Message[];
  readonly clusters: readonly Message[];
  /** Further fields of the bootstrap. */
  readonly settings?: Message;
  readonly secrets?: readonly Message[];
}

export function bootstrap({
  name,
  adminPort,
  listeners,
  clusters,
  settings = {},
  secrets = [],
}: BootstrapParts): Message {
  const labels = {
    app: name,
    version: "v1",
    "service.istio.io/canonical-name": name,
    "service.istio.io/canonical-revision": "v1",
  };
  return {
    node: {
      id: `sidecar~127.0.0.1~${name}-v1.default~default.svc.cluster.local`,
      cluster: `${name}.default`,
      metadata: { WORKLOAD_NAME: `${name}-v1`, NAMESPACE: "default", CLUSTER_ID: "Kubernetes", LABELS: labels },
    },
    admin: { address: socketAddress(adminPort) },
    static_resources: { secrets, listeners, clusters },
    ...settings,
  };
}

export function accessLog(path: string): readonly Message[] {
  return [
    {
      name: "envoy.access_loggers.file",
      typed_config: {
        "@type": `${EXTENSIONS}.access_loggers.file.v3.FileAccessLog`,
        path,
        log_format: { text_format_source: { inline_string: ISTIO_LINE } },
      },
    },
  ];
}

export interface ListenerParts {
  readonly name: string;
  readonly port: number;
  readonly direction: "INBOUND" | "OUTBOUND";
  readonly chain: Message;
  /** What belongs to a listener that ends the leg. */
  readonly leg?: Message;
}

export function listener({ name, port, direction, chain, leg = {} }: ListenerParts): Message {
  return {
    name,
    address: socketAddress(port),
    traffic_direction: direction,
    per_connection_buffer_limit_bytes: BUFFER_BYTES,
    filter_chains: [chain],
    ...leg,
  };
}

/** The proxies that take these bootstraps. */
export type Program = "heddle" | "envoy";

/** Of spans that Envoy would export. No request is sampled, so that none is, and nobody listens. */
const COLLECTOR = "opentelemetry_collector";

export function collector(): Message {
  return {
    name: COLLECTOR,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: COLLECTOR,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(9) } }] }],
    },
  };
}

/** Trace context for every request, spans for none. Envoy makes none without a tracer; Heddle makes it by itself and refuses tracers. */
function tracing(program: Program): Message {
  const provider = {
    name: "envoy.tracers.opentelemetry",
    typed_config: {
      "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
      http_service: { http_uri: { uri: "http://127.0.0.1:9/v1/traces", cluster: COLLECTOR, timeout: "1s" } },
      service_name: "bench",
    },
  };
  return { random_sampling: { value: 0 }, ...(program === "envoy" ? { provider } : {}) };
}

export interface HttpParts {
  readonly name: string;
  readonly accessLog: string;
  readonly filters: readonly Message[];
  /** Where the routes come from: {@link inlineRoutes}, {@link directAnswer}, or discovery. */
  readonly routes: Message;
  /** Further fields of the connection manager. */
  readonly settings?: Message;
  /** Whose configuration it is: see {@link tracing}. */
  readonly program: Program;
}

export function httpFilter(parts: HttpParts): Message {
  const router = { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` };
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: parts.name,
      codec_type: "AUTO",
      server_header_transformation: "PASS_THROUGH",
      use_remote_address: false,
      generate_request_id: true,
      normalize_path: true,
      stream_idle_timeout: "0s",
      http_protocol_options: { enable_trailers: true },
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: "websocket" }],
      tracing: tracing(parts.program),
      access_log: accessLog(parts.accessLog),
      ...parts.settings,
      http_filters: [...parts.filters, { name: "envoy.filters.http.router", typed_config: router }],
      ...parts.routes,
    },
  };
}

/** One route for every request, as the control plane configures it; `virtualHost` and `route` add to it. */
export function inlineRoutes(name: string, virtualHost: Message, route: Message): Message {
  const action = {
    timeout: "0s",
    max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
    ...route,
  };
  const routes = [{ name: "default", match: { prefix: "/" }, route: action }];
  const virtualHosts = [{ name, domains: ["*"], ...virtualHost, routes }];
  return { route_config: { name, validate_clusters: false, virtual_hosts: virtualHosts } };
}

/** Answers by itself: what asks it measures the proxy's event loop and nothing behind it. */
export function directAnswer(name: string): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "here\n" } } }];
  return { route_config: { name, virtual_hosts: [{ name, domains: ["*"], routes }] } };
}

export function tcpFilter(cluster: string, log: string): Message {
  return {
    name: "envoy.filters.network.tcp_proxy",
    typed_config: {
      "@type": `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: cluster,
      cluster,
      access_log: accessLog(log),
    },
  };
}

/** One policy, ALLOW: GET and POST of {@link PATH} and what is below it, for the principals. Everything else is refused with 403. */
export function rbacFilter(principal: Message): Message {
  const method = (exact: string) => ({ header: { name: ":method", string_match: { exact } } });
  return {
    name: "envoy.filters.http.rbac",
    typed_config: {
      "@type": `${EXTENSIONS}.filters.http.rbac.v3.RBAC`,
      rules: {
        action: "ALLOW",
        policies: {
          "ns[default]-policy[callers]-rule[0]": {
            permissions: [
              {
                and_rules: {
                  rules: [
                    { or_rules: { rules: [method("GET"), method("POST")] } },
                    { or_rules: { rules: [{ url_path: { path: { prefix: PATH } } }] } },
                  ],
                },
              },
            ],
            principals: [principal],
          },
        },
      },
    },
  };
}

/** Istio's default for routes between workloads. */
export const OUTBOUND_RETRIES: Message = {
  retry_on: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
  num_retries: 2,
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: { "@type": `${EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
    },
  ],
  host_selection_retry_max_attempts: 5,
};

/** Istio's default from a sidecar to its own application. */
export const INBOUND_RETRIES: Message = { retry_on: "reset-before-request", num_retries: 2 };

export interface ClusterParts {
  readonly name: string;
  readonly port: number;
  readonly protocol: "http/1.1" | "h2" | "tcp";
  /** Socket and endpoint metadata of the leg. */
  readonly leg?: { readonly socket: Message; readonly endpointMetadata: Message };
}

export function cluster({ name, port, protocol, leg }: ClusterParts): Message {
  const options =
    protocol === "h2"
      ? { http2_protocol_options: { allow_connect: true } }
      : { http_protocol_options: { enable_trailers: true } };
  const thresholds = {
    max_connections: UNLIMITED,
    max_pending_requests: UNLIMITED,
    max_requests: UNLIMITED,
    max_retries: UNLIMITED,
    track_remaining: true,
  };
  return {
    name,
    type: "STATIC",
    connect_timeout: "10s",
    circuit_breakers: { thresholds: [thresholds] },
    metadata: {
      filter_metadata: { istio: { services: [{ host: HOST, name: "golden-signal", namespace: "default" }] } },
    },
    ...(protocol === "tcp"
      ? {}
      : {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: options,
            },
          },
        }),
    ...(leg
      ? { transport_socket_matches: [{ name: "leg", match: { leg: "mesh" }, transport_socket: leg.socket }] }
      : {}),
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: socketAddress(port) }, ...(leg ? { metadata: leg.endpointMetadata } : {}) },
          ],
        },
      ],
    },
  };
}
