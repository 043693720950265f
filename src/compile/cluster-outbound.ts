// The clusters of a service: one for each port, and one for each port and subset.

import { create, type Message } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Origin } from "../model/origin.ts";
import type { Service, ServicePort } from "../model/service.ts";
import type { OutsideTls } from "../model/settings.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_EdsClusterConfigSchema,
  Cluster_LbPolicy,
  Cluster_TransportSocketMatchSchema,
  ClusterSchema,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import { clusterName, endpointSubset } from "../xds/names.ts";
import type { EffectiveSettings } from "./client-settings.ts";
import { balancing, bufferFields, circuitBreakers, connectionOptions, outlierDetection } from "./cluster-limits.ts";
import { hostOfRequest } from "./dns.ts";
import { GATEWAY_MATCH, ISTIO_MATCH, LEG_MATCH, type LocalityGroup, loadAssignment } from "./endpoint.ts";
import { istioOffer } from "./istio-alpn.ts";
import { lazy } from "./lazy.ts";
import { legServerName, policyServerName } from "./leg.ts";
import { clusterMetadata } from "./metadata.ts";
import type { Origination } from "./origination.ts";
import { protocolOptions, type UpstreamProtocol, upstreamProtocol } from "./protocol.ts";
import { statName } from "./stat-name.ts";
import {
  externalClient,
  gatewayClient,
  istioClient,
  legClient,
  namesOfRequest,
  plaintext,
  withProxyHeader,
} from "./tls.ts";

/** Everything that one cluster is made from. Plain data: the memo compares it. */
export interface ClusterPlan {
  readonly service: Service;
  readonly port: ServicePort;
  /** "" for the whole service. */
  readonly subset: string;
  /** "" for all endpoints; for one endpoint of a headless service, its address. */
  readonly address: string;
  readonly settings: EffectiveSettings;
  /** Undefined: no Secret has a part in its TLS. */
  readonly origination: Origination | undefined;
  /** Of TLS to a server outside. */
  readonly outsideTls: OutsideTls | undefined;
  /** Every endpoint is reached on the leg; the protocol depends on it. */
  readonly allLeg: boolean;
  /** Some endpoint of the port, ready or not, has a sidecar of Istio. */
  readonly meetsIstio: boolean;
  /** Of names of HTTP/1.1's fields; the protocol depends on it, too. */
  readonly preservesCase: boolean;
  /** Identities that servers may have, sorted. */
  readonly names: readonly string[];
  /** Endpoints that travel inside of the cluster, because it resolves them by DNS; undefined: they travel by EDS, or there are none. */
  readonly inline: readonly LocalityGroup[] | undefined;
  /** The policy that shapes it, else the service. */
  readonly origin: Origin;
  /** The mesh's pattern of names in statistics. */
  readonly statName: string | undefined;
}

export function planName({ service, port, subset, address }: ClusterPlan): string {
  const named = address === "" ? subset : endpointSubset(subset, address);
  return clusterName({ direction: "outbound", port: port.number, subset: named, host: service.host });
}

function planProtocol({ port, allLeg, settings, preservesCase }: ClusterPlan): UpstreamProtocol {
  return upstreamProtocol(port.protocol, allLeg, settings.pool, preservesCase);
}

/**
 * The name that the cluster's endpoints travel under. The protocol is part of it, and whether sidecars of Istio are met: when the rule flips,
 * the old cluster keeps the endpoints it has until it is replaced, and never sees one that it cannot speak to.
 */
export function edsName(plan: ClusterPlan): string {
  const protocol = planProtocol(plan);
  const name = protocol === undefined ? planName(plan) : `${planName(plan)}/${protocol}`;
  return plan.meetsIstio ? `${name}/istio` : name;
}

/** `nothing`: there is no way to it, so that requests are answered 503, flag UH. */
export type Discovery = "nothing" | "eds" | "dns" | "dns-round-robin" | "dynamic-dns" | "original-destination";

/** A headless service inside the mesh has known endpoints; only where nothing is known the client's own choice of address counts. */
export function discoveryOf(
  service: Service,
  settings: EffectiveSettings,
  origination: Origination | undefined,
): Discovery {
  if (origination?.kind === "missing") return "nothing";
  if (settings.loadBalancing.kind === "original-destination") return "original-destination";
  if (service.resolution === "passthrough") return service.location === "mesh" ? "eds" : "original-destination";
  return service.resolution === "endpoints" ? "eds" : service.resolution;
}

/** Some fields of a cluster. */
type ClusterFields = Partial<Omit<Cluster, keyof Message>>;

/** Istio's default; a shorter TTL of the answer counts. */
const DNS_REFRESH_MS = 60_000;

function discoveryFields(plan: ClusterPlan): ClusterFields {
  const { loadBalancing, locality } = plan.settings;
  const policy = loadBalancing.kind === "original-destination" ? undefined : balancing(loadBalancing, locality);
  const dns = (type: Cluster_DiscoveryType): ClusterFields => ({
    clusterDiscoveryType: { case: "type", value: type },
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    dnsRefreshRate: durationFromMs(plan.settings.pool?.dnsRefreshMs ?? DNS_REFRESH_MS),
    respectDnsTtl: true,
    loadAssignment: loadAssignment(planName(plan), plan.inline ?? []),
    ...(policy ? { loadBalancingPolicy: policy } : {}),
  });
  switch (discoveryOf(plan.service, plan.settings, plan.origination)) {
    case "nothing":
      return { clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC } };
    case "eds":
      return {
        clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: create(Cluster_EdsClusterConfigSchema, {
          serviceName: edsName(plan),
          edsConfig: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
        }),
        ...(policy ? { loadBalancingPolicy: policy } : {}),
      };
    case "dns":
      return dns(Cluster_DiscoveryType.STRICT_DNS);
    case "dns-round-robin":
      return dns(Cluster_DiscoveryType.LOGICAL_DNS);
    case "dynamic-dns":
      return { clusterDiscoveryType: hostOfRequest(), lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED };
    case "original-destination":
      return {
        clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
        lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      };
  }
}

/** Last: the first match that the endpoint's metadata satisfies is taken, and this one everything satisfies. */
const anythingElse = lazy(() =>
  create(Cluster_TransportSocketMatchSchema, { name: "plaintext", match: {}, transportSocket: plaintext() }),
);

function socketFields(plan: ClusterPlan): ClusterFields {
  const { service, port, subset, settings, origination, outsideTls, names } = plan;
  if (origination?.kind === "missing") return {};
  const { tls, proxyProtocol: header } = settings;
  const headed = (socket: TransportSocket) => (header ? withProxyHeader(socket, header) : socket);
  if (tls?.kind === "simple") return { transportSocket: headed(externalClient(tls, origination, outsideTls)) };
  if (tls?.kind === "disable" || (!tls && service.location === "external"))
    return header ? { transportSocket: headed(plaintext()) } : {};
  const demanded = tls?.kind === "mesh" ? tls : undefined;
  const expected = demanded && demanded.subjectAltNames.length > 0 ? demanded.subjectAltNames : names;
  const asked = policyServerName(service, port.number, subset, demanded);
  return {
    transportSocketMatches: [
      // No header on the leg: its servers know their client by the certificate, and take none.
      create(Cluster_TransportSocketMatchSchema, {
        name: "leg",
        match: LEG_MATCH,
        transportSocket: legClient(legServerName(service, port.number), expected),
      }),
      ...(plan.meetsIstio
        ? [
            create(Cluster_TransportSocketMatchSchema, {
              name: "istio",
              match: ISTIO_MATCH,
              transportSocket: headed(istioClient(asked, expected, istioOffer(planProtocol(plan)))),
            }),
          ]
        : []),
      ...(demanded
        ? [
            create(Cluster_TransportSocketMatchSchema, {
              name: "gateway",
              match: GATEWAY_MATCH,
              transportSocket: headed(gatewayClient(asked, expected)),
            }),
          ]
        : []),
      header
        ? create(Cluster_TransportSocketMatchSchema, {
            name: "plaintext",
            match: {},
            transportSocket: headed(plaintext()),
          })
        : anythingElse(),
    ],
  };
}

export function outboundCluster(plan: ClusterPlan): Cluster {
  const { service, subset, settings, origin } = plan;
  const { outlierDetection: outlier, tls } = settings;
  const namedByRequest = tls?.kind === "simple" && tls.sni === undefined ? namesOfRequest(tls) : undefined;
  return create(ClusterSchema, {
    name: planName(plan),
    altStatName: statName(plan.statName, plan),
    connectTimeout: durationFromMs(settings.connectTimeoutMs),
    ...bufferFields(settings.pool?.bufferBytes),
    circuitBreakers: circuitBreakers(settings.pool, settings.retryBudget),
    ...(settings.pool?.tcpKeepalive
      ? { upstreamConnectionOptions: connectionOptions(settings.pool.tcpKeepalive) }
      : {}),
    typedExtensionProtocolOptions: protocolOptions(planProtocol(plan), {
      pool: settings.pool,
      preservesCase: plan.preservesCase,
      namedByRequest,
      errorStatuses: outlier?.errorStatuses,
    }),
    // Below the threshold Envoy would use endpoints that it knows to be bad; Istio's default is never.
    commonLbConfig: { healthyPanicThreshold: { value: outlier?.minHealthPercent ?? 0 } },
    ...(outlier ? { outlierDetection: outlierDetection(outlier) } : {}),
    metadata: clusterMetadata(service, origin, subset),
    ...discoveryFields(plan),
    ...socketFields(plan),
  });
}
