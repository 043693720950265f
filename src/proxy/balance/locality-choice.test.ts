// Zones, by the numbers of Envoy's documentation of zone aware routing.

import { expect, test } from "bun:test";
import { PLAIN_SETTINGS, TestHost } from "./candidate-fixture.ts";
import { prioritySet } from "./host-set.ts";
import { NO_LOCALITY, WeightedLocalities, ZoneAware } from "./locality-choice.ts";

const here = { region: "", zone: "here", subZone: "" };
const ZONES = ["here", "a", "b"];
const POLICY = {
  minClusterSize: 6,
  routingEnabled: 100,
  forcedLocalHosts: Number.POSITIVE_INFINITY,
  basis: "hosts",
} as const;
type ZonePolicy = Omit<typeof POLICY, "routingEnabled"> & { readonly routingEnabled: number };

/** As many hosts in each of the zones. */
function inZones(...counts: readonly number[]) {
  const all = counts.flatMap((count, i) =>
    Array.from(
      { length: count },
      (_, j) => new TestHost(`10.0.${i}.${j}:80`, { locality: { ...here, zone: ZONES[i]! } }),
    ),
  );
  return prioritySet(all, PLAIN_SETTINGS, here);
}

function shares(
  upstream: readonly number[],
  callers: readonly number[],
  policy: ZonePolicy = POLICY,
): number[] | undefined {
  const zones = ZoneAware.of(inZones(...upstream).sets[0]!, inZones(...callers), policy, 50);
  if (!zones) return undefined;
  const counts = upstream.map(() => 0);
  for (let i = 0; i < 20_000; i++) {
    const zone = zones.choose();
    if (zone !== undefined) counts[zone]!++;
  }
  return counts.map((count) => Math.round(count / 200));
}

function near(found: readonly number[] | undefined, expected: readonly number[]): void {
  expect(found).toBeDefined();
  for (const [i, share] of found!.entries()) expect(Math.abs(share - expected[i]!)).toBeLessThan(3);
}

test("a zone whose callers are no larger a part than its hosts keeps them all", () => {
  near(shares([4, 4, 4], [2, 2, 2]), [100, 0, 0]);
  near(shares([6, 3, 3], [1, 1, 1]), [100, 0, 0]);
});

test("else what is too much goes to zones that have room, in proportion", () => {
  // Callers 50 %, 25 %, 25 %; hosts 25 %, 50 %, 25 %: half stays, the rest goes to a.
  near(shares([3, 6, 3], [4, 2, 2]), [50, 50, 0]);
  // Callers 60 %, 20 %, 20 %; hosts 20 %, 40 %, 40 %.
  near(shares([2, 4, 4], [6, 2, 2]), [33, 33, 33]);
});

test("a zone without hosts of its own sends everything to those that have room", () => {
  near(shares([0, 6, 6], [2, 1, 1]), [50, 50, 0]);
});

test("zones are not looked at in small clusters, without others, without callers here, or when it is switched off", () => {
  expect(shares([1, 2, 2], [1, 1, 1])).toBeUndefined();
  expect(shares([8], [1, 1])).toBeUndefined();
  expect(shares([4, 4, 4], [3])).toBeUndefined();
  expect(shares([4, 4, 4], [0, 2, 2])).toBeUndefined();
  expect(shares([4, 4, 4], [2, 2, 2], { ...POLICY, routingEnabled: 0 })).toEqual([0, 0, 0]);
});

test("weights of localities are lessened by what they lack", () => {
  const all = [
    ...Array.from(
      { length: 10 },
      (_, i) => new TestHost(`10.0.0.${i}:80`, { locality: { ...here, zone: "a" }, localityWeight: 1 }),
    ),
    ...Array.from(
      { length: 10 },
      (_, i) =>
        new TestHost(`10.0.1.${i}:80`, {
          locality: { ...here, zone: "b" },
          localityWeight: 2,
          health: i < 5 ? "healthy" : "unhealthy",
        }),
    ),
  ];
  const [set] = prioritySet(all, PLAIN_SETTINGS, undefined).sets;
  const localities = new WeightedLocalities(set!, ({ healthy }) => healthy.length);
  const counts = [0, 0];
  for (let i = 0; i < 2_400; i++) counts[localities.choose()!]!++;
  // 1 against 2 × 1.4 × 50 %.
  expect(Math.abs(counts[0]! - 1_000)).toBeLessThanOrEqual(2);
  expect(NO_LOCALITY.choose()).toBeUndefined();
});
