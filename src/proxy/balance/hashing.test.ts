// The ring, Maglev's table and bounded loads. That keys land as on Envoy is shown by the traffic cases.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BoundedLoad } from "./bounded-load.ts";
import { hosts, PLAIN_SETTINGS, TestHost } from "./candidate-fixture.ts";
import { type Hash64, remainder, splitHash } from "./hash64.ts";
import { prioritySet } from "./host-set.ts";
import { Maglev } from "./maglev.ts";
import { MersenneTwister } from "./mersenne-twister.ts";
import { murmurHash2 } from "./murmur.ts";
import { normalizedShares } from "./normalized-weights.ts";
import { type HashTable, Ring } from "./ring.ts";

const RING = { minimumSize: 1_024, maximumSize: 8_388_608, hashFunction: "xx-hash", byHostname: false } as const;
const PRIME = 65_537;

function split(hash: bigint): Hash64 {
  const parts = { high: 0, low: 0 };
  splitHash(hash, parts);
  return parts;
}

const keyHash = (key: number | string) => split(Bun.hash.xxHash64(`key ${key}`));
const shares = (all: readonly TestHost[]) =>
  normalizedShares(prioritySet(all, PLAIN_SETTINGS, undefined).sets[0]!, false, false);

const TABLES = [
  ["a ring", (all: readonly TestHost[]) => new Ring(shares(all), RING)],
  ["Maglev", (all: readonly TestHost[]) => new Maglev(shares(all), PRIME, false)],
] as const;

test("hashes in two words reckon as the bigints they are", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 1, max: 5_000_011 }),
      (hash, divisor) => {
        const { high, low } = split(hash);
        expect((BigInt(high) << 32n) | BigInt(low)).toBe(hash);
        expect(remainder({ high, low }, divisor)).toBe(Number(hash % BigInt(divisor)));
      },
    ),
  );
});

test("MurmurHash2 and MT19937 are the known ones", () => {
  // std::hash<std::string> of libstdc++, and the sequence of std::mt19937 from the standard (its 10,000th number from 5489).
  expect(murmurHash2("")).toBe(6142509188972423790n);
  const random = new MersenneTwister(5_489);
  for (let i = 1; i < 10_000; i++) random.next();
  expect(random.next()).toBe(4_123_659_995);
});

describe.each(TABLES)("%s", (_, create) => {
  function owners(table: HashTable<TestHost>, keys: number): string[] {
    return Array.from({ length: keys }, (_, key) => table.lookUp(keyHash(key), 0).label);
  }

  test("gives every host about its share", () => {
    const all = hosts(10);
    const found = owners(create(all), 20_000);
    for (const { label } of all) {
      const share = found.filter((owner) => owner === label).length / 20_000;
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.17);
    }
  });

  test("gives a host of three times the weight three times the keys", () => {
    const all = [new TestHost("10.0.0.1:80", { weight: 3 }), ...hosts(4, {}, "10.0.1")];
    const heavy = owners(create(all), 20_000).filter((owner) => owner === "10.0.0.1:80").length / 20_000;
    expect(heavy).toBeGreaterThan(0.33);
    expect(heavy).toBeLessThan(0.53);
  });

  test("moves few keys but those of a host that goes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), (gone) => {
        const all = hosts(10);
        const left = all.filter((_, i) => i !== gone);
        const before = owners(create(all), 5_000);
        const after = owners(create(left), 5_000);
        const moved = before.filter((owner, i) => owner !== all[gone]!.label && owner !== after[i]).length;
        // Maglev moves a few; a ring of whole numbers of entries none beyond rounding.
        expect(moved / 5_000).toBeLessThan(0.06);
      }),
      { numRuns: 10 },
    );
  });

  test("leads a further attempt elsewhere", () => {
    const table = create(hosts(5));
    const places = new Set(Array.from({ length: 8 }, (_, attempt) => table.lookUp(keyHash("x"), attempt).label));
    expect(places.size).toBeGreaterThan(1);
  });

  test("goes by the metadata hash_key in place of the address", () => {
    const named = (address: string) => [
      new TestHost(address, { lbMetadata: new Map([["hash_key", '"one"']]) }),
      new TestHost("10.0.0.9:80"),
    ];
    const [first, second] = [create(named("10.0.0.1:80")), create(named("10.0.0.2:80"))];
    const isNamed = (table: HashTable<TestHost>) => owners(table, 500).map((owner) => owner !== "10.0.0.9:80");
    expect(isNamed(first)).toEqual(isNamed(second));
  });
});

test("a ring has as many entries as make the least host's a whole number, and no more than it may", () => {
  expect(new Ring(shares(hosts(3)), RING).size).toBe(1_026);
  expect(new Ring(shares(hosts(3)), { ...RING, minimumSize: 1, maximumSize: 2 }).size).toBe(2);
  expect(new Ring(shares(hosts(10)), { ...RING, maximumSize: 1_024 }).size).toBe(1_024);
});

test("entries are in the order of their whole hashes, whatever their number: a look-up leads where a search through all of them would", () => {
  const all = hosts(3);
  const size = 3 * 1_000;
  const ring = new Ring(shares(all), { ...RING, minimumSize: size });
  const entries = all
    .flatMap((host) =>
      Array.from({ length: 1_000 }, (_, i) => ({ host, hash: Bun.hash.xxHash64(`${host.label}_${i}`) })),
    )
    .sort((a, b) => (a.hash < b.hash ? -1 : 1));
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (hash) => {
      const expected = entries.find((entry) => entry.hash >= hash) ?? entries[0]!;
      expect(ring.lookUp(split(hash), 0)).toBe(expected.host);
    }),
  );
  for (const { host, hash } of entries.slice(0, 200)) expect(ring.lookUp(split(hash), 0)).toBe(host);
});

test("an entry of a ring takes the hashes up to itself, and the first one those after the last", () => {
  const [host] = hosts(1);
  const ring = new Ring(shares([host!]), { ...RING, minimumSize: 1, maximumSize: 1 });
  for (const hash of [0n, 2n ** 64n - 1n]) expect(ring.lookUp(split(hash), 0)).toBe(host!);
});

test("a host that has more than its part gives way, for the same key always to the same other", () => {
  const all = hosts(5);
  const active = () => all.reduce((sum, host) => sum + host.active, 0);
  const plain = new Ring(shares(all), RING);
  const bounded = new BoundedLoad(plain, shares(all), 120, active);
  for (let key = 0; key < 200; key++) expect(bounded.lookUp(keyHash(key), 0)).toBe(plain.lookUp(keyHash(key), 0));
  const busy = plain.lookUp(keyHash(1), 0);
  busy.active = 100;
  // (101 × 1.2) / 5 = 24 slots for each.
  const other = bounded.lookUp(keyHash(1), 0);
  expect(other).not.toBe(busy);
  expect(bounded.lookUp(keyHash(1), 0)).toBe(other);
  for (const host of all) host.active = host === all[3] ? 200 : 300;
  // Where none has room, the least loaded takes it.
  const tight = new BoundedLoad(plain, shares(all), 50, active);
  for (let key = 0; key < 20; key++) expect(tight.lookUp(keyHash(key), 0)).toBe(all[3]!);
});
