// One endpoint of a cluster as the proxy runs it: its pools, its load, its edges in the statistics.

import type { RequestEdge } from "../../stats/request-edge.ts";
import type { TcpEdge } from "../../stats/tcp-edge.ts";
import { type Address, type Endpoint, formatAddress, type Health } from "../../table/endpoint.ts";
import type { FilterMetadata } from "../../table/metadata.ts";
import type { UpstreamSocket } from "../../table/transport-socket.ts";
import type { HostLatency } from "../balance/latency.ts";
import type { ReportedLoad } from "../balance/reported-load.ts";
import type { HttpPool } from "./http-pool.ts";
import type { HostMonitor } from "./outlier/host-monitor.ts";

/** What balancing goes by (Envoy: Host::Health). */
export type HostHealth = "healthy" | "degraded" | "unhealthy";

/** Active health checks, as the request path sees them. */
export interface ActiveChecks {
  /** A response told that the host is about to fail. */
  failAtOnce(): void;
}

export class Host {
  readonly key: string;
  readonly address: Address;
  /** As `%UPSTREAM_HOST%` shows it. */
  readonly label: string;
  readonly socket: UpstreamSocket;
  readonly workload: string;
  /** What the newest update said: weight, priority, locality, metadata, name. */
  endpoint: Endpoint;
  /** Counts for outlier detection; undefined: its cluster has none. */
  monitor: HostMonitor | undefined = undefined;
  /** Outlier detection has taken it out. */
  ejected = false;
  /** Its active health checks; undefined: it is not checked. */
  session: ActiveChecks | undefined = undefined;
  /** Active health checks found it broken, or working and degraded. */
  failedActiveCheck = false;
  degradedActiveCheck = false;
  /** Not counted at all: it has yet to pass its first check (ignore_new_hosts_until_first_hc), or failed one at once. */
  excluded = false;
  /** Requests and byte streams that are on their way. */
  active = 0;
  /** Somebody has asked for it since its cluster looked last; of destinations that no endpoint names. */
  isWanted = true;
  /** It has left its cluster. */
  isGone = false;
  /** On the clock of performance.now(): since when it is here, or passes its checks again. */
  healthySince = performance.now();
  /** Its cluster was told of a failed check, and not yet of the end of it. */
  hasFailedCheck = false;
  latency: HostLatency | undefined = undefined;
  load: ReportedLoad | undefined = undefined;
  /** By protocol and priority; made on first use. */
  http1: HttpPool | undefined = undefined;
  http2: HttpPool | undefined = undefined;
  http1High: HttpPool | undefined = undefined;
  http2High: HttpPool | undefined = undefined;
  /** Of clusters whose connections are for the host that a request names: by protocol, priority and that name. */
  named: Map<string, HttpPool> | undefined = undefined;
  httpEdge: RequestEdge | undefined = undefined;
  grpcEdge: RequestEdge | undefined = undefined;
  tcpEdge: TcpEdge | undefined = undefined;
  /** SPIFFE id that the endpoint proved on its newest connection. */
  principal = "";
  readonly stats = {
    requests: 0,
    errors: 0,
    connections: 0,
    connectFailures: 0,
    activeConnections: 0,
    timeouts: 0,
    /** With those that are being opened. */
    openConnections: 0,
  };

  constructor(endpoint: Endpoint, socket: UpstreamSocket) {
    this.key = Host.key(endpoint, socket);
    this.address = endpoint.address;
    this.label = formatAddress(endpoint.address);
    this.socket = socket;
    this.workload = endpoint.workload;
    this.endpoint = endpoint;
  }

  /** Another host with the same key would be the same connections and series: an update keeps this one. */
  static key(endpoint: Endpoint, socket: UpstreamSocket): string {
    return [formatAddress(endpoint.address), endpoint.workload, JSON.stringify(socket)].join("\0");
  }

  get weight(): number {
    return this.endpoint.weight;
  }

  get priority(): number {
    return this.endpoint.priority;
  }

  get locality(): Endpoint["locality"] {
    return this.endpoint.locality;
  }

  get localityWeight(): number {
    return this.endpoint.localityWeight;
  }

  get lbMetadata(): ReadonlyMap<string, string> {
    return this.endpoint.lbMetadata;
  }

  get metadata(): FilterMetadata {
    return this.endpoint.metadata;
  }

  /** Its name where it has one beside its address; "" without. */
  get hostname(): string {
    return this.endpoint.hostname;
  }

  /** False: it has yet to pass a check, or it drains; a priority is no less healthy for it (Envoy: excluded hosts). */
  get isCounted(): boolean {
    return !this.excluded && this.edsHealth !== "draining";
  }

  /** What EDS says of it. */
  get edsHealth(): Health {
    return this.endpoint.health;
  }

  /** Everything that is known of it, at its worst (Envoy: HostImpl::coarseHealth). */
  get health(): HostHealth {
    const { health } = this.endpoint;
    if (this.ejected || this.failedActiveCheck || health === "unhealthy" || health === "draining") return "unhealthy";
    return this.degradedActiveCheck || health === "degraded" ? "degraded" : "healthy";
  }

  /** As `override_host_status` names what a session may be bound to. */
  get status(): Health {
    return this.health === "unhealthy" && this.edsHealth === "draining" ? "draining" : this.health;
  }

  /** Whether requests go to it while its cluster is not in panic, and no better host is left. */
  get isEligible(): boolean {
    return this.isCounted && this.health !== "unhealthy";
  }

  drain(): void {
    this.isGone = true;
    this.http1?.drain();
    this.http2?.drain();
    this.http1High?.drain();
    this.http2High?.drain();
    for (const pool of [...(this.named?.values() ?? [])]) pool.drain();
  }
}
