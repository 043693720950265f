// How many and how large regular expressions one object may have: of each what Envoy takes, of all together what is read at a write.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check } from "./dialects.ts";
import { sourceObject } from "./object.ts";

function found(kind: string, spec: object, apiVersion = "networking.istio.io/v1"): readonly string[] {
  const read = sourceObject({ apiVersion, kind, metadata: { name: "a", namespace: "ns" }, spec });
  if (read.kind !== "object") throw new Error("no object");
  const told = check(read.object, DEFAULT_SETTINGS).filter(({ severity }) => severity === "error");
  return told.map(({ code, path }) => `${code} ${path}`);
}

function routes(regexes: readonly string[]) {
  const http = regexes.map((regex) => ({ match: [{ uri: { regex } }], route: [{ destination: { host: "web" } }] }));
  return found("VirtualService", { hosts: ["web"], http });
}

function patch(regex: string) {
  return { applyTo: "HTTP_ROUTE", patch: { operation: "MERGE", value: { match: { safe_regex: { regex } } } } };
}

function patches(regexes: readonly string[]) {
  return found("EnvoyFilter", { configPatches: regexes.map(patch) }, "networking.istio.io/v1alpha3");
}

const many = (make: (i: number) => string, count = 1_000): readonly string[] =>
  Array.from({ length: count }, (_, i) => make(i));

test("a thousand as people write them are taken", () => {
  expect(routes(many((i) => `/api/v${i}/[a-z0-9]+/users/([^/]+)/(.*)`))).toEqual([]);
});

test("one whose program Envoy refuses is refused, with its place", () => {
  expect(routes(["/a", `/${"(a{1000})".repeat(40)}`])).toEqual(["HED1746 spec.http[1].match[0].uri.regex"]);
  expect(patches(["/a", "a".repeat(60_000)])).toEqual([
    "HED1746 spec.configPatches[1].patch.value.match.safe_regex.regex",
  ]);
});

test("one that RE2 does not take is told in an EnvoyFilter, too", () => {
  expect(patches(["(a", "/a"])).toEqual(["HED1113 spec.configPatches[0].patch.value.match.safe_regex.regex"]);
});

test("a character beyond a byte is none in Envoy's expressions, a backslash before an x is", () => {
  expect(routes(["/a\\x{1F600}", "/b\\\\x{1F}", "/c\\x{E9}", "/d\\\\\\x{100}"])).toEqual([
    "HED1113 spec.http[0].match[0].uri.regex",
    "HED1113 spec.http[3].match[0].uri.regex",
  ]);
});

test("of too many together the first that is too much is told, and those behind it are not read", () => {
  const large = (i: number) => `(?i)/${i}${"[\\pL]".repeat(150)}`;
  const [told = "", ...more] = routes(many(large));
  expect(more).toEqual([]);
  const [, route] = /^HED1747 spec\.http\[(\d+)\]\.match\[0\]\.uri\.regex$/.exec(told) ?? [];
  expect(Number(route)).toBeGreaterThan(50);
  expect(Number(route)).toBeLessThan(200);
  expect(patches(many(() => "a".repeat(1_000)))).toHaveLength(1);
});
