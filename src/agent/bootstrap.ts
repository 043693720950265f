// The bootstrap that either proxy starts from. It names the agent's socket for secrets and the control plane for everything else.

import { PROGRAM_SIZE_LAYER } from "../base/regex-size.ts";
import { encodePeerMetadata } from "../stats/peer-metadata.ts";
import type { Workload as MetricsWorkload } from "../stats/traffic-labels.ts";
import type { ControlPlane, ProxyStart, Sidecar, Workload } from "./sidecar.ts";

const UPSTREAM_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

const HTTP2 = {
  [HTTP_OPTIONS]: {
    "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
    explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: "30s", timeout: "10s" } } },
  },
};

function canonicalName({ labels, workloadName }: Workload): string {
  return labels["service.istio.io/canonical-name"] ?? labels.app ?? workloadName;
}

/** The workload as the labels of metrics name it. */
export function metricsWorkload(workload: Workload): MetricsWorkload {
  const { labels } = workload;
  return {
    name: workload.workloadName,
    namespace: workload.namespace,
    canonicalName: canonicalName(workload),
    canonicalRevision: labels["service.istio.io/canonical-revision"] ?? labels.version ?? "latest",
    app: labels.app ?? "",
    version: labels.version ?? "",
    cluster: workload.clusterId,
  };
}

/** What the workload's peers are told of it. */
export function peerMetadata(workload: Workload): string {
  return encodePeerMetadata(metricsWorkload(workload));
}

/** Istio's node types. */
function nodeType({ role }: Sidecar): string {
  return role === "gateway" ? "router" : "sidecar";
}

/** Istio's prefix of variables that become metadata of the node. */
const METADATA_PREFIX = "ISTIO_META_";

/** As Istio's agent says it: PROXY_CONFIG, and variables with the prefix under the rest of their names. */
function startMetadata({ concurrency, environment }: ProxyStart): Readonly<Record<string, unknown>> {
  const named = Object.entries(environment).flatMap(([name, value]) =>
    name.startsWith(METADATA_PREFIX) && name !== METADATA_PREFIX ? [[name.slice(METADATA_PREFIX.length), value]] : [],
  );
  const hasEnvironment = Object.keys(environment).length > 0;
  if (concurrency === undefined && !hasEnvironment) return {};
  const config = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(hasEnvironment ? { proxyMetadata: environment } : {}),
  };
  return { ...Object.fromEntries(named), PROXY_CONFIG: config };
}

function node(sidecar: Sidecar, start: ProxyStart) {
  const { workload, proxy } = sidecar;
  const { name, namespace, address } = workload;
  return {
    id: `${nodeType(sidecar)}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${canonicalName(workload)}.${namespace}`,
    ...(proxy === "heddle" && { user_agent_name: "heddle" }),
    metadata: {
      ...startMetadata(start),
      NAME: name,
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: workload.serviceAccount,
      CLUSTER_ID: workload.clusterId,
      MESH_ID: workload.trustDomain,
      WORKLOAD_NAME: workload.workloadName,
      LABELS: workload.labels,
    },
  };
}

function endpoint(clusterName: string, address: object) {
  return { cluster_name: clusterName, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
}

function agentCluster(name: string, socket: string) {
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: HTTP2,
    load_assignment: endpoint(name, { pipe: { path: socket } }),
  };
}

const FROM_AGENT = {
  resource_api_version: "V3",
  api_config_source: {
    api_type: "DELTA_GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
  },
};
const FROM_CONTROL_PLANE = { resource_api_version: "V3", ads: {} };

/** The secret with the mesh's roots alone: what it trusts beside them vouches for peers, never for who tells it whom to trust. */
export const CONTROL_PLANE_ROOTS = "CONTROLPLANECA";

/** By name, or through a relay of the agent where the proxy's network does not lead to the control plane. */
function discoveryAddress({ host, port }: ControlPlane, relay: string | undefined) {
  if (relay !== undefined) return { type: "STATIC", load_assignment: endpoint("xds-grpc", { pipe: { path: relay } }) };
  const load_assignment = endpoint("xds-grpc", { socket_address: { address: host, port_value: port } });
  return { type: "STRICT_DNS", dns_lookup_family: "V4_PREFERRED", load_assignment };
}

function discoveryCluster({ controlPlane }: Sidecar, relay: string | undefined) {
  const secret = (name: string) => ({ name, sds_config: FROM_AGENT });
  return {
    name: "xds-grpc",
    ...discoveryAddress(controlPlane, relay),
    connect_timeout: "5s",
    typed_extension_protocol_options: HTTP2,
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": UPSTREAM_TLS,
        sni: "heddle.heddle-system.svc",
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
          tls_certificate_sds_secret_configs: [secret("default")],
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: controlPlane.identity } }],
            },
            validation_context_sds_secret_config: secret(CONTROL_PLANE_ROOTS),
          },
        },
      },
    },
  };
}

const SAYS_LAYERS = /"layered_?[rR]untime"/;

/** Envoy has the layer of its admin interface by itself only where no layers are said, and takes one at most: whoever adds layers brings it. */
function runtimeLayers({ bootstrap }: ProxyStart) {
  const saysLayers = bootstrap.some(({ json }) => SAYS_LAYERS.test(json));
  return { layers: [PROGRAM_SIZE_LAYER, ...(saysLayers ? [] : [{ name: "admin", admin_layer: {} }])] };
}

export const NOTHING_SAID: ProxyStart = { environment: {}, bootstrap: [] };

/** The agent's Unix sockets. */
export interface AgentSockets {
  /** Serves secrets and takes Envoy's access logs. */
  readonly agent: string;
  /** Leads to the control plane; undefined where its address does. */
  readonly controlPlane: string | undefined;
}

/** The result is an envoy.config.bootstrap.v3.Bootstrap. */
export function proxyBootstrap(
  sidecar: Sidecar,
  { agent, controlPlane }: AgentSockets,
  start: ProxyStart = NOTHING_SAID,
): object {
  return {
    node: node(sidecar, start),
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: sidecar.ports.admin } } },
    dynamic_resources: {
      lds_config: FROM_CONTROL_PLANE,
      cds_config: FROM_CONTROL_PLANE,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [
        discoveryCluster(sidecar, controlPlane),
        agentCluster("sds-grpc", agent),
        agentCluster("als-grpc", agent),
      ],
    },
    ...(sidecar.proxy === "envoy" && {
      layered_runtime: runtimeLayers(start),
      bootstrap_extensions: [
        {
          name: "envoy.bootstrap.internal_listener",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
          },
        },
      ],
    }),
  };
}
