// Consistent hashing with bounded loads (arXiv:1608.01350): a host that has more than its part gives way to another, found by jumps that the
// hash alone decides (arXiv:1908.08762; Envoy: BoundedLoadHashingLoadBalancer).

import type { Candidate } from "./candidate.ts";
import type { Hash64 } from "./hash64.ts";
import { MersenneTwister } from "./mersenne-twister.ts";
import type { Share } from "./normalized-weights.ts";
import type { HashTable } from "./ring.ts";

const TWO_32 = 2 ** 32;

/** A number below `count`, each as likely. */
function below(random: MersenneTwister, count: number): number {
  const width = Math.floor(TWO_32 / count);
  for (;;) {
    const drawn = Math.floor(random.next() / width);
    if (drawn < count) return drawn;
  }
}

export class BoundedLoad<C extends Candidate> implements HashTable<C> {
  readonly #table: HashTable<C>;
  readonly #shares: readonly Share<C>[];
  readonly #share: ReadonlyMap<C, number>;
  readonly #factor: number;
  readonly #clusterActive: () => number;

  constructor(table: HashTable<C>, shares: readonly Share<C>[], factor: number, clusterActive: () => number) {
    this.#table = table;
    this.#shares = shares;
    this.#share = new Map(shares.map(({ host, share }) => [host, share]));
    this.#factor = factor;
    this.#clusterActive = clusterActive;
  }

  /** Requests on the way as a part of what the host may have; above 1 it has too many. */
  #load(host: C, share: number, slots: number): number {
    return host.active / Math.max(Math.ceil(slots * share), 1);
  }

  lookUp(hash: Hash64, attempt: number): C {
    const host = this.#table.lookUp(hash, attempt);
    const slots = Math.floor(((this.#clusterActive() + 1) * this.#factor + 99) / 100);
    const load = this.#load(host, this.#share.get(host)!, slots);
    return load <= 1 ? host : this.#elsewhere(host, load, hash, slots);
  }

  #elsewhere(first: C, firstLoad: number, { low }: Hash64, slots: number): C {
    const random = new MersenneTwister(low);
    const order = Uint32Array.from(this.#shares.keys());
    let best = first;
    let bestLoad = firstLoad;
    for (let i = 0; i < order.length; i++) {
      const j = i + below(random, order.length - i);
      [order[i], order[j]] = [order[j]!, order[i]!];
      const { host, share } = this.#shares[order[i]!]!;
      if (host === first) continue;
      const load = this.#load(host, share, slots);
      if (load <= 1) return host;
      if (load >= bestLoad) continue;
      best = host;
      bestLoad = load;
    }
    return best;
  }
}
