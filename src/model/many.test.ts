// Thousands that all concern each other: indexes give what looking at each would, and look at few.

import { describe, expect, test } from "bun:test";
import { HostMeetings } from "./host-meetings.ts";
import { hostMatches } from "./hosts.ts";
import { importsRoute, importsService } from "./imports.ts";
import { LabelIndex, SelectorIndex } from "./label-index.ts";
import type { EgressListener, ImportedHost, ImportedNamespace } from "./proxy-scope.ts";
import { Wildcards } from "./wildcards.ts";

type Labels = Readonly<Record<string, string>>;

const PARTS = ["a", "b", "a.b", "b.a", "a.a.b", "b.b.a.b"];
const HOSTS = [...PARTS, "*", ...PARTS.map((part) => `*.${part}`), "*a.b", "*-b", "*.-b", "x-b", "*-a.b"];

function subsets<T>(all: readonly T[], count: number): readonly (readonly T[])[] {
  return Array.from({ length: count }, (_, seed) => all.filter((_, i) => ((seed * 2_654_435_761) >>> (i + 3)) & 1));
}

describe("the same as looking at each", () => {
  test("hosts that meet", () => {
    const meets = (a: string, b: string) => a === b || hostMatches(a, b) || hostMatches(b, a);
    for (const some of subsets(HOSTS, 200)) {
      const meeting = new HostMeetings(some);
      for (const host of HOSTS)
        expect([host, meeting.meets(host)]).toEqual([host, some.some((other) => meets(other, host))]);
    }
  });

  test("wildcards that cover hosts", () => {
    for (const some of subsets(HOSTS, 200)) {
      const wildcards = new Wildcards(some);
      for (const host of HOSTS) {
        const covering = some.filter(
          (other, i) => other.startsWith("*") && some.indexOf(other) === i && hostMatches(other, host),
        );
        const found = [...wildcards.covering(host)].map((position) => some[position]!);
        expect([host, found.filter((other) => other !== host).sort()]).toEqual([
          host,
          covering.filter((other) => other !== host).sort(),
        ]);
        const isAbove = host.startsWith("*") && some.some((other) => other !== host && hostMatches(host, other));
        if (host.startsWith("*") && !some.includes(host))
          expect([host, wildcards.isAbove(host)]).toEqual([host, isAbove]);
      }
    }
  });

  test("what an egress listener lets through", () => {
    const namespaces: readonly ImportedNamespace[] = [{ kind: "any" }, { kind: "own" }, { kind: "named", name: "x" }];
    const all = HOSTS.flatMap((host) => namespaces.map((namespace): ImportedHost => ({ host, namespace })));
    const covers = (pattern: string, host: string) => pattern === host || pattern === "*" || hostMatches(pattern, host);
    const isOf = (imported: ImportedNamespace, namespace: string) =>
      imported.kind === "any" || namespace === ("name" in imported ? imported.name : "own");
    const lists = subsets(all, 60);
    for (const [i, hosts] of lists.entries()) {
      const listener: EgressListener = { path: "", hosts, except: i % 3 === 0 ? [] : lists[(i + 7) % 60]! };
      const some = (list: readonly ImportedHost[], namespace: string, matches: (pattern: string) => boolean) =>
        list.some((entry) => isOf(entry.namespace, namespace) && matches(entry.host));
      for (const host of HOSTS)
        for (const namespace of ["own", "x", "y"]) {
          const covered = (pattern: string) => covers(pattern, host);
          const met = (pattern: string) => covered(pattern) || (host.startsWith("*") && covers(host, pattern));
          const isExcepted = some(listener.except, namespace, covered);
          const service = some(hosts, namespace, covered) && !isExcepted;
          const route = some(hosts, namespace, met) && !isExcepted;
          expect(importsService(listener, "own", namespace, host)).toBe(service);
          expect(importsRoute(listener, "own", namespace, host)).toBe(route);
        }
    }
  });

  test("first selectors and things", () => {
    const keys = ["a", "b", "c"];
    const sets = subsets(
      keys.flatMap((key) => ["1", "2"].map((value) => [key, value] as const)),
      64,
    ).map((entries): Labels => Object.fromEntries(entries));
    const selectors = new SelectorIndex(sets, (labels) => labels);
    const things = new LabelIndex(sets.map((labels) => ({ labels })));
    for (const labels of sets) {
      expect(selectors.first(labels)).toBe(selectors.matching(labels)[0]);
      expect(things.first(labels)).toBe(things.select(labels)[0]);
    }
  });
});

/** Counts what is read of it. */
function counted(labels: Labels, count: { reads: number }): Labels {
  return new Proxy(labels, {
    get(target, key) {
      count.reads++;
      return target[key as string];
    },
  });
}

describe("looks at few", () => {
  const MANY = 5_000;

  test("of selectors that all are satisfied", () => {
    const index = new SelectorIndex(
      Array.from({ length: MANY }, (_, i) => i),
      () => ({ app: "web" }),
    );
    const count = { reads: 0 };
    expect(index.first(counted({ app: "web" }, count))).toBe(0);
    expect(count.reads).toBeLessThan(10);
  });

  test("of selectors that all ask for one label, and for one of their own", () => {
    const index = new SelectorIndex(
      Array.from({ length: MANY }, (_, i) => i),
      (i) => ({ app: "web", own: `${i}` }),
    );
    const count = { reads: 0 };
    expect(index.matching(counted({ app: "web", own: "7" }, count))).toEqual([7]);
    expect(count.reads).toBeLessThan(10);
  });

  test("of things that all are selected", () => {
    const count = { reads: 0 };
    const index = new LabelIndex(Array.from({ length: MANY }, () => ({ labels: counted({ app: "web" }, count) })));
    count.reads = 0;
    expect(index.first({ app: "web" })).toBeDefined();
    expect(count.reads).toBeLessThan(10);
  });

  test("of a host of a megabyte", () => {
    const dots = "a.".repeat(500_000);
    expect(new HostMeetings([dots]).meets("a.b")).toBe(false);
    expect(new HostMeetings(["a.b"]).meets(dots)).toBe(false);
    expect(new HostMeetings([dots]).meets(dots)).toBe(true);
  });
});
