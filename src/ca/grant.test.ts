import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { allows, grantText, parseGrant } from "./grant.ts";

function allowed(grant: string, id: string): boolean {
  return allows(unwrap(parseGrant(grant)), unwrap(parseSpiffeId(id)));
}

const A = "spiffe://cluster.local/ns/default/sa/a";

describe("a grant", () => {
  test("of one identity allows that one", () => {
    expect(allowed(A, A)).toBe(true);
    for (const other of [
      "spiffe://cluster.local/ns/default/sa/b",
      "spiffe://cluster.local/ns/other/sa/a",
      "spiffe://other.example/ns/default/sa/a",
      `${A}/x`,
    ]) {
      expect(allowed(A, other)).toBe(false);
    }
  });

  test("of a namespace ends at the namespace", () => {
    const grant = "spiffe://cluster.local/ns/default/sa/*";
    expect(allowed(grant, A)).toBe(true);
    for (const other of [
      "spiffe://cluster.local/ns/default2/sa/a",
      "spiffe://cluster.local/ns/default/sa/a/b",
      "spiffe://cluster.local/ns/default",
      "spiffe://other.example/ns/default/sa/a",
    ]) {
      expect(allowed(grant, other)).toBe(false);
    }
  });

  test("of a trust domain ends at the trust domain and at service accounts", () => {
    const grant = "spiffe://cluster.local/ns/*/sa/*";
    expect(allowed(grant, "spiffe://cluster.local/ns/other/sa/b")).toBe(true);
    expect(allowed(grant, "spiffe://other.example/ns/other/sa/b")).toBe(false);
    expect(allowed(grant, "spiffe://cluster.local/control-plane")).toBe(false);
  });

  test("is nothing else", () => {
    for (const text of [
      "",
      "*",
      "spiffe://*",
      "spiffe://*/ns/a/sa/b",
      "spiffe://cluster.local",
      "spiffe://cluster.local/*",
      "spiffe://cluster.local/ns/*/sa/a",
      "spiffe://cluster.local/ns/a*/sa/*",
      "spiffe://cluster.local/ns/a/sa/a*",
      "spiffe://cluster.local/ns/../sa/*",
      "spiffe://cluster.local/ns/a/sa/*/b",
      "spiffe://cluster.local/x/y",
    ]) {
      expect([text, parseGrant(text).kind]).toEqual([text, "malformed"]);
    }
  });

  test("survives text", () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,10}$/);
    fc.assert(
      fc.property(name, fc.oneof(name, fc.constant("*")), (namespace, account) => {
        const text = `spiffe://cluster.local/ns/${namespace}/sa/${account}`;
        expect(grantText(unwrap(parseGrant(text)))).toBe(text);
      }),
    );
    expect(grantText(unwrap(parseGrant("spiffe://cluster.local/ns/*/sa/*")))).toBe("spiffe://cluster.local/ns/*/sa/*");
  });
});
