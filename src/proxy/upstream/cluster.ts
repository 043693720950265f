// A cluster as the proxy runs it: its hosts and who of them is next.

import { DEFAULT_LIMITS, type HttpLimits } from "../../http/limits.ts";
import type { ByteCounters } from "../../net/byte-stream.ts";
import type { RequestEdge } from "../../stats/request-edge.ts";
import type { Cluster as ClusterTable } from "../../table/cluster.ts";
import type { Endpoint, EndpointSet } from "../../table/endpoint.ts";
import { chooseSocket } from "../../table/transport-socket.ts";
import { createBalancer } from "../balance/balancer.ts";
import type { Balancer } from "../balance/candidate.ts";
import type { Secrets } from "../secrets.ts";
import { STATUS_CLASSES } from "../status-class.ts";
import { Breakers } from "./breakers.ts";
import { type Dialed, dial, type InternalDialer, type OnBehalf } from "./dial.ts";
import { Host } from "./host.ts";
import { HttpPool, type PoolSettings } from "./http-pool.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";

const ALPN = { http1: ["http/1.1"], http2: ["h2"] } as const;

/** Destinations come from clients; those without a request are forgotten when there are this many. */
const MAX_TRANSIENT_HOSTS = 1_024;

/** What every cluster of a proxy shares. */
export interface UpstreamContext {
  readonly secrets: Secrets;
  readonly internal: InternalDialer;
}

export interface ClusterStats {
  requests: number;
  retries: number;
  timeouts: number;
  noHost: number;
  /** What hosts that have gone had counted. */
  goneConnections: number;
  goneConnectFailures: number;
  /** Of all connections, those too that have closed. */
  readonly bytes: ByteCounters;
  retrySuccesses: number;
  /** Finished requests by the hundreds of their status; 0 is without a response. */
  readonly classes: Float64Array;
}

export class Cluster {
  readonly table: ClusterTable;
  readonly breakers: Breakers;
  readonly #context: UpstreamContext;
  readonly #balancer: Balancer;
  readonly #limits: HttpLimits;
  #hosts = new Map<string, Host>();
  /** Those that requests go to: healthy, of the first priority that has any. */
  #eligible: readonly Host[] = [];
  /** Edges of requests that reached no host. */
  httpEdge: RequestEdge | undefined = undefined;
  grpcEdge: RequestEdge | undefined = undefined;
  readonly stats: ClusterStats;

  /** `before`: the cluster of the same name that this one replaces: what it counted and what is under way go on. */
  constructor(table: ClusterTable, context: UpstreamContext, before?: Cluster) {
    this.table = table;
    this.#context = context;
    this.#balancer = createBalancer(table.balancer);
    this.stats = before?.stats ?? {
      requests: 0,
      retries: 0,
      timeouts: 0,
      noHost: 0,
      goneConnections: 0,
      goneConnectFailures: 0,
      bytes: { received: 0, sent: 0 },
      retrySuccesses: 0,
      classes: new Float64Array(STATUS_CLASSES),
    };
    this.breakers = before?.breakers ?? new Breakers(table.breakers);
    this.breakers.update(table.breakers);
    this.#limits = {
      ...DEFAULT_LIMITS,
      idleTimeoutMs: table.idleTimeoutMs,
      headTimeoutMs: 0,
      keepaliveIntervalMs: table.keepaliveIntervalMs,
      keepaliveTimeoutMs: table.keepaliveTimeoutMs,
    };
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /**
   * Replaces the endpoints. Hosts that stay keep their connections, their statistics and what checks found out about them, whatever their
   * weight, priority or health has become; those that go finish what they carry.
   */
  update(set: EndpointSet): void {
    const hosts = new Map<string, Host>();
    for (const endpoint of set.endpoints) {
      const socket = chooseSocket(this.table.socketMatches, this.table.socket, endpoint.socketMatch);
      const key = Host.key(endpoint, socket);
      // The first of several with one address counts, as in Envoy (EdsClusterImpl::updateLocalityEndpoints).
      if (hosts.has(key)) continue;
      const host = this.#hosts.get(key) ?? new Host(endpoint, socket);
      host.endpoint = endpoint;
      hosts.set(key, host);
    }
    const gone = [...this.#hosts].filter(([key]) => !hosts.has(key));
    this.#hosts = hosts;
    this.#choose();
    for (const [, host] of gone) this.#letGo(host);
  }

  /** What is known of a host's health has changed: `host.ejected`, `failedActiveCheck`, `degradedActiveCheck` or `excluded`. */
  onHealthChanged(host: Host): void {
    if (this.#hosts.get(host.key) === host) this.#choose();
  }

  #choose(): void {
    this.#eligible = eligible([...this.#hosts.values()], this.table.panicThreshold);
  }

  #letGo(host: Host): void {
    this.stats.goneConnections += host.stats.connections;
    this.stats.goneConnectFailures += host.stats.connectFailures;
    host.drain();
  }

  /** A host for one request; undefined when there is none. */
  choose(context: LoadBalancerContext): Host | undefined {
    const hosts = this.#eligible;
    if (hosts.length === 0) return undefined;
    let host = this.#balancer.choose(hosts);
    for (let i = 1; i < context.hostSelectionAttempts && context.rejects(host); i++)
      host = this.#balancer.choose(hosts);
    return host;
  }

  /** A host that no endpoint names: the destination of a captured connection, or what DNS says. Not balanced, not kept. */
  transient(endpoint: Endpoint): Host {
    const socket = chooseSocket(this.table.socketMatches, this.table.socket, endpoint.socketMatch);
    const key = Host.key(endpoint, socket);
    const known = this.#hosts.get(key);
    if (known) return known;
    if (this.#hosts.size >= MAX_TRANSIENT_HOSTS) this.#forgetIdle();
    const host = new Host(endpoint, socket);
    this.#hosts.set(key, host);
    return host;
  }

  #forgetIdle(): void {
    for (const [key, host] of this.#hosts) {
      if (host.active > 0) continue;
      this.#hosts.delete(key);
      this.#letGo(host);
    }
  }

  pool(host: Host, protocol: "http1" | "http2"): HttpPool {
    const known = host[protocol];
    if (known) return known;
    const { table } = this;
    const { secrets, internal } = this.#context;
    const settings: PoolSettings = {
      protocol,
      limits: this.#limits,
      maxRequestsPerConnection: table.maxRequestsPerConnection,
      maxConcurrentStreams: protocol === "http2" ? table.maxConcurrentStreams : 1,
      connect: (onConnected, onConnectFailure) =>
        dial(
          host.address,
          host.socket,
          ALPN[protocol],
          table,
          secrets,
          internal,
          this.#counted({ onConnected, onConnectFailure }),
        ),
    };
    const pool = new HttpPool(host, settings, this.breakers);
    host[protocol] = pool;
    return pool;
  }

  /** A connection of its own for one byte stream, without ALPN: a raw chain is what takes it. */
  dialBytes(host: Host, onBehalf: OnBehalf | undefined, dialed: Dialed): void {
    const { secrets, internal } = this.#context;
    dial(host.address, host.socket, [], this.table, secrets, internal, this.#counted(dialed), onBehalf);
  }

  #counted({ onConnected, onConnectFailure }: Dialed): Dialed {
    return {
      onConnected: (stream, principal) => {
        stream.counters = this.stats.bytes;
        onConnected(stream, principal);
      },
      onConnectFailure,
    };
  }

  /** A connection of its own that speaks HTTP/2, for the proxy's own calls. */
  dialHttp2(host: Host, dialed: Dialed): void {
    const { secrets, internal } = this.#context;
    dial(host.address, host.socket, ALPN.http2, this.table, secrets, internal, this.#counted(dialed));
  }

  drain(): void {
    for (const host of this.#hosts.values()) this.#letGo(host);
    this.#eligible = [];
  }
}

/** Envoy's choice without zones: the lowest priority with a healthy host; below the panic threshold, everybody. */
function eligible(hosts: readonly Host[], panicThreshold: number): readonly Host[] {
  const healthy = hosts.filter(({ isEligible }) => isEligible);
  if (hosts.length > 0 && (healthy.length * 100) / hosts.length < panicThreshold) return hosts;
  const first = Math.min(...healthy.map(({ priority }) => priority));
  return healthy.filter(({ priority }) => priority === first);
}
