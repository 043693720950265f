import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fingerprint } from "./certificate.ts";
import { NOON_MS, testIntermediate, testLeaf, testRoot } from "./certificate-fixtures.ts";
import { JOIN_TOKEN_TYPE, pinnedBundle, ROOTS_CLAIM, readJoinToken } from "./join-token.ts";

const root = testRoot(NOON_MS);
const claims = { trustDomain: "cluster.local", roots: [fingerprint(root.certificate)], expiresMs: NOON_MS };

function token(payload: unknown, type: string = JOIN_TOKEN_TYPE): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "ES256", typ: type })}.${encode(payload)}.x`;
}

describe("reading", () => {
  const payload = { iss: "spiffe://cluster.local", exp: NOON_MS / 1_000, [ROOTS_CLAIM]: claims.roots };

  test("gives the trust domain, the roots and the end", () => {
    expect(readJoinToken(token(payload))).toEqual({ kind: "parsed", value: claims });
  });

  test("refuses other tokens and missing claims, and quotes nothing", () => {
    const bad = [
      token(payload, "JWT"),
      token({ ...payload, iss: "https://x" }),
      token({ ...payload, exp: "1" }),
      token({ ...payload, [ROOTS_CLAIM]: [] }),
      token({ ...payload, [ROOTS_CLAIM]: [1] }),
      token(null),
      "a.b",
      "",
      "hunter2.hunter2.hunter2",
    ];
    for (const text of bad) {
      const read = readJoinToken(text);
      expect(read.kind).toBe("malformed");
      expect(JSON.stringify(read)).not.toContain("hunter2");
    }
  });

  test("never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => token(text)),
        ),
        (text) => readJoinToken(text).kind === "malformed",
      ),
    );
  });
});

describe("the pinned bundle", () => {
  test("holds the presented root that the token names, and no other", () => {
    const leaf = testLeaf(root, "spiffe://cluster.local/a", NOON_MS);
    const presented = [leaf, testRoot(NOON_MS), root].map(({ certificate }) => certificate);
    expect(pinnedBundle(claims, presented)).toEqual({
      kind: "parsed",
      value: { trustDomain: "cluster.local", roots: [root.certificate] },
    });
  });

  test("is refused when nothing presented is named, or what is named is no root", () => {
    const intermediate = testIntermediate(root, NOON_MS).certificate;
    expect(pinnedBundle(claims, [testRoot(NOON_MS).certificate]).kind).toBe("malformed");
    expect(pinnedBundle({ ...claims, roots: [fingerprint(intermediate)] }, [intermediate]).kind).toBe("malformed");
    expect(pinnedBundle(claims, []).kind).toBe("malformed");
  });
});
