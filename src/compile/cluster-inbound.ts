// Clusters of the application beside the proxy.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { isHttp, isHttp2, type Protocol } from "../model/protocol.ts";
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { AddressSchema } from "../xds/gen/envoy/config/core/v3/address_pb.ts";
import { clusterName } from "../xds/names.ts";
import { bufferFields, circuitBreakers, connectionOptions } from "./cluster-limits.ts";
import type { ServedPort } from "./inbound-ports.ts";
import { servicesMetadata } from "./metadata.ts";
import { protocolOptions, type UpstreamProtocol } from "./protocol.ts";
import { statName } from "./stat-name.ts";

/** Applications of the mesh may bind loopback alone, so that nothing but their sidecar reaches them. */
const APPLICATION_ADDRESS = "127.0.0.1";

/** Istio's `connectTimeout`. */
const CONNECT_TIMEOUT_MS = 10_000;

/** `inbound|8080||`. */
export function applicationCluster(port: number): string {
  return clusterName({ direction: "inbound", port, subset: "", host: "" });
}

/** `inbound|8080|http2|`: the same application, addressed in HTTP/2, when nobody declared what it speaks. */
export function applicationHttp2Cluster(port: number): string {
  return clusterName({ direction: "inbound", port, subset: "http2", host: "" });
}

function declaredProtocol(protocol: Protocol): UpstreamProtocol {
  if (isHttp2(protocol)) return "http2";
  return isHttp(protocol) || protocol === "undeclared" ? "http1" : undefined;
}

function addressOf({ number, own }: ServedPort): MessageInitShape<typeof AddressSchema> {
  if (own?.endpoint?.kind === "socket") return { address: { case: "pipe", value: { path: own.endpoint.file } } };
  const { address, port } = own?.endpoint ?? { address: APPLICATION_ADDRESS, port: number };
  return { address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } } };
}

/** What the mesh, or the workload, says of them. */
export interface ApplicationClusters {
  /** Of names in statistics. */
  readonly pattern: string | undefined;
  /** Of names of HTTP/1.1's fields. */
  readonly preservesCase: boolean;
  /** Of connections. */
  readonly bufferBytes: number | undefined;
}

function cluster(
  name: string,
  port: ServedPort,
  protocol: UpstreamProtocol,
  { pattern, preservesCase, bufferBytes }: ApplicationClusters,
): Cluster {
  const { service, own } = port;
  const pool = own?.connectionPool;
  return create(ClusterSchema, {
    name,
    altStatName: nameInStatistics(pattern, port),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationFromMs(pool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
    ...bufferFields(bufferBytes),
    typedExtensionProtocolOptions: protocolOptions(protocol, { pool, preservesCase }),
    ...(pool ? { circuitBreakers: circuitBreakers(pool, undefined) } : {}),
    ...(pool?.tcpKeepalive ? { upstreamConnectionOptions: connectionOptions(pool.tcpKeepalive) } : {}),
    // The oldest service alone: a younger one that leads here as well must not rebuild the cluster.
    ...(service ? { metadata: servicesMetadata([service]) } : {}),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: "endpoint",
                value: { address: addressOf(port) },
              },
            },
          ],
        },
      ],
    },
  });
}

/** By the oldest service that leads to the port. */
function nameInStatistics(pattern: string | undefined, { service, servicePort, number }: ServedPort): string {
  const port = service?.ports.find((each) => each.number === servicePort);
  return service && port ? statName(pattern, { service, port, subset: "", target: number }) : "";
}

export function applicationClusters(port: ServedPort, settings: ApplicationClusters): Cluster[] {
  const spoken = port.own?.protocol && isHttp(port.own.protocol) ? port.own.protocol : port.protocol;
  const own = cluster(applicationCluster(port.number), port, declaredProtocol(spoken), settings);
  if (port.protocol !== "undeclared") return [own];
  return [own, cluster(applicationHttp2Cluster(port.number), port, "http2", settings)];
}
