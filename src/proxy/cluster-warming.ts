// Clusters that are not in force yet, as Envoy's ClusterManager warms them: one is used once its endpoints and secrets have come, or the
// first answer of DNS, and its hosts have been checked once; what it replaces serves until then.

import type { Cluster as ClusterTable } from "../table/cluster.ts";
import type { UpstreamSocket } from "../table/transport-socket.ts";
import type { Cluster } from "./upstream/cluster.ts";

/** What has come so far. */
export interface Arrivals {
  hasEndpoints(serviceName: string): boolean;
  hasSecret(name: string): boolean;
}

/** Of endpoints that do not come, the cluster goes into force without any. */
type Discovered = "waiting" | "arrived" | "given-up";

interface Warming {
  readonly cluster: Cluster;
  discovered: Discovered;
  timer: Timer | undefined;
}

function secretsOf({ socket, socketMatches }: ClusterTable): readonly string[] {
  const sockets: readonly UpstreamSocket[] = [socket, ...socketMatches.map((match) => match.socket)];
  return sockets.flatMap((one) =>
    one.kind === "tls" ? [one.certificate, one.roots].filter((name) => name !== undefined) : [],
  );
}

export class ClusterWarming {
  readonly #arrivals: Arrivals;
  readonly #onWarm: (cluster: Cluster) => void;
  readonly #warming = new Map<string, Warming>();

  constructor(arrivals: Arrivals, onWarm: (cluster: Cluster) => void) {
    this.#arrivals = arrivals;
    this.#onWarm = onWarm;
  }

  get size(): number {
    return this.#warming.size;
  }

  get names(): readonly string[] {
    return [...this.#warming.keys()];
  }

  hasName(name: string): boolean {
    return this.#warming.has(name);
  }

  get(name: string): Cluster | undefined {
    return this.#warming.get(name)?.cluster;
  }

  has(cluster: Cluster): boolean {
    return this.get(cluster.table.name) === cluster;
  }

  /** In force at once when nothing is missing. One of the same name must have been abandoned before. */
  begin(cluster: Cluster): void {
    const { name, discovery } = cluster.table;
    const warming: Warming = { cluster, discovered: "waiting", timer: undefined };
    this.#warming.set(name, warming);
    if (discovery.kind === "eds" && discovery.fetchTimeoutMs > 0) {
      warming.timer = setTimeout(() => {
        if (warming.discovered === "waiting") warming.discovered = "given-up";
        this.lookAt(cluster);
      }, discovery.fetchTimeoutMs);
      warming.timer.unref();
    }
    this.lookAt(cluster);
  }

  /** DNS has answered, whatever it said. */
  resolved(cluster: Cluster): void {
    const warming = this.#warming.get(cluster.table.name);
    if (warming?.cluster !== cluster) return;
    warming.discovered = "arrived";
    this.lookAt(cluster);
  }

  /** Returns the one that waited under this name. */
  abandon(name: string): Cluster | undefined {
    const warming = this.#warming.get(name);
    if (!warming) return undefined;
    clearTimeout(warming.timer);
    this.#warming.delete(name);
    warming.cluster.drain();
    return warming.cluster;
  }

  /** Something has come that any of them may wait for. */
  look(): void {
    for (const { cluster } of [...this.#warming.values()]) this.lookAt(cluster);
  }

  /** Something has come for this one, if it waits. */
  lookAt(cluster: Cluster): void {
    const { name } = cluster.table;
    const warming = this.#warming.get(name);
    if (warming?.cluster !== cluster || !this.#isWarm(warming)) return;
    clearTimeout(warming.timer);
    this.#warming.delete(name);
    this.#onWarm(cluster);
  }

  #isWarm({ cluster: { table, checker }, discovered }: Warming): boolean {
    const { discovery } = table;
    const isDiscovered =
      discovered !== "waiting" ||
      (discovery.kind === "eds" ? this.#arrivals.hasEndpoints(discovery.serviceName) : discovery.kind !== "dns");
    if (!isDiscovered || (checker && !checker.isFirstRoundOver)) return false;
    return secretsOf(table).every((name) => this.#arrivals.hasSecret(name));
  }
}
