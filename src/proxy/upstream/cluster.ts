// A cluster as the proxy runs it: its hosts and who of them is next.

import { parseAddress } from "../../base/cidr.ts";
import { Alarm, timers } from "../../base/timer-wheel.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../../http/limits.ts";
import { hostOf } from "../../http/url.ts";
import type { ByteCounters } from "../../net/byte-stream.ts";
import type { RequestEdge } from "../../stats/request-edge.ts";
import type { Cluster as ClusterTable, NamedByRequest } from "../../table/cluster.ts";
import { type Endpoint, type EndpointSet, NO_ENDPOINTS } from "../../table/endpoint.ts";
import { chooseSocket } from "../../table/transport-socket.ts";
import { createBalancer } from "../balance/balancer.ts";
import { type PrioritySet, prioritySet } from "../balance/host-set.ts";
import type { LoadBalancer } from "../balance/load-balancer.ts";
import type { Secrets } from "../secrets.ts";
import type { SharedCells } from "../shared-cells.ts";
import { STATUS_CLASSES } from "../status-class.ts";
import { Aggregate } from "./aggregate.ts";
import { Breakers } from "./breakers.ts";
import { type Dialed, dial, type InternalDialer, type OnBehalf, type RequestNames } from "./dial.ts";
import { type CheckedCluster, HealthChecker } from "./health/checker.ts";
import { Host } from "./host.ts";
import { HttpPool, type PoolSettings } from "./http-pool.ts";
import type { LoadBalancerContext } from "./load-balancer-context.ts";
import { OutlierDetector } from "./outlier/detector.ts";

const ALPN = { http1: ["http/1.1"], http2: ["h2"] } as const;

/** Destinations come from clients; those without a request are forgotten when there are this many. */
const MAX_TRANSIENT_HOSTS = 1_024;

/** Where the proxy itself stands. */
export interface OwnPlace {
  locality: Endpoint["locality"] | undefined;
  /** Hosts of the cluster that it is one of (cluster_manager.local_cluster_name); undefined: not known. */
  callers: PrioritySet<Host> | undefined;
}

/** What every cluster of a proxy shares. */
export interface UpstreamContext {
  readonly own: OwnPlace;
  readonly secrets: Secrets;
  readonly internal: InternalDialer;
  readonly shared: SharedCells | undefined;
  /** The clusters of these names that are there. */
  members(names: readonly string[]): readonly Cluster[];
  /** Hosts of a cluster came, went, or changed in what balancing goes by. */
  onHostsChanged(cluster: Cluster): void;
  /** A check has told of one of its hosts. */
  onChecked(cluster: Cluster): void;
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
  /** Requests that failed after their last retry. */
  retryLimits: number;
  /** Finished requests by the hundreds of their status; 0 is without a response. */
  readonly classes: Float64Array;
}

export class Cluster {
  readonly table: ClusterTable;
  readonly breakers: Breakers;
  readonly highBreakers: Breakers;
  readonly #context: UpstreamContext;
  readonly #limits: HttpLimits;
  #hosts = new Map<string, Host>();
  /** What the endpoints' own settings say. */
  #settings: EndpointSet = NO_ENDPOINTS;
  /** The hosts by priority, health and locality; undefined: they have changed. */
  #priorities: PrioritySet<Host> | undefined = undefined;
  /** Made for these hosts, and these callers, when a request asks; undefined: not yet. */
  #balancer: LoadBalancer<Host> | undefined = undefined;
  #balancedFor: PrioritySet<Host> | undefined = undefined;
  #byLabel: ReadonlyMap<string, Host> | undefined = undefined;
  readonly #aggregate: Aggregate<Cluster> | undefined;
  /** Edges of requests that reached no host. */
  httpEdge: RequestEdge | undefined = undefined;
  grpcEdge: RequestEdge | undefined = undefined;
  readonly stats: ClusterStats;
  readonly outliers: OutlierDetector | undefined;
  readonly checker: HealthChecker | undefined;
  /** What is known of the hosts of the cluster that this one replaces. */
  #before: ReadonlyMap<string, Host>;
  readonly #cleanup: Alarm = new Alarm(() => {
    const { discovery } = this.table;
    if (discovery.kind === "original-destination") this.#forgetUnwanted(discovery.cleanupMs);
  });
  /** Taken away by an update, and healthy all the same: they go when a check fails. */
  readonly #leaving = new Set<Host>();

  /** `before`: the cluster of the same name that this one replaces: what it counted and what is under way go on. */
  constructor(table: ClusterTable, context: UpstreamContext, before?: Cluster) {
    this.table = table;
    this.#context = context;
    this.stats = before?.stats ?? {
      requests: 0,
      retries: 0,
      timeouts: 0,
      noHost: 0,
      goneConnections: 0,
      goneConnectFailures: 0,
      bytes: { received: 0, sent: 0 },
      retrySuccesses: 0,
      retryLimits: 0,
      classes: new Float64Array(STATUS_CLASSES),
    };
    const { shared } = context;
    this.breakers =
      before?.breakers ?? new Breakers(table.breakers.default, shared?.counts(`breakers\0${table.name}\0default`));
    this.breakers.update(table.breakers.default);
    this.highBreakers =
      before?.highBreakers ?? new Breakers(table.breakers.high, shared?.counts(`breakers\0${table.name}\0high`));
    this.highBreakers.update(table.breakers.high);
    const { discovery } = table;
    if (discovery.kind === "aggregate")
      this.#aggregate = new Aggregate(table.balancing.panicThreshold, () => context.members(discovery.clusters));
    this.#before = before ? before.#hosts : new Map();
    this.checker = this.#createChecker(before?.checker);
    const { outlierDetection } = table;
    this.outliers =
      outlierDetection &&
      new OutlierDetector(table.name, outlierDetection, (host) => this.onHealthChanged(host), {
        shared,
        before: before?.outliers,
      });
    this.#limits = {
      ...DEFAULT_LIMITS,
      idleTimeoutMs: table.idleTimeoutMs,
      headTimeoutMs: 0,
      keepaliveIntervalMs: table.keepaliveIntervalMs,
      keepaliveTimeoutMs: table.keepaliveTimeoutMs,
    };
  }

  #createChecker(before: HealthChecker | undefined): HealthChecker | undefined {
    const { table } = this;
    const { secrets, internal, shared } = this.#context;
    if (!table.healthCheck) return undefined;
    const checked: CheckedCluster = {
      table,
      secrets,
      internal,
      shared,
      hadTraffic: () => this.#hadTraffic,
      onChecked: (host, passed, changed) => {
        if (changed) this.onHealthChanged(host);
        if (passed) this.outliers?.onHealthCheckPassed(host);
        this.#context.onChecked(this);
      },
    };
    return new HealthChecker(table.healthCheck, checked, before);
  }

  get #hadTraffic(): boolean {
    const { requests, bytes } = this.stats;
    return requests > 0 || bytes.sent > 0 || bytes.received > 0;
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
    this.#keepHealthy(hosts);
    const gone = [...this.#hosts].filter(([key]) => !hosts.has(key));
    this.#hosts = hosts;
    this.#settings = set;
    this.#watch();
    this.#hostsChanged();
    for (const [, host] of gone) this.#letGo(host);
  }

  /** Hosts that went and are healthy stay. */
  #keepHealthy(hosts: Map<string, Host>): void {
    this.#leaving.clear();
    for (const [key, host] of this.#hosts) {
      if (hosts.has(key) || !this.checker?.keeps(host)) continue;
      hosts.set(key, host);
      this.#leaving.add(host);
    }
  }

  #watch(): void {
    const hosts = new Set(this.#hosts.values());
    this.outliers?.watch(hosts);
    this.checker?.watch(hosts, this.#before);
    this.#before = new Map();
  }

  /** What is known of a host's health has changed: `host.ejected`, `failedActiveCheck`, `degradedActiveCheck` or `excluded`. */
  onHealthChanged(host: Host): void {
    if (host.failedActiveCheck) host.hasFailedCheck = true;
    else if (host.hasFailedCheck) {
      // Slow start begins with the check that it passes again, and not with the end of an ejection, as in Envoy.
      host.hasFailedCheck = false;
      host.healthySince = performance.now();
    }
    if (this.#hosts.get(host.key) !== host) return;
    const goes = this.#leaving.has(host) && host.failedActiveCheck;
    if (goes) {
      this.#leaving.delete(host);
      this.#hosts.delete(host.key);
    }
    this.#hostsChanged();
    if (!goes) return;
    this.#watch();
    this.#letGo(host);
  }

  #hostsChanged(): void {
    this.#priorities = undefined;
    this.#balancer = undefined;
    this.#byLabel = undefined;
    this.#context.onHostsChanged(this);
  }

  /** The hosts by priority, health and locality. */
  get priorities(): PrioritySet<Host> {
    this.#priorities ??= prioritySet(this.hosts, this.#settings, this.#context.own.locality);
    return this.#priorities;
  }

  #letGo(host: Host): void {
    this.stats.goneConnections += host.stats.connections;
    this.stats.goneConnectFailures += host.stats.connectFailures;
    host.drain();
  }

  /** A host for one request; undefined when there is none. */
  choose(context: LoadBalancerContext): Host | undefined {
    if (this.#aggregate) return this.#aggregate.choose(context);
    const { overrideHost } = context;
    if (overrideHost) {
      const host = this.#bound(overrideHost.label);
      if (host || overrideHost.strict) return host;
    }
    const { callers } = this.#context.own;
    if (!this.#balancer || this.#balancedFor !== callers) {
      this.#balancedFor = callers;
      this.#balancer = createBalancer(this.priorities, this.table.balancing, callers);
    }
    return this.#balancer.choose(context);
  }

  /** The host of a session, as long as its health is one that sessions stay with (override_host_status). */
  #bound(label: string): Host | undefined {
    this.#byLabel ??= new Map(this.hosts.map((host) => [host.label, host]));
    const host = this.#byLabel.get(label);
    return host && this.table.sessionHealth.has(host.status) ? host : undefined;
  }

  /** Whose host it is: this cluster's, or a member's that this one stands for. */
  ownerOf(host: Host): Cluster {
    return this.#aggregate?.ownerOf(host) ?? this;
  }

  breakersOf(priority: "default" | "high"): Breakers {
    return priority === "high" ? this.highBreakers : this.breakers;
  }

  /** A host that no endpoint names: the destination of a captured connection, or what DNS says. Not balanced, not kept. */
  transient(endpoint: Endpoint): Host {
    const socket = chooseSocket(this.table.socketMatches, this.table.socket, endpoint.socketMatch);
    const key = Host.key(endpoint, socket);
    const known = this.#hosts.get(key);
    if (known) {
      known.isWanted = true;
      return known;
    }
    const { discovery } = this.table;
    if (this.#hosts.size === 0 && discovery.kind === "original-destination")
      timers.arm(this.#cleanup, discovery.cleanupMs);
    if (this.#hosts.size >= MAX_TRANSIENT_HOSTS) this.#forgetIdle();
    const host = new Host(endpoint, socket);
    this.#hosts.set(key, host);
    return host;
  }

  /** Destinations that nobody has asked for since the last time (Envoy: OriginalDstCluster::cleanup). */
  #forgetUnwanted(afterMs: number): void {
    for (const [key, host] of this.#hosts) {
      if (host.isWanted || host.active > 0 || host.stats.openConnections > 0) host.isWanted = false;
      else {
        this.#hosts.delete(key);
        this.#letGo(host);
      }
    }
    if (this.#hosts.size > 0) timers.arm(this.#cleanup, afterMs);
  }

  #forgetIdle(): void {
    for (const [key, host] of this.#hosts) {
      if (host.active > 0) continue;
      this.#hosts.delete(key);
      this.#letGo(host);
    }
  }

  /**
   * Priorities do not share connections, as in Envoy: theirs are counted apart. `authority` is the one that the host will see, where a
   * request has one.
   */
  pool(host: Host, protocol: "http1" | "http2", priority: "default" | "high", authority = ""): HttpPool {
    const slot = priority === "high" ? (`${protocol}High` as const) : protocol;
    const { namedByRequest } = this.table;
    if (namedByRequest && authority !== "" && host.socket.kind === "tls")
      return this.#namedPool(host, slot, protocol, priority, namesOf(namedByRequest, authority));
    const known = host[slot];
    if (known) return known;
    const pool = this.#newPool(host, protocol, priority);
    host[slot] = pool;
    return pool;
  }

  /** Who proved one name has proved no other: requests for each have connections of their own. */
  #namedPool(
    host: Host,
    slot: string,
    protocol: "http1" | "http2",
    priority: "default" | "high",
    names: RequestNames,
  ): HttpPool {
    const key = `${slot} ${names.serverName ?? ""} ${names.certificate ?? ""}`;
    host.named ??= new Map();
    const { named } = host;
    const known = named.get(key);
    if (known) return known;
    // Any number of names may be asked for: a pool without a connection is forgotten.
    const pool = this.#newPool(host, protocol, priority, names, () => named.delete(key));
    named.set(key, pool);
    return pool;
  }

  #newPool(
    host: Host,
    protocol: "http1" | "http2",
    priority: "default" | "high",
    names?: RequestNames,
    onEmpty?: () => void,
  ): HttpPool {
    const { table } = this;
    const { secrets, internal } = this.#context;
    const settings: PoolSettings = {
      protocol,
      limits: this.#limits,
      preservesCase: table.preservesCase,
      maxRequestsPerConnection: table.maxRequestsPerConnection,
      maxConnectionDurationMs: table.maxConnectionDurationMs,
      preconnectRatio: table.preconnectRatio,
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
          undefined,
          names,
        ),
      ...(onEmpty ? { onEmpty } : {}),
    };
    return new HttpPool(host, settings, this.breakersOf(priority));
  }

  /** A connection of its own for one byte stream. Without `alpn`, and where the cluster says nothing, none is offered: a raw chain is what takes it. */
  dialBytes(host: Host, onBehalf: OnBehalf | undefined, dialed: Dialed, alpn?: readonly string[]): void {
    const { secrets, internal } = this.#context;
    const owner = this.ownerOf(host);
    dial(host.address, host.socket, [], owner.table, secrets, internal, owner.#counted(dialed), onBehalf, { alpn });
  }

  #counted({ onConnected, onConnectFailure }: Dialed): Dialed {
    this.checker?.onTraffic();
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
    timers.disarm(this.#cleanup);
    for (const host of this.#hosts.values()) this.#letGo(host);
    this.#hosts = new Map();
    this.#priorities = undefined;
    this.#balancer = undefined;
    this.#byLabel = undefined;
    this.outliers?.stop();
    this.checker?.stop();
  }
}

/** Of an address no server name is sent (RFC 6066 3). */
function namesOf({ serverName, certificate }: NamedByRequest, authority: string): RequestNames {
  const name = hostOf(authority);
  const address = parseAddress(name.replace(/^\[(.*)\]$/, "$1"));
  return {
    serverName: serverName && address === undefined ? name : undefined,
    certificate: certificate ? name : undefined,
  };
}
