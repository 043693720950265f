// Which clusters take which set of endpoints: with 10,000 of each, a set must not look for its cluster among all of them.

import type { Cluster } from "./cluster.ts";

const NOBODY: ReadonlySet<Cluster> = new Set();

function serviceOf({ table: { discovery } }: Cluster): string | undefined {
  return discovery.kind === "eds" ? discovery.serviceName : undefined;
}

export class EndpointFollowers {
  readonly #byService = new Map<string, Set<Cluster>>();
  #names: ReadonlySet<string> | undefined;

  /** The sets that are followed: the same object as long as they are the same. */
  get names(): ReadonlySet<string> {
    this.#names ??= new Set(this.#byService.keys());
    return this.#names;
  }

  of(service: string): ReadonlySet<Cluster> {
    return this.#byService.get(service) ?? NOBODY;
  }

  /** `before`: what the cluster replaces. Either may be undefined. */
  replace(before: Cluster | undefined, cluster: Cluster | undefined): void {
    if (cluster) this.#add(cluster);
    if (before) this.#delete(before);
  }

  #add(cluster: Cluster): void {
    const service = serviceOf(cluster);
    if (service === undefined) return;
    const followers = this.#byService.get(service);
    if (followers) {
      followers.add(cluster);
      return;
    }
    this.#byService.set(service, new Set([cluster]));
    this.#names = undefined;
  }

  #delete(cluster: Cluster): void {
    const service = serviceOf(cluster);
    if (service === undefined) return;
    const followers = this.#byService.get(service);
    if (!followers?.delete(cluster) || followers.size > 0) return;
    this.#byService.delete(service);
    this.#names = undefined;
  }
}
