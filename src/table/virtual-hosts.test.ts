import { expect, test } from "bun:test";
import fc from "fast-check";
import type { VirtualHost } from "./route.ts";
import { VirtualHosts } from "./virtual-hosts.ts";

function host(name: string, ...domains: string[]): VirtualHost {
  return {
    name,
    domains,
    routes: [],
    rateLimits: [],
    attemptCountHeader: false,
    attemptCountInResponse: false,
    requireTls: "none",
  };
}

const LABELS = ["a", "b", "A.b", "c.b", "x.c.b", "a.x"];
const domain = fc.oneof(
  fc.constantFrom(...LABELS),
  fc.constantFrom(...LABELS).map((label) => `${label}:80`),
  fc.constantFrom(...LABELS).map((label) => `*.${label}`),
  fc.constantFrom(...LABELS).map((label) => `${label}.*`),
  fc.constant("*"),
);
const hostOf = fc.array(domain, { minLength: 1, maxLength: 3 });

test("some hosts replaced is the same as all of them read again, wildcards and overlaps included", () => {
  const change = fc.record({ at: fc.nat(), domains: fc.option(hostOf, { nil: undefined }) });
  const world = [
    fc.array(hostOf, { maxLength: 5 }),
    fc.array(change, { maxLength: 4 }),
    fc.array(hostOf, { maxLength: 2 }),
  ] as const;
  fc.assert(
    fc.property(...world, fc.boolean(), (before, changes, more, ignorePort) => {
      const hosts = before.map((domains, i) => host(`before ${i}`, ...domains));
      const changed = new Map<VirtualHost, VirtualHost | undefined>();
      for (const [i, { at, domains }] of changes.entries()) {
        const old = hosts[at % (hosts.length || 1)];
        if (old) changed.set(old, domains && host(`changed ${i}`, ...domains));
      }
      const added = more.map((domains, i) => host(`added ${i}`, ...domains));
      const updated = new VirtualHosts(hosts, ignorePort).with(changed, added);
      const afresh = new VirtualHosts(
        [
          ...hosts.map((one) => (changed.has(one) ? changed.get(one) : one)).filter((one) => one !== undefined),
          ...added,
        ],
        ignorePort,
      );
      expect(updated.all.map(({ name }) => name)).toEqual(afresh.all.map(({ name }) => name));
      for (const label of [...LABELS, "zz.b", "a.zz", "nothing", "a:80", "c.b:80"])
        expect([label, updated.find(label)?.name]).toEqual([label, afresh.find(label)?.name]);
    }),
    { numRuns: 500 },
  );
});

test("a port that is ignored finds no domain that is written with it, asked for once or twice", () => {
  const hosts = new VirtualHosts([host("with", "a:80"), host("without", "a")], true);
  for (const authority of ["a:80", "a:80", "a:81", "a"])
    expect([authority, hosts.find(authority)?.name]).toEqual([authority, "without"]);
  expect(new VirtualHosts([host("with", "a:80"), host("without", "a")], false).find("a:80")?.name).toBe("with");
});

test("the table that was replaced still answers as it did", () => {
  const old = host("old", "a", "b");
  const before = new VirtualHosts([old], false);
  const after = before.with(new Map([[old, host("new", "a")]]), []);
  expect(["a", "b"].map((name) => before.find(name)?.name)).toEqual(["old", "old"]);
  expect(["a", "b"].map((name) => after.find(name)?.name)).toEqual(["new", undefined]);
});
