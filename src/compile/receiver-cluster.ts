// Clusters of receivers that the mesh's settings say how to reach, under the names that they have in Istio's bootstrap.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { MeshSettings } from "../model/settings.ts";
import type { OwnReach } from "../model/telemetry.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { connectionOptions } from "./cluster-limits.ts";
import { socketAddress } from "./listener.ts";
import { protocolOptions } from "./protocol.ts";
import { externalClient, gatewayClient } from "./tls.ts";

/** Istio's. */
const CONNECT_TIMEOUT_MS = 5_000;

export interface OwnReceiver {
  readonly host: string;
  readonly port: number;
  readonly reach: OwnReach;
}

/** Of the mesh's settings; each cluster once. */
export function ownReceivers({
  logServices,
  tracing: { receiver },
}: Pick<MeshSettings, "logServices" | "tracing">): readonly OwnReceiver[] {
  const byCluster = new Map<string, OwnReceiver>();
  const all = [...logServices, ...(receiver?.kind === "zipkin" ? [receiver] : [])];
  for (const { host, port, reach } of all) if (reach) byCluster.set(reach.cluster, { host, port, reach });
  return [...byCluster.values()];
}

/** Its host is found by the proxy's own resolver. */
export function receiverCluster({ host, port, reach }: OwnReceiver): Cluster {
  const { cluster, http2, tls, keepalive } = reach;
  const address = socketAddress(host, port);
  return create(ClusterSchema, {
    name: cluster,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STRICT_DNS },
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    connectTimeout: durationFromMs(CONNECT_TIMEOUT_MS),
    typedExtensionProtocolOptions: protocolOptions(http2 ? "http2" : "http1"),
    loadAssignment: {
      clusterName: cluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address } } }] }],
    },
    ...(keepalive ? { upstreamConnectionOptions: connectionOptions(keepalive) } : {}),
    ...(tls ? { transportSocket: socketOf(tls, host) } : {}),
  });
}

/** No request of a client's names a host that it could be shown under. */
function socketOf(tls: NonNullable<OwnReach["tls"]>, host: string): TransportSocket {
  return tls.kind === "mesh"
    ? gatewayClient(tls.sni ?? host, tls.subjectAltNames)
    : externalClient({ ...tls, sni: tls.sni ?? host }, undefined, undefined);
}
