// The clusters in force, with the endpoints that discovery brought for them (Envoy: ClusterManagerImpl). One warms until all that it needs
// has come; what it replaces serves until then.

import type { Cluster as ClusterTable, Discovery } from "../table/cluster.ts";
import { type EndpointSet, NO_ENDPOINTS } from "../table/endpoint.ts";
import { shareOf } from "./breaker-share.ts";
import { ClusterWarming } from "./cluster-warming.ts";
import type { Secrets } from "./secrets.ts";
import type { SharedCells } from "./shared-cells.ts";
import { Cluster, type OwnPlace, type UpstreamContext } from "./upstream/cluster.ts";
import type { InternalDialer } from "./upstream/dial.ts";
import { DnsDiscovery } from "./upstream/dns-discovery.ts";
import { EndpointFollowers } from "./upstream/endpoint-followers.ts";

export interface ClusterManagerOptions {
  readonly secrets: Secrets;
  readonly internal: InternalDialer;
  /** Processes that share the limits. */
  readonly workers: number;
  readonly shared: SharedCells | undefined;
  /** A cluster has come into force, be it in another's place. */
  onClusterInForce(): void;
}

export class ClusterManager {
  readonly #clusters = new Map<string, Cluster>();
  readonly #options: ClusterManagerOptions;
  readonly #own: OwnPlace = { locality: undefined, callers: undefined };
  #localCluster = "";
  readonly #upstream: UpstreamContext;
  readonly #resolving = new Map<Cluster, DnsDiscovery>();
  readonly #endpoints = new Map<string, EndpointSet>();
  readonly #followers = new EndpointFollowers();
  #kept: ReadonlySet<string> | undefined;
  /** Clusters that ask, or once asked, the control plane for secrets: few of thousands. */
  readonly #discovering = new Set<string>();
  readonly #warming: ClusterWarming;

  constructor(options: ClusterManagerOptions) {
    const { secrets, internal, shared } = options;
    this.#options = options;
    this.#upstream = {
      own: this.#own,
      secrets,
      internal,
      shared,
      members: (names) => this.#members(names),
      onHostsChanged: (cluster) => this.#hostsChanged(cluster),
      onChecked: (cluster) => this.#warming.lookAt(cluster),
    };
    this.#warming = new ClusterWarming(
      { hasEndpoints: (name) => this.#endpoints.has(name), hasSecret: (name) => secrets.has(name) },
      (cluster) => this.#putInForce(cluster),
    );
  }

  /** In force: the same map for as long as the proxy lives. */
  get clusters(): ReadonlyMap<string, Cluster> {
    return this.#clusters;
  }

  /** By name: those in force, and those that will be. */
  has(name: string): boolean {
    return this.#clusters.has(name) || this.#warming.hasName(name);
  }

  get isWarming(): boolean {
    return this.#warming.size > 0;
  }

  /** Names of those that are not in force yet. */
  get warming(): readonly string[] {
    return this.#warming.names;
  }

  // ── the proxy's own place ──

  /** What the bootstrap says of it. */
  setOwnPlace(locality: OwnPlace["locality"], localCluster: string): void {
    this.#own.locality = locality;
    this.#localCluster = localCluster;
  }

  /** Zones are weighed against the hosts of the proxy's own cluster. */
  #hostsChanged(cluster: Cluster): void {
    if (this.#localCluster !== "" && cluster.table.name === this.#localCluster) this.#own.callers = cluster.priorities;
  }

  // ── clusters ──

  /**
   * In force once its endpoints and secrets are here; at once if it is the bootstrap's, which leads to whoever brings them.
   * @returns why it is refused, if it is.
   */
  setCluster(accepted: ClusterTable, isStatic = false): string | undefined {
    const table = this.#withOwnShare(accepted);
    if (table.discovery.kind === "aggregate" && this.#standsFor(table.discovery.clusters, table.name))
      return "cluster_type.typed_config.clusters: the cluster would stand for itself";
    const cluster = new Cluster(table, this.#upstream, this.#clusters.get(table.name));
    const { discovery } = table;
    if (discovery.kind === "static") cluster.update(discovery.endpoints);
    else if (discovery.kind === "eds") cluster.update(this.#endpoints.get(discovery.serviceName) ?? NO_ENDPOINTS);
    this.#abandonWarming(table.name);
    if (secretsOf(table).length > 0) this.#discovering.add(table.name);
    this.#followers.replace(undefined, cluster);
    if (isStatic) this.#putInForce(cluster);
    else this.#warming.begin(cluster);
    if (discovery.kind === "dns") this.#resolve(cluster, discovery);
    return undefined;
  }

  #withOwnShare(table: ClusterTable): ClusterTable {
    const { workers, shared } = this.#options;
    return workers === 1 ? table : { ...table, breakers: shareOf(table.breakers, workers, shared !== undefined) };
  }

  removeCluster(name: string): void {
    this.#abandonWarming(name);
    const cluster = this.#clusters.get(name);
    this.#letGo(cluster);
    cluster?.drain();
    this.#clusters.delete(name);
    this.#discovering.delete(name);
  }

  #resolve(cluster: Cluster, discovery: Extract<Discovery, { readonly kind: "dns" }>): void {
    if (discovery.endpoints.endpoints.length === 0) this.#warming.resolved(cluster);
    const found = (set: EndpointSet): void => {
      cluster.update(set);
      this.#warming.resolved(cluster);
    };
    this.#resolving.set(cluster, new DnsDiscovery(discovery, found));
  }

  #putInForce(cluster: Cluster): void {
    const { name } = cluster.table;
    const before = this.#clusters.get(name);
    this.#clusters.set(name, cluster);
    this.#letGo(before);
    before?.drain();
    this.#options.onClusterInForce();
  }

  /** Nothing is found out for it any more. */
  #letGo(cluster: Cluster | undefined): void {
    if (!cluster) return;
    this.#followers.replace(cluster, undefined);
    this.#resolving.get(cluster)?.stop();
    this.#resolving.delete(cluster);
  }

  #abandonWarming(name: string): void {
    this.#letGo(this.#warming.abandon(name));
  }

  /** A secret has come: whoever waited for it may be warm. */
  secretArrived(): void {
    this.#warming.look();
  }

  // ── aggregates ──

  /**
   * Whether a cluster stands for another, be it through others. Those that warm are looked at beside those in force: each of them may be
   * what there is in a moment, and a circle would have no end.
   */
  #standsFor(names: readonly string[], name: string): boolean {
    return names.some((member) => {
      if (member === name) return true;
      return [this.#clusters.get(member), this.#warming.get(member)].some((cluster) => {
        const discovery = cluster?.table.discovery;
        return discovery?.kind === "aggregate" && this.#standsFor(discovery.clusters, name);
      });
    });
  }

  /** The clusters of these names that are there, with those that others of them stand for in their place. */
  #members(names: readonly string[]): readonly Cluster[] {
    return names.flatMap((name) => {
      const cluster = this.#clusters.get(name);
      const discovery = cluster?.table.discovery;
      return discovery?.kind === "aggregate" ? this.#members(discovery.clusters) : (cluster ?? []);
    });
  }

  // ── endpoints ──

  setEndpoints(serviceName: string, endpoints: EndpointSet): void {
    this.#endpoints.set(serviceName, endpoints);
    for (const cluster of this.#followers.of(serviceName)) {
      cluster.update(endpoints);
      this.#warming.lookAt(cluster);
    }
  }

  /**
   * A cluster in force keeps those that it has, as on Envoy (EdsClusterImpl::onConfigUpdate): where one asks for others from now on, the old
   * set goes before the new one has come. For one that warms it is an answer.
   */
  removeEndpoints(serviceName: string): void {
    this.#endpoints.set(serviceName, NO_ENDPOINTS);
    for (const cluster of this.#followers.of(serviceName)) this.#warming.lookAt(cluster);
    this.#endpoints.delete(serviceName);
  }

  /**
   * Forgets the endpoints that no cluster asks for any more: the server sends them anew when one asks again.
   * @returns false when the names are those of the last time.
   */
  keepEndpoints(names: ReadonlySet<string>): boolean {
    if (names === this.#kept) return false;
    this.#kept = names;
    for (const name of this.#endpoints.keys()) if (!names.has(name)) this.#endpoints.delete(name);
    return true;
  }

  /** The names of the endpoint sets that clusters ask for: the same set as long as they are the same. */
  get endpointNames(): ReadonlySet<string> {
    return this.#followers.names;
  }

  /** Names of the secrets that clusters ask the control plane for. */
  get discoveredSecrets(): readonly string[] {
    if (this.#discovering.size === 0) return [];
    return [...this.#discovering].flatMap((name) =>
      [this.#clusters.get(name), this.#warming.get(name)].flatMap((cluster) =>
        cluster ? secretsOf(cluster.table) : [],
      ),
    );
  }

  // ── the end ──

  close(): void {
    for (const discovery of this.#resolving.values()) discovery.stop();
    for (const cluster of this.#clusters.values()) cluster.drain();
  }
}

function secretsOf({ socket, socketMatches }: ClusterTable): readonly string[] {
  const sockets = [socket, ...socketMatches.map((match) => match.socket)];
  return sockets.flatMap((one) => (one.kind === "tls" ? one.discovered : []));
}
