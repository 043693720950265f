// Ketama's ring, built as Envoy builds it, so that a key lands on the same host on either proxy (Envoy: RingHashLoadBalancer::Ring).

import type { HashFunction } from "../../table/balancing.ts";
import type { Candidate } from "./candidate.ts";
import { type Hash64, splitHash } from "./hash64.ts";
import { murmurHash2 } from "./murmur.ts";
import { hashKey, type Share } from "./normalized-weights.ts";

/** Where a hash leads. `attempt` above 0 leads elsewhere. */
export interface HashTable<C> {
  lookUp(hash: Hash64, attempt: number): C;
}

interface RingShape {
  readonly minimumSize: number;
  readonly maximumSize: number;
  readonly hashFunction: HashFunction;
  readonly byHostname: boolean;
}

export class Ring<C extends Candidate> implements HashTable<C> {
  readonly #hosts: readonly C[];
  /** The hashes in their order, as two words each; and whose they are. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #owners: Uint32Array;

  constructor(shares: readonly Share<C>[], shape: RingShape) {
    this.#hosts = shares.map(({ host }) => host);
    const { high, low, owners } = entriesOf(shares, shape);
    const order = inOrder(high, low);
    this.#high = order.map((i) => high[i]!);
    this.#low = order.map((i) => low[i]!);
    this.#owners = order.map((i) => owners[i]!);
  }

  get size(): number {
    return this.#owners.length;
  }

  /** The first entry at or after the hash; after the last one comes the first. */
  lookUp({ high, low }: Hash64, attempt: number): C {
    const highs = this.#high;
    const lows = this.#low;
    let first = 0;
    let last = highs.length;
    while (first < last) {
      const middle = (first + last) >>> 1;
      const word = highs[middle]!;
      if (word < high || (word === high && lows[middle]! < low)) first = middle + 1;
      else last = middle;
    }
    return this.#hosts[this.#owners[(first + attempt) % highs.length]!]!;
  }
}

/**
 * The indices of hashes in the order of the hashes. What fits of a hash beside its index into a double is sorted natively, ten times as fast
 * as by a comparison in JavaScript (65,600 entries: 9 ms against 114); the few that are alike so far are put right after.
 */
function inOrder(high: readonly number[], low: readonly number[]): Uint32Array {
  const size = high.length;
  const indexBits = Math.ceil(Math.log2(size + 1));
  const dropped = Math.max(0, indexBits + 32 - 53);
  const scale = 2 ** indexBits;
  const order = Uint32Array.from(
    Float64Array.from(high, (word, i) => (word >>> dropped) * scale + i).sort(),
    (packed) => packed % scale,
  );
  for (let i = 1; i < size; i++) {
    const entry = order[i]!;
    let at = i;
    for (; at > 0; at--) {
      const before = order[at - 1]!;
      if (high[before]! < high[entry]! || (high[before] === high[entry] && low[before]! <= low[entry]!)) break;
      order[at] = before;
    }
    order[at] = entry;
  }
  return order;
}

/**
 * As many entries as make the least host's a whole number. Others' need not be: running sums of what is due and what is there keep the whole
 * in proportion.
 */
function entriesOf(
  shares: readonly Share<Candidate>[],
  { minimumSize, maximumSize, hashFunction, byHostname }: RingShape,
): { readonly high: readonly number[]; readonly low: readonly number[]; readonly owners: readonly number[] } {
  const least = shares.reduce((min, { share }) => Math.min(min, share), 1);
  const scale = Math.min(Math.ceil(least * minimumSize) / least, maximumSize);
  const hashOf = hashFunction === "xx-hash" ? Bun.hash.xxHash64 : murmurHash2;
  const hash: Hash64 = { high: 0, low: 0 };
  const high: number[] = [];
  const low: number[] = [];
  const owners: number[] = [];
  let due = 0;
  shares.forEach(({ host, share }, owner) => {
    const key = hashKey(host, byHostname);
    due += scale * share;
    for (let i = 0; owners.length < due; i++) {
      splitHash(hashOf(`${key}_${i}`), hash);
      high.push(hash.high);
      low.push(hash.low);
      owners.push(owner);
    }
  });
  return { high, low, owners };
}
