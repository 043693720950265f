// Whose request it was: the edges of Istio's metrics, resolved once per host, cluster or peer and kept there.

import { type MetricOverrides, saysSame } from "../stats/metric-overrides.ts";
import { decodePeerMetadata, parseEndpointWorkload } from "../stats/peer-metadata.ts";
import type { RequestEdge } from "../stats/request-edge.ts";
import type { TcpEdge } from "../stats/tcp-edge.ts";
import type { CalledService, Peer, Traffic, Workload } from "../stats/traffic-labels.ts";
import { serviceFromAuthority, UNKNOWN_PEER, UNKNOWN_WORKLOAD } from "../stats/traffic-labels.ts";
import type { TrafficMetrics } from "../stats/traffic-metrics.ts";
import { parseServerName } from "../xds/names.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** Peer metadata seen before, so that a header that repeats on every request is decoded once. A hostile client fills this and no more. */
const REMEMBERED_PEERS = 1_000;

/** Who calls a server: as the connection proved and the metadata claims. */
export interface Caller {
  readonly principal: string;
  /** Value of x-envoy-peer-metadata, "" when there was none. */
  readonly metadata: string;
  readonly serverName: string;
}

type RequestProtocol = "http" | "grpc";

export class Reporter {
  readonly #metrics: TrafficMetrics;
  readonly #workload: Workload;
  /** Of this proxy's own certificate; known once the secret arrived. */
  #principal = "";
  readonly #peers = new Map<string, Workload>();

  constructor(metrics: TrafficMetrics, workload: Workload) {
    this.#metrics = metrics;
    this.#workload = workload;
  }

  set principal(principal: string) {
    this.#principal = principal;
  }

  get #self(): Peer {
    return { workload: this.#workload, principal: this.#principal };
  }

  /** A request to a host of a cluster, as the caller's side reports it. */
  outbound(cluster: Cluster, host: Host, protocol: RequestProtocol, overrides?: MetricOverrides): RequestEdge {
    const known = protocol === "grpc" ? host.grpcEdge : host.httpEdge;
    if (known && saysSame(known.overrides, overrides)) return known;
    const traffic: Traffic = {
      reporter: "source",
      protocol,
      source: this.#self,
      destination: destinationOf(host),
      service: serviceOf(cluster, ""),
    };
    const edge = this.#metrics.requests(traffic, overrides);
    if (protocol === "grpc") host.grpcEdge = edge;
    else host.httpEdge = edge;
    return edge;
  }

  /** A request that reached no host; `cluster` is undefined when not even a route was found. */
  outboundUnreached(
    cluster: Cluster | undefined,
    authority: string,
    protocol: RequestProtocol,
    overrides?: MetricOverrides,
  ): RequestEdge {
    const known = protocol === "grpc" ? cluster?.grpcEdge : cluster?.httpEdge;
    if (known && saysSame(known.overrides, overrides)) return known;
    const service = cluster ? serviceOf(cluster, authority) : serviceFromAuthority(authority, "");
    const edge = this.#metrics.requests(
      { reporter: "source", protocol, source: this.#self, destination: UNKNOWN_PEER, service },
      overrides,
    );
    if (cluster?.table.service) {
      if (protocol === "grpc") cluster.grpcEdge = edge;
      else cluster.httpEdge = edge;
    }
    return edge;
  }

  /** A request as the server's side reports it. */
  inbound(
    caller: Caller,
    cluster: Cluster | undefined,
    authority: string,
    protocol: RequestProtocol,
    overrides?: MetricOverrides,
  ): RequestEdge {
    const source: Peer = { workload: this.#peer(caller.metadata), principal: caller.principal };
    const destination = { ...this.#self, principal: caller.principal === "" ? "" : this.#principal };
    const service = calledService(caller.serverName, cluster, authority);
    return this.#metrics.requests({ reporter: "destination", protocol, source, destination, service }, overrides);
  }

  /** `given`: values that the overrides ask for; with them the edge is not the host's alone. */
  outboundTcp(cluster: Cluster, host: Host, overrides?: MetricOverrides, given?: readonly string[]): TcpEdge {
    const known = host.tcpEdge;
    if (known && saysSame(known.overrides, overrides) && !given?.length) return known;
    const traffic: Traffic = {
      reporter: "source",
      protocol: "tcp",
      source: this.#self,
      destination: destinationOf(host),
      service: serviceOf(cluster, ""),
    };
    host.tcpEdge = this.#metrics.tcp(traffic, "-", overrides, given);
    return host.tcpEdge;
  }

  inboundTcp(caller: Caller, cluster: Cluster, overrides?: MetricOverrides, given?: readonly string[]): TcpEdge {
    const source: Peer = { workload: this.#peer(caller.metadata), principal: caller.principal };
    const destination = { ...this.#self, principal: caller.principal === "" ? "" : this.#principal };
    const service = calledService(caller.serverName, cluster, "");
    const traffic: Traffic = { reporter: "destination", protocol: "tcp", source, destination, service };
    return this.#metrics.tcp(traffic, "-", overrides, given);
  }

  #peer(metadata: string): Workload {
    if (metadata === "") return UNKNOWN_WORKLOAD;
    const known = this.#peers.get(metadata);
    if (known) return known;
    const workload = decodePeerMetadata(metadata) ?? UNKNOWN_WORKLOAD;
    if (this.#peers.size >= REMEMBERED_PEERS) this.#peers.clear();
    this.#peers.set(metadata, workload);
    return workload;
  }
}

function destinationOf(host: Host): Peer {
  return { workload: parseEndpointWorkload(host.workload) ?? UNKNOWN_WORKLOAD, principal: host.principal };
}

function serviceOf(cluster: Cluster, authority: string): CalledService {
  return cluster.table.service ?? serviceFromAuthority(authority, cluster.table.name);
}

/** The SNI of the leg names the service exactly, where a workload serves several on one port; else the cluster says, else the Host header. */
function calledService(sni: string, cluster: Cluster | undefined, authority: string): CalledService {
  const named = parseServerName(sni);
  if (named) {
    const [name = named.host, namespace = ""] = named.host.split(".");
    return { host: named.host, name, namespace };
  }
  return cluster ? serviceOf(cluster, authority) : serviceFromAuthority(authority, "");
}
