// Maglev's table, built as Envoy builds it (MaglevTable): each host in turn takes the next free place of its own permutation.

import type { Candidate } from "./candidate.ts";
import { type Hash64, remainder } from "./hash64.ts";
import { hashKey, type Share } from "./normalized-weights.ts";
import type { HashTable } from "./ring.ts";

interface Builder {
  /** Place that it looks at next, and how far the one after is. */
  place: number;
  readonly skip: number;
  readonly share: number;
  /** What its share times the rounds must reach for its next turn. */
  target: number;
}

function buildersOf(keyed: readonly { readonly key: string; readonly share: number }[], size: number): Builder[] {
  return keyed.map(({ key, share }) => {
    const bytes = Buffer.from(key);
    return {
      place: Number(Bun.hash.xxHash64(bytes) % BigInt(size)),
      skip: Number(Bun.hash.xxHash64(bytes, 1n) % BigInt(size - 1)) + 1,
      share,
      target: 0,
    };
  });
}

const FREE = 0xffff_ffff;

function fill(builders: readonly Builder[], size: number): Uint32Array {
  const table = new Uint32Array(size).fill(FREE);
  const largest = builders.reduce((max, { share }) => Math.max(max, share), 0);
  for (let round = 1, filled = 0; filled < size; round++) {
    for (let i = 0; i < builders.length && filled < size; i++) {
      const builder = builders[i]!;
      // One with a third of the largest share has a turn in every third round.
      if (round * builder.share < builder.target) continue;
      builder.target += largest;
      while (table[builder.place] !== FREE) builder.place = (builder.place + builder.skip) % size;
      table[builder.place] = i;
      builder.place = (builder.place + builder.skip) % size;
      filled++;
    }
  }
  return table;
}

export class Maglev<C extends Candidate> implements HashTable<C> {
  readonly #hosts: readonly C[];
  readonly #table: Uint32Array;

  /** `tableSize`: a prime. */
  constructor(shares: readonly Share<C>[], tableSize: number, byHostname: boolean) {
    // In the order of their keys: the table must not depend on the order in which endpoints are listed.
    const keyed = shares
      .map(({ host, share }) => ({ key: hashKey(host, byHostname), host, share }))
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.#hosts = keyed.map(({ host }) => host);
    this.#table = fill(buildersOf(keyed, tableSize), tableSize);
  }

  lookUp(hash: Hash64, attempt: number): C {
    return this.#hosts[this.#table[remainder(attempt === 0 ? hash : turned(hash, attempt), this.#table.length)]!]!;
  }
}

/** Most bits turn over, so that retries of one host do not all go to the same other one. */
function turned({ high, low }: Hash64, attempt: number): Hash64 {
  return { high: ~high >>> 0, low: (low ^ (2 ** 32 - attempt)) >>> 0 };
}
