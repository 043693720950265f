import { expect, test } from "bun:test";
import fc from "fast-check";
import { DomainMap } from "./domain-map.ts";

const domains = Array.from({ length: 5_000 }, (_, i) => `service-${i}.default.svc.cluster.local`);

function filled(): DomainMap<number> {
  const map = new DomainMap<number>();
  for (const [i, domain] of domains.entries()) map.set(domain, i);
  return map;
}

test("each domain has its own, and others have none", () => {
  const map = filled();
  expect(domains.map((domain) => map.get(domain))).toEqual(domains.map((_, i) => i));
  expect(map.get("")).toBeUndefined();
  expect(map.get("service-5000.default.svc.cluster.local")).toBeUndefined();
});

test("a copy changes without what it was copied from", () => {
  const map = filled();
  const copy = new DomainMap(map);
  copy.set(domains[3]!, -3);
  copy.delete(domains[4]!);
  copy.set("new.example", 1);
  expect([copy.get(domains[3]!), copy.get(domains[4]!), copy.get("new.example")]).toEqual([-3, undefined, 1]);
  expect([map.get(domains[3]!), map.get(domains[4]!), map.get("new.example")]).toEqual([3, 4, undefined]);
  copy.replace(domains[5]!, 5, 5.5);
  copy.replace(domains[6]!, 5, 6.5);
  expect([map.get(domains[5]!), copy.get(domains[5]!), copy.get(domains[6]!)]).toEqual([5.5, 5.5, 6]);
  expect(domains.slice(6).every((domain, i) => copy.get(domain) === i + 6)).toBe(true);
});

test("it holds what a Map holds, whatever is set, deleted and copied", () => {
  const domain = fc.oneof(
    fc.nat(400).map((i) => `service-${i}.default`),
    fc.string({ unit: fc.constantFrom("a", "A", "é", "\u0161", "."), maxLength: 3 }),
  );
  const change = fc.record({ kind: fc.constantFrom("set", "set", "set", "delete", "copy"), domain, value: fc.nat() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600, size: "max" }), (changes) => {
      let map = new DomainMap<number>();
      let model = new Map<string, number>();
      const left: (readonly [DomainMap<number>, Map<string, number>])[] = [];
      for (const { kind, domain, value } of changes) {
        if (kind === "delete") map.delete(domain);
        if (kind === "delete") model.delete(domain);
        if (kind === "set") map.set(domain, value);
        if (kind === "set") model.set(domain, value);
        if (kind !== "copy") continue;
        left.push([map, model]);
        map = new DomainMap(map);
        model = new Map(model);
      }
      for (const [held, expected] of [...left, [map, model] as const])
        for (const { domain } of changes) expect(held.get(domain)).toBe(expected.get(domain)!);
    }),
    { numRuns: 50 },
  );
});
