// Clusters that stand for no service: the way out of the mesh, the way nowhere, and the way back in.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectionPool, OriginatedTls } from "../model/client-policy.ts";
import type { OutsideTls } from "../model/settings.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { BLACK_HOLE_CLUSTER, DYNAMIC_DNS_CLUSTER, PASSTHROUGH_CLUSTER } from "../xds/names.ts";
import { bufferFields, circuitBreakers, connectionOptions } from "./cluster-limits.ts";
import { hostOfRequest } from "./dns.ts";
import { FORWARD_PROXY_TUNNEL, INBOUND_PASSTHROUGH, PASSTHROUGH_DNS } from "./listener-names.ts";
import { protocolOptions } from "./protocol.ts";
import { externalClient, gatewayClient, namesOfRequest } from "./tls.ts";

/** Istio's `connectTimeout`. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface SpecialSettings {
  /** The mesh's for services of which no policy speaks. */
  readonly pool: ConnectionPool | undefined;
  /** Of names of HTTP/1.1's fields. */
  readonly preservesCase: boolean;
  /** Of all connections. */
  readonly bufferBytes: number | undefined;
  /** To hosts that requests lead to by DNS. */
  readonly tls: OriginatedTls | undefined;
  readonly outsideTls: OutsideTls;
}

function originalDestination(name: string, { pool, preservesCase, bufferBytes }: SpecialSettings): Cluster {
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationFromMs(pool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    ...bufferFields(bufferBytes),
    typedExtensionProtocolOptions: protocolOptions("downstream", { pool, preservesCase }),
    ...(pool ? { circuitBreakers: circuitBreakers(pool, undefined) } : {}),
    ...(pool?.tcpKeepalive ? { upstreamConnectionOptions: connectionOptions(pool.tcpKeepalive) } : {}),
  });
}

/** Where a captured connection was going. */
export function passthroughCluster(settings: SpecialSettings): Cluster {
  return originalDestination(PASSTHROUGH_CLUSTER, settings);
}

/** The same towards the application, for ports that no service has. */
export function inboundPassthroughCluster(settings: SpecialSettings): Cluster {
  return originalDestination(INBOUND_PASSTHROUGH, settings);
}

/** No endpoint: what is sent here is refused, and the log says so. */
export function blackHoleCluster(): Cluster {
  return create(ClusterSchema, {
    name: BLACK_HOLE_CLUSTER,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
  });
}

/** Hosts outside of the mesh, for the forward proxy. In plaintext HTTP/1.1: what is inside of a tunnel is the client's own matter. */
export function passthroughDnsCluster({ preservesCase }: SpecialSettings): Cluster {
  return create(ClusterSchema, {
    name: PASSTHROUGH_DNS,
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
    clusterDiscoveryType: hostOfRequest(),
    ...(preservesCase ? { typedExtensionProtocolOptions: protocolOptions("http1", { preservesCase }) } : {}),
  });
}

/** Hosts outside of the mesh that requests name, in the protocol of their client; with the mesh's TLS, if it has some for them. */
export function dynamicDnsCluster({ pool, preservesCase, bufferBytes, tls, outsideTls }: SpecialSettings): Cluster {
  const namedByRequest = tls && tls.sni === undefined ? namesOfRequest(tls) : undefined;
  return create(ClusterSchema, {
    name: DYNAMIC_DNS_CLUSTER,
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: durationFromMs(pool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    clusterDiscoveryType: hostOfRequest(),
    ...bufferFields(bufferBytes),
    typedExtensionProtocolOptions: protocolOptions("downstream", { pool, preservesCase, namedByRequest }),
    ...(pool ? { circuitBreakers: circuitBreakers(pool, undefined) } : {}),
    ...(pool?.tcpKeepalive ? { upstreamConnectionOptions: connectionOptions(pool.tcpKeepalive) } : {}),
    ...(tls ? { transportSocket: socketOf(tls, outsideTls) } : {}),
  });
}

function socketOf(tls: OriginatedTls, outsideTls: OutsideTls): TransportSocket {
  return tls.kind === "mesh"
    ? gatewayClient(tls.sni ?? "", tls.subjectAltNames)
    : externalClient(tls, undefined, outsideTls);
}

/** The internal listener. Needs the bootstrap extension envoy.bootstrap.internal_listener. */
export function tunnelCluster(): Cluster {
  return create(ClusterSchema, {
    name: FORWARD_PROXY_TUNNEL,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
    loadAssignment: {
      clusterName: FORWARD_PROXY_TUNNEL,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: "endpoint",
                value: {
                  address: {
                    address: {
                      case: "envoyInternalAddress",
                      value: { addressNameSpecifier: { case: "serverListenerName", value: FORWARD_PROXY_TUNNEL } },
                    },
                  },
                },
              },
            },
          ],
        },
      ],
    },
  });
}
