// Wildcards and their order.

import { expect, test } from "bun:test";
import { bySpecificity, hostMatches, patternsFor } from "./hosts.ts";

test("a wildcard covers longer names and not the bare suffix", () => {
  expect(hostMatches("*.foo.com", "a.foo.com")).toBe(true);
  expect(hostMatches("*.foo.com", "a.b.foo.com")).toBe(true);
  expect(hostMatches("*.foo.com", "foo.com")).toBe(false);
  expect(hostMatches("*", "foo.com")).toBe(true);
  expect(hostMatches("foo.com", "foo.com")).toBe(true);
  expect(hostMatches("foo.com", "a.foo.com")).toBe(false);
});

test("exact names go before wildcards, longer wildcards before shorter, ties in the alphabet's order", () => {
  const hosts = ["*", "*.com", "b.foo.com", "*.foo.com", "*.bar.com", "a.foo.com"];
  expect(hosts.sort(bySpecificity)).toEqual(["a.foo.com", "b.foo.com", "*.bar.com", "*.foo.com", "*.com", "*"]);
});

test("the patterns of a host are all that cover it, most specific first", () => {
  const patterns = [...patternsFor("a.foo.com")];
  expect(patterns[0]).toBe("a.foo.com");
  expect(patterns).toContain("*.foo.com");
  expect(patterns.at(-1)).toBe("*");
  for (const pattern of patterns) expect(hostMatches(pattern, "a.foo.com")).toBe(true);
  expect([...patterns].sort(bySpecificity)).toEqual(patterns);
});

test("a wildcard host is covered by itself and by shorter wildcards", () => {
  const patterns = [...patternsFor("*.foo.com")];
  expect(patterns[0]).toBe("*.foo.com");
  expect(patterns).toContain("*.com");
  expect(new Set(patterns).size).toBe(patterns.length);
});
