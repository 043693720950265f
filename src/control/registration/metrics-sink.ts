// Whom a proxy tells its statistics, as its bootstrap says it: Istio's sinks, and the cluster of one.

import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { externalClient, gatewayClient } from "../../compile/tls.ts";
import type { TcpKeepalive } from "../../model/client-policy.ts";
import type { MetricsService, ProxyStart } from "../../model/proxy-start.ts";
import { envoyRegistry } from "../../xds/envoy-types.ts";
import { TransportSocketSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";

const CLUSTER = "envoy_metrics_service";
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Part of an envoy.config.bootstrap.v3.Bootstrap. */
export function metricsSink(service: MetricsService): JsonObject {
  const target = { envoy_grpc: { cluster_name: CLUSTER } };
  return {
    stats_sinks: [
      {
        name: "envoy.stat_sinks.metrics_service",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
          transport_api_version: "V3",
          grpc_service: target,
        },
      },
    ],
    static_resources: { clusters: [clusterOf(service)] },
  };
}

/** As above, of statsd. */
export function statsdSink({ address, port }: NonNullable<ProxyStart["statsd"]>): JsonObject {
  return {
    stats_sinks: [
      {
        name: "envoy.stat_sinks.statsd",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink",
          address: { socket_address: { address, port_value: port } },
        },
      },
    ],
  };
}

function clusterOf({ host, port, tls, keepalive }: MetricsService): JsonObject {
  const address = { socket_address: { address: host, port_value: port } };
  return {
    name: CLUSTER,
    type: "STRICT_DNS",
    dns_lookup_family: "V4_PREFERRED",
    connect_timeout: "5s",
    typed_extension_protocol_options: {
      [HTTP_OPTIONS]: {
        "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: CLUSTER, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(keepalive ? { upstream_connection_options: { tcp_keepalive: probes(keepalive) } } : {}),
    ...(tls ? { transport_socket: socketOf(tls, host) } : {}),
  };
}

function probes({ probes: count, idleMs, intervalMs }: TcpKeepalive): JsonObject {
  return {
    ...(count === undefined ? {} : { keepalive_probes: count }),
    ...(idleMs === undefined ? {} : { keepalive_time: Math.ceil(idleMs / 1_000) }),
    ...(intervalMs === undefined ? {} : { keepalive_interval: Math.ceil(intervalMs / 1_000) }),
  };
}

/** No request names a host that it could be shown under. */
function socketOf(tls: NonNullable<MetricsService["tls"]>, host: string): JsonObject {
  const socket =
    tls.kind === "simple"
      ? externalClient({ ...tls, sni: tls.sni ?? host }, undefined, undefined)
      : gatewayClient(tls.kind === "mesh" ? (tls.sni ?? host) : host, tls.kind === "mesh" ? tls.subjectAltNames : []);
  return toJson(TransportSocketSchema, socket, { registry: envoyRegistry(), useProtoFieldName: true }) as JsonObject;
}
