import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SignJWT } from "jose";
import { Failure } from "../base/failure.ts";
import { fingerprint } from "../pki/certificate.ts";
import { HOUR_MS, NOON_MS } from "../pki/certificate-fixtures.ts";
import { readJoinToken } from "../pki/join-token.ts";
import { generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { createRoot, selfSignedAuthority } from "./authority.ts";
import { parseGrant } from "./grant.ts";
import { JoinTokens, looksLikeJoinToken, MAX_TOKEN_TTL_MS } from "./token.ts";

const key = generateKeyPair();
const { bundle } = selfSignedAuthority(createRoot("cluster.local", NOON_MS), "cluster.local");
const tokens = new JoinTokens(key, () => bundle);
const SUBJECT = "spiffe://cluster.local/ns/default/sa/a";
const grant = unwrap(parseGrant(SUBJECT));

interface Claims {
  readonly issuer?: string;
  readonly audience?: string;
  readonly subject?: string;
  readonly type?: string;
}

/** A token signed with the right key, but with other contents. */
async function forge(
  { issuer = "spiffe://cluster.local", audience = "heddle-join", subject = SUBJECT, type = "heddle-join+jwt" }: Claims,
  complete = true,
): Promise<string> {
  const token = new SignJWT({})
    .setProtectedHeader({ alg: "ES256", typ: type })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject);
  const dated = token.setIssuedAt(NOON_MS / 1_000).setJti("1");
  return (complete ? dated.setExpirationTime((NOON_MS + HOUR_MS) / 1_000) : dated).sign(key.privateKey);
}

describe("a join token", () => {
  test("is accepted until it expires, and says since when it has", async () => {
    const token = (await tokens.issue(grant, HOUR_MS, NOON_MS)).reveal();
    expect(await tokens.verify(token, NOON_MS)).toMatchObject({ kind: "accepted", grant });
    expect((await tokens.verify(token, NOON_MS + HOUR_MS - 1_000)).kind).toBe("accepted");
    expect(await tokens.verify(token, NOON_MS + HOUR_MS)).toEqual({ kind: "expired", sinceMs: NOON_MS + HOUR_MS });
    expect(looksLikeJoinToken(token)).toBe(true);
  });

  test("has an id of its own, so that a log can tell two apart", async () => {
    const verdicts = await Promise.all(
      [1, 2].map(async () => tokens.verify((await tokens.issue(grant, HOUR_MS, NOON_MS)).reveal(), NOON_MS)),
    );
    const ids = verdicts.map((verdict) => (verdict.kind === "accepted" ? verdict.tokenId : ""));
    expect(new Set(ids).size).toBe(2);
  });

  test("tells its bearer the trust domain, the end and the roots", async () => {
    const token = (await tokens.issue(grant, HOUR_MS, NOON_MS)).reveal();
    expect(readJoinToken(token)).toEqual({
      kind: "parsed",
      value: { trustDomain: "cluster.local", roots: bundle.roots.map(fingerprint), expiresMs: NOON_MS + HOUR_MS },
    });
  });

  test("does not print itself", async () => {
    expect(`${await tokens.issue(grant, HOUR_MS, NOON_MS)}`).toBe("[redacted]");
  });

  test("lasts from a second to a day", async () => {
    for (const ttl of [0, -1, 999, MAX_TOKEN_TTL_MS + 1, Number.NaN]) {
      await expect(tokens.issue(grant, ttl, NOON_MS)).rejects.toBeInstanceOf(Failure);
    }
  });
});

describe("a token is refused", () => {
  test("when another key signed it, though everything else is right", async () => {
    const foreign = await new JoinTokens(generateKeyPair(), () => bundle).issue(grant, HOUR_MS, NOON_MS);
    expect(await tokens.verify(foreign.reveal(), NOON_MS)).toEqual({ kind: "bad-signature" });
  });

  test("when its contents were changed", async () => {
    const [head, , signature] = (await tokens.issue(grant, HOUR_MS, NOON_MS)).reveal().split(".");
    const body = Buffer.from(JSON.stringify({ sub: "spiffe://cluster.local/ns/*/sa/*", aud: "heddle-join" })).toString(
      "base64url",
    );
    expect(await tokens.verify(`${head}.${body}.${signature}`, NOON_MS)).toEqual({ kind: "bad-signature" });
  });

  test("for another audience, issuer, type or subject, and without an end", async () => {
    expect(await tokens.verify(await forge({ audience: "istio-ca" }), NOON_MS)).toEqual({ kind: "wrong-audience" });
    expect(await tokens.verify(await forge({ issuer: "spiffe://other.example" }), NOON_MS)).toMatchObject({
      kind: "malformed",
      reason: expect.stringContaining("iss"),
    });
    expect(await tokens.verify(await forge({ type: "JWT" }), NOON_MS)).toMatchObject({
      kind: "malformed",
      reason: expect.stringContaining("typ"),
    });
    expect(await tokens.verify(await forge({ subject: "spiffe://cluster.local/*" }), NOON_MS)).toMatchObject({
      kind: "malformed",
    });
    expect(await tokens.verify(await forge({}, false), NOON_MS)).toMatchObject({
      kind: "malformed",
      reason: expect.stringContaining("exp"),
    });
    expect((await tokens.verify(await forge({}), NOON_MS)).kind).toBe("accepted");
  });

  test("when its algorithm is none or its key is symmetric", async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = encode({
      iss: "spiffe://cluster.local",
      aud: "heddle-join",
      sub: SUBJECT,
      exp: NOON_MS / 1_000 + 60,
      iat: NOON_MS / 1_000,
      jti: "1",
    });
    expect((await tokens.verify(`${encode({ alg: "none", typ: "heddle-join+jwt" })}.${body}.`, NOON_MS)).kind).toBe(
      "malformed",
    );
    // The public key as HMAC secret: the classic confusion of algorithms.
    const symmetric = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256", typ: "heddle-join+jwt" })
      .setSubject(SUBJECT)
      .sign(key.publicKeyInfo);
    expect((await tokens.verify(symmetric, NOON_MS)).kind).toBe("malformed");
  });

  test("when it is no token at all, of whatever characters and length", async () => {
    expect((await tokens.verify("a".repeat(8_193), NOON_MS)).kind).toBe("malformed");
    expect(looksLikeJoinToken("a".repeat(8_193))).toBe(false);
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}$/),
    );
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        looksLikeJoinToken(token);
        expect((await tokens.verify(token, NOON_MS)).kind).toBe("malformed");
      }),
    );
  });
});
