// The configuration in force: clusters, endpoints, routes, listeners and secrets as they arrive, each replaced in one step. A listener
// opens when its routes and secrets are here; what it replaces serves until then.

import { logger } from "../base/log.ts";
import type { Steps } from "../base/steps.ts";
import { ConnectionLimit } from "../net/admission.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import { parseCertificates } from "../pki/certificate.ts";
import { svidIdentity } from "../pki/svid.ts";
import type { SecretContent } from "../table/accept/secret.ts";
import type { RouteConfigurationShell } from "../table/accept/virtual-host.ts";
import type { Cluster as ClusterTable, Discovery } from "../table/cluster.ts";
import { type EndpointSet, NO_ENDPOINTS } from "../table/endpoint.ts";
import type { RouteConfiguration } from "../table/http.ts";
import type { Listener as ListenerTable } from "../table/listener.ts";
import type { OverloadAction } from "../table/overload.ts";
import type { VirtualHost } from "../table/route.ts";
import type { UdpListener as UdpListenerTable } from "../table/udp.ts";
import { VirtualHosts } from "../table/virtual-hosts.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import { AccessLogs } from "./access-log.ts";
import { shareOf } from "./breaker-share.ts";
import { ClusterWarming } from "./cluster-warming.ts";
import type { RouteHolder } from "./context.ts";
import { duplicateAddress } from "./duplicate-address.ts";
import { HeldResources } from "./held-resources.ts";
import { internalStreams } from "./internal-stream.ts";
import { Listener, type ListenerContext } from "./listener.ts";
import type { ListeningSockets } from "./listening-sockets.ts";
import { HeldConnections } from "./overload/held-connections.ts";
import type { OverloadedProxy } from "./overload/manager.ts";
import { OverloadState } from "./overload/state.ts";
import type { Reporter } from "./reporter.ts";
import { Secrets } from "./secrets.ts";
import { Taps } from "./tap.ts";
import { UdpListener } from "./udp-listener.ts";
import { Cluster, type OwnPlace, type UpstreamContext } from "./upstream/cluster.ts";
import type { InternalDialer } from "./upstream/dial.ts";
import { DnsDiscovery } from "./upstream/dns-discovery.ts";
import { EndpointFollowers } from "./upstream/endpoint-followers.ts";
import { NameCache } from "./upstream/names.ts";

const log = logger("proxy");

const NONE_CLOSED: ReadonlyMap<string, string> = new Map();

/** Routes of one name: what RDS said, and the virtual hosts that VHDS brought beside. */
interface Routes {
  readonly holder: RouteHolder;
  configuration: RouteConfiguration | undefined;
  shell: RouteConfigurationShell | undefined;
  readonly virtualHosts: Map<string, VirtualHost>;
  /** The names that VHDS changed since the last publication, with what is in force of them. */
  readonly unpublished: Map<string, VirtualHost | undefined>;
}

export interface ConfigurationSettings {
  readonly sockets: ListeningSockets;
  readonly listenerDrainMs: number;
  /** Downstream, over all listeners. */
  readonly maxConnections: number;
}

export class Configuration implements ListenerContext, OverloadedProxy {
  readonly clusters = new Map<string, Cluster>();
  readonly accessLogs = new AccessLogs();
  readonly names = new NameCache();
  readonly taps = new Taps();
  readonly secrets = new Secrets();
  /** What discovery brought, as it came. */
  readonly held = new HeldResources();
  readonly reporter: Reporter;
  readonly sockets: ListeningSockets;
  readonly listenerDrainMs: number;
  /** Processes that share the proxy's ports and limits. */
  workers = 1;
  principal = "";
  serviceCluster = "";
  draining = false;
  readonly overload = new OverloadState();
  readonly heldConnections = new HeldConnections();
  /** The operator's word: health checks fail, and every response says that its connection closes (Envoy: DrainManager::drainClose). */
  healthCheckFailed = false;
  readonly #own: OwnPlace = { locality: undefined, callers: undefined };
  #localCluster = "";
  readonly #upstream: UpstreamContext;
  readonly #resolving = new Map<Cluster, DnsDiscovery>();
  readonly #endpoints = new Map<string, EndpointSet>();
  readonly #followers = new EndpointFollowers();
  #kept: ReadonlySet<string> | undefined;
  readonly #warmingClusters = new ClusterWarming(
    { hasEndpoints: (name) => this.#endpoints.has(name), hasSecret: (name) => this.secrets.has(name) },
    (cluster) => this.#putInForce(cluster),
  );
  readonly #routes = new Map<string, Routes>();
  readonly #listeners = new Map<string, Listener>();
  readonly #udpListeners = new Map<string, UdpListener>();
  #ownPorts: ReadonlySet<number> = new Set();
  /** Waiting for routes or secrets, by name. */
  readonly #warming = new Map<string, Listener>();
  /** Waiting ones whose routes did not come in time. */
  readonly #routeless = new WeakSet<Listener>();
  /** The first clusters are in force. Listeners wait for them, as Envoy asks for its listeners after its clusters. */
  #initialized = false;
  /** Replaced or removed, with connections that still finish what they carry. */
  readonly #leaving = new Set<Listener>();

  readonly admission: ConnectionLimit;

  constructor(reporter: Reporter, settings: ConfigurationSettings) {
    this.reporter = reporter;
    this.sockets = settings.sockets;
    this.listenerDrainMs = settings.listenerDrainMs;
    this.admission = new ConnectionLimit(settings.maxConnections);
    this.#upstream = {
      own: this.#own,
      secrets: this.secrets,
      internal: this.#internal,
      members: (names) => this.#members(names),
      onHostsChanged: (cluster) => this.#hostsChanged(cluster),
    };
  }

  // ── clusters and endpoints ──

  /** What the bootstrap says of the proxy's own place. */
  setOwnPlace(locality: OwnPlace["locality"], localCluster: string): void {
    this.#own.locality = locality;
    this.#localCluster = localCluster;
  }

  /** Zones are weighed against the hosts of the proxy's own cluster. */
  #hostsChanged(cluster: Cluster): void {
    if (this.#localCluster !== "" && cluster.table.name === this.#localCluster) this.#own.callers = cluster.priorities;
  }

  /** Resolves names of internal listeners for the dialer. */
  readonly #internal: InternalDialer = (name, onBehalf): ByteStream | undefined => {
    const listener = this.#listeners.get(name);
    if (!listener) return undefined;
    const nowhere: SocketAddress = { address: "127.0.0.1", port: 0 };
    const [connecting, accepting] = internalStreams(onBehalf?.source ?? nowhere, onBehalf?.destination ?? nowhere);
    listener.take(accepting, listener.table.useOriginalDestination ? onBehalf?.destination : undefined);
    return connecting;
  };

  /**
   * In force once its endpoints and secrets are here; at once if it is the bootstrap's, which leads to whoever brings them.
   * @returns why it is refused, if it is.
   */
  setCluster(accepted: ClusterTable, isStatic = false): string | undefined {
    const table = this.workers === 1 ? accepted : { ...accepted, breakers: shareOf(accepted.breakers, this.workers) };
    if (table.discovery.kind === "aggregate" && this.#standsFor(table.discovery.clusters, table.name))
      return "the cluster would stand for itself";
    const before = this.clusters.get(table.name);
    const cluster = new Cluster(table, this.#upstream, before);
    const { discovery } = table;
    if (discovery.kind === "static") cluster.update(discovery.endpoints);
    else if (discovery.kind === "eds") cluster.update(this.#endpoints.get(discovery.serviceName) ?? NO_ENDPOINTS);
    this.#abandonWarming(table.name);
    this.#followers.replace(undefined, cluster);
    if (isStatic) this.#putInForce(cluster);
    else this.#warmingClusters.begin(cluster);
    if (discovery.kind === "dns") this.#resolve(cluster, discovery);
    return undefined;
  }

  #resolve(cluster: Cluster, discovery: Extract<Discovery, { readonly kind: "dns" }>): void {
    if (discovery.endpoints.endpoints.length === 0) this.#warmingClusters.resolved(cluster);
    const found = (set: EndpointSet): void => {
      cluster.update(set);
      this.#warmingClusters.resolved(cluster);
    };
    this.#resolving.set(cluster, new DnsDiscovery(discovery, found));
  }

  #putInForce(cluster: Cluster): void {
    const { name } = cluster.table;
    const before = this.clusters.get(name);
    this.clusters.set(name, cluster);
    this.#letGo(before);
    before?.drain();
    this.#openWarm();
  }

  /** Nothing is found out for it any more. */
  #letGo(cluster: Cluster | undefined): void {
    if (!cluster) return;
    this.#followers.replace(cluster, undefined);
    this.#resolving.get(cluster)?.stop();
    this.#resolving.delete(cluster);
  }

  /** By name: those in force, and those that will be. */
  readonly knownClusters = {
    has: (name: string): boolean => this.clusters.has(name) || this.#warmingClusters.hasName(name),
  };

  get warmingClusters(): readonly string[] {
    return this.#warmingClusters.names;
  }

  #abandonWarming(name: string): void {
    this.#letGo(this.#warmingClusters.abandon(name));
  }

  /** Whether a cluster stands for another, be it through others. */
  #standsFor(names: readonly string[], name: string): boolean {
    return names.some((member) => {
      const discovery = this.clusters.get(member)?.table.discovery;
      return member === name || (discovery?.kind === "aggregate" && this.#standsFor(discovery.clusters, name));
    });
  }

  /** The clusters of these names that are there, with those that others of them stand for in their place. */
  #members(names: readonly string[]): readonly Cluster[] {
    return names.flatMap((name) => {
      const cluster = this.clusters.get(name);
      const discovery = cluster?.table.discovery;
      return discovery?.kind === "aggregate" ? this.#members(discovery.clusters) : (cluster ?? []);
    });
  }

  removeCluster(name: string): void {
    this.#abandonWarming(name);
    const cluster = this.clusters.get(name);
    this.#letGo(cluster);
    cluster?.drain();
    this.clusters.delete(name);
  }

  setEndpoints(serviceName: string, endpoints: EndpointSet): void {
    this.#endpoints.set(serviceName, endpoints);
    for (const cluster of this.#followers.of(serviceName)) {
      cluster.update(endpoints);
      this.#warmingClusters.lookAt(cluster);
    }
  }

  removeEndpoints(serviceName: string): void {
    this.setEndpoints(serviceName, NO_ENDPOINTS);
    this.#endpoints.delete(serviceName);
  }

  /** Forgets the endpoints that no cluster asks for any more: the server sends them anew when one asks again. */
  keepEndpoints(names: ReadonlySet<string>): void {
    if (names === this.#kept) return;
    this.#kept = names;
    for (const name of this.#endpoints.keys()) if (!names.has(name)) this.#endpoints.delete(name);
    this.held.keep("eds", (name) => names.has(name));
  }

  /** The names of the endpoint sets that clusters ask for: the same set as long as they are the same. */
  get endpointNames(): ReadonlySet<string> {
    return this.#followers.names;
  }

  // ── routes ──

  #routesOf(name: string): Routes {
    let routes = this.#routes.get(name);
    if (!routes) {
      routes = {
        holder: { current: undefined },
        configuration: undefined,
        shell: undefined,
        virtualHosts: new Map(),
        unpublished: new Map(),
      };
      this.#routes.set(name, routes);
    }
    return routes;
  }

  routes(name: string): RouteHolder {
    return this.#routesOf(name).holder;
  }

  /** What VHDS's virtual hosts inherit from their route configuration; undefined before it came. */
  routeShell(name: string): RouteConfigurationShell | undefined {
    return this.#routes.get(name)?.shell;
  }

  /** In force when the steps are done, and not before. */
  *setRoutes(configuration: RouteConfiguration, shell: RouteConfigurationShell): Steps<void> {
    const routes = this.#routesOf(configuration.name);
    routes.configuration = configuration;
    routes.shell = shell;
    yield* this.#publish(routes, routes.virtualHosts.size > 0);
  }

  removeRoutes(name: string): void {
    const routes = this.#routes.get(name);
    if (!routes) return;
    routes.configuration = undefined;
    routes.virtualHosts.clear();
    routes.unpublished.clear();
    routes.holder.current = undefined;
  }

  /** `undefined` removes it. Changes of one response are published together by `publishVirtualHosts`. */
  setVirtualHost(route: string, name: string, host: VirtualHost | undefined): void {
    const { virtualHosts, unpublished } = this.#routesOf(route);
    if (!unpublished.has(name)) unpublished.set(name, virtualHosts.get(name));
    if (host) virtualHosts.set(name, host);
    else virtualHosts.delete(name);
  }

  *publishVirtualHosts(route: string): Steps<void> {
    const routes = this.#routesOf(route);
    const { current } = routes.holder;
    if (!current?.vhds || !routes.configuration?.vhds) {
      yield* this.#publish(routes, true);
      return;
    }
    const changed = new Map<VirtualHost, VirtualHost | undefined>();
    const added: VirtualHost[] = [];
    for (const [name, inForce] of routes.unpublished) {
      const host = routes.virtualHosts.get(name);
      if (inForce) changed.set(inForce, host);
      else if (host) added.push(host);
    }
    routes.holder.current = { ...current, virtualHosts: current.virtualHosts.with(changed, added) };
    this.#published(routes);
  }

  /**
   * Forgets the routes that no listener asks for any more: the server sends them anew, virtual hosts included, when one asks again.
   * Listeners that drain keep the holder that they have.
   */
  keepRoutes(names: ReadonlySet<string>): void {
    for (const name of this.#routes.keys()) if (!names.has(name)) this.#routes.delete(name);
    this.held.keep("rds", (name) => names.has(name));
    this.held.keep("vhds", (name) => names.has(parseVirtualHostName(name)?.route ?? ""));
  }

  /** `complete`: the server has answered for the virtual hosts, if only that there are none. */
  *#publish(routes: Routes, complete: boolean): Steps<void> {
    const { configuration, shell, virtualHosts, holder } = routes;
    if (!configuration || !shell) return;
    if (!configuration.vhds) holder.current = configuration;
    else if (complete || holder.current) {
      const all = [...configuration.virtualHosts.all, ...virtualHosts.values()];
      holder.current = { ...configuration, virtualHosts: yield* VirtualHosts.inSteps(all, shell.ignorePort) };
    }
    this.#published(routes);
  }

  #published(routes: Routes): void {
    routes.unpublished.clear();
    this.#openWarm();
  }

  /** The names of the route configurations that listeners ask for. */
  get routeNames(): ReadonlySet<string> {
    return new Set([...this.#listeners.values(), ...this.#warming.values()].flatMap((listener) => listener.routeNames));
  }

  // ── listeners ──

  /** Why a listener cannot be beside those that are there. */
  refusalOf(table: ListenerTable | UdpListenerTable): string | undefined {
    if (table.protocol === "udp") return undefined;
    return duplicateAddress(table, [...this.#listeners.values(), ...this.#warming.values()]);
  }

  /** @returns why it could not be opened, when everything that it needs is here. */
  setListener(table: ListenerTable | UdpListenerTable): string | undefined {
    if (table.protocol === "tcp") return this.#setTcpListener(table);
    this.#setUdpListener(table);
    return undefined;
  }

  /** Nothing to wait for: clusters are looked up as datagrams come. */
  #setUdpListener(table: UdpListenerTable): void {
    const before = this.#udpListeners.get(table.name);
    this.removeListener(table.name);
    const listener = new UdpListener(table, this, before);
    this.#udpListeners.set(table.name, listener);
    listener.open();
  }

  get udpListeners(): ReadonlyMap<string, UdpListener> {
    return this.#udpListeners;
  }

  #setTcpListener(table: ListenerTable): string | undefined {
    this.#removeUdpListener(table.name);
    const before = this.#listeners.get(table.name);
    const listener = new Listener(table, this, before);
    this.#warming.set(table.name, listener);
    if (listener.routesTimeoutMs > 0)
      setTimeout(() => {
        this.#routeless.add(listener);
        this.#openWarm();
      }, listener.routesTimeoutMs).unref();
    return this.#openWarm().get(table.name);
  }

  #removeUdpListener(name: string): void {
    this.#udpListeners.get(name)?.stop();
    this.#udpListeners.delete(name);
  }

  removeListener(name: string): void {
    this.#removeUdpListener(name);
    this.#warming.delete(name);
    this.#leave(this.#listeners.get(name));
    this.#listeners.delete(name);
    this.#findOwnPorts();
  }

  #leave(listener: Listener | undefined, heir?: Listener): void {
    listener?.drain(heir ? { kind: "replaced", by: heir } : { kind: "removed" });
    if (listener) this.#leaving.add(listener);
    for (const one of this.#leaving) if (one.connections === 0) this.#leaving.delete(one);
  }

  #findOwnPorts(): void {
    this.#ownPorts = new Set([...this.#listeners.values()].flatMap(({ ports }) => ports));
  }

  get listeners(): ReadonlyMap<string, Listener> {
    return this.#listeners;
  }

  get warmingListeners(): readonly string[] {
    return [...this.#warming.keys()];
  }

  /** What each listener that warms still waits for. */
  get warming(): readonly { readonly name: string; readonly waitsFor: readonly string[] }[] {
    const clusters = this.#initialized ? [] : this.#warmingClusters.names.map((name) => `Cluster ${name}`);
    return [...this.#warming].map(([name, listener]) => ({
      name,
      waitsFor: [...clusters, ...this.#missing(listener)],
    }));
  }

  #missing(listener: Listener): readonly string[] {
    const secrets = listener.secretNames.filter((name) => !this.secrets.has(name)).map((name) => `SdsApi ${name}`);
    if (this.#routeless.has(listener)) return secrets;
    const routes = listener.routeNames.filter((name) => this.#routes.get(name)?.holder.current === undefined);
    return [...secrets, ...routes.map((name) => `RdsRouteConfigSubscription ${name}`)];
  }

  #isWarm(listener: Listener): boolean {
    return this.#missing(listener).length === 0;
  }

  /** @returns the listeners that stay closed, with the reasons. */
  #openWarm(): ReadonlyMap<string, string> {
    if (this.#warming.size === 0) return NONE_CLOSED;
    this.#initialized ||= this.#warmingClusters.size === 0;
    if (!this.#initialized) return NONE_CLOSED;
    const closed = new Map<string, string>();
    for (const [name, listener] of this.#warming) {
      if (!this.#isWarm(listener)) continue;
      this.#warming.delete(name);
      const before = this.#listeners.get(name);
      try {
        listener.open(before);
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown.message : String(thrown);
        log.error("listener stays closed", { listener: name, error });
        closed.set(name, error);
        continue;
      }
      this.#listeners.set(name, listener);
      this.#leave(before, listener);
      this.#findOwnPorts();
    }
    return closed;
  }

  isOwnPort(port: number): boolean {
    return this.#ownPorts.has(port);
  }

  /** Istio's: the listener of the very address, else the one of any address with that port. */
  capturedBy({ address, port }: SocketAddress): Listener | undefined {
    let wildcard: Listener | undefined;
    for (const listener of this.#listeners.values()) {
      const { table } = listener;
      if (table.bind || table.address.kind !== "socket" || table.address.port !== port) continue;
      if (table.address.host === address) return listener;
      if (table.address.host === "0.0.0.0" || table.address.host === "::") wildcard = listener;
    }
    return wildcard;
  }

  // ── secrets ──

  /** @returns why the secret is refused, if it is. */
  setSecret(name: string, content: SecretContent): string | undefined {
    const refusal = this.secrets.set(name, content);
    if (refusal !== undefined) return refusal;
    if (content.kind === "certificate") this.#readPrincipal(content.chain);
    this.#warmingClusters.look();
    this.#openWarm();
    return undefined;
  }

  #readPrincipal(chain: string): void {
    const certificates = parseCertificates(chain);
    const leaf = certificates.kind === "parsed" ? certificates.value[0] : undefined;
    const identity = leaf && svidIdentity(leaf);
    if (identity?.kind !== "parsed") return; // a gateway's certificate names hosts, not a workload
    this.principal = identity.value.uri;
    this.reporter.principal = identity.value.uri;
  }

  // ── overload ──

  onReducedTimeouts(): void {
    const now = performance.now();
    for (const listener of this.#listeners.values()) listener.dropIdle(now);
    for (const listener of this.#leaving) listener.dropIdle(now);
  }

  onAction(action: OverloadAction, active: boolean): void {
    if (action === "stop_accepting_connections" && !active) this.heldConnections.release();
  }

  // ── the end ──

  /** No new connections; requests under way are finished, with `connection: close` and GOAWAY. */
  drain(): void {
    this.draining = true;
    this.#warming.clear();
    for (const listener of this.#listeners.values()) listener.drain({ kind: "ending" });
  }

  get connections(): number {
    let count = 0;
    for (const listener of this.#listeners.values()) count += listener.connections;
    for (const listener of this.#leaving) count += listener.connections;
    return count;
  }

  /** Whatever is still open is cut off. */
  async close(): Promise<void> {
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.terminate();
    for (const listener of this.#udpListeners.values()) listener.stop();
    for (const discovery of this.#resolving.values()) discovery.stop();
    for (const cluster of this.clusters.values()) cluster.drain();
    await Bun.sleep(0); // what was cut off has its line, too
    await this.accessLogs.close();
  }
}
