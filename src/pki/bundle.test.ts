import { expect, test } from "bun:test";
import { addRoot, bundlePem, parseBundle, retireRoot, type TrustBundle } from "./bundle.ts";
import { fingerprint } from "./certificate.ts";
import { NOON_MS, testIntermediate, testLeaf, testRoot } from "./certificate-fixtures.ts";
import type { Parsed } from "./parsed.ts";

const first = testRoot(NOON_MS);
const second = testRoot(NOON_MS);

function bundle(result: Parsed<TrustBundle>): TrustBundle {
  if (result.kind === "malformed") throw new Error(result.reason);
  return result.value;
}

function faultOf(result: Parsed<TrustBundle>): string {
  return result.kind === "malformed" ? result.reason : "";
}

test("a bundle survives PEM, in order and without repetition", () => {
  const read = bundle(parseBundle("cluster.local", first.pem + second.pem + first.pem));
  expect(read.roots.map(fingerprint)).toEqual([first, second].map(({ certificate }) => fingerprint(certificate)));
  expect(bundlePem(read)).toBe(first.pem + second.pem);
});

test("roots are added and retired without changing the bundle that others hold", () => {
  const one = bundle(parseBundle("cluster.local", first.pem));
  const both = bundle(addRoot(one, second.certificate));
  const later = bundle(retireRoot(both, fingerprint(first.certificate)));
  expect([one, both, later].map(({ roots }) => roots.length)).toEqual([1, 2, 1]);
  expect(later.roots).toEqual([second.certificate]);
  expect(bundle(addRoot(both, first.certificate))).toBe(both);
});

test("the last root and one that is not held cannot be retired", () => {
  const one = bundle(parseBundle("cluster.local", first.pem));
  expect(faultOf(retireRoot(one, fingerprint(first.certificate)))).toContain("last");
  expect(faultOf(retireRoot(one, fingerprint(second.certificate)))).toContain("no root");
});

test("a root that names another trust domain is refused, one that names none is taken", () => {
  expect(faultOf(parseBundle("other.example", first.pem))).toBe(
    "root is of trust domain cluster.local, not other.example",
  );
  expect(parseBundle("other.example", testRoot(NOON_MS, { uris: [] }).pem).kind).toBe("parsed");
});

test("leaves, intermediates and authorities that must not sign are no roots", () => {
  expect(faultOf(parseBundle("cluster.local", testLeaf(first, "spiffe://cluster.local/a", NOON_MS).pem))).toContain(
    "CA=false",
  );
  expect(faultOf(parseBundle("cluster.local", testIntermediate(first, NOON_MS).pem))).toContain("intermediate");
  expect(faultOf(parseBundle("cluster.local", testRoot(NOON_MS, { keyUsage: 1 }).pem))).toContain("keyCertSign");
  expect(faultOf(parseBundle("cluster.local", ""))).toContain("no PEM");
});
