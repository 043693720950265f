import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { addRoot } from "../pki/bundle.ts";
import { type Certificate, certificatePem } from "../pki/certificate.ts";
import { KEY_USAGE } from "../pki/certificate-extensions.ts";
import { HOUR_MS, NOON_MS, testIntermediate, testRoot } from "../pki/certificate-fixtures.ts";
import { verifyChain } from "../pki/chain.ts";
import { generateKeyPair } from "../pki/key.ts";
import { OID } from "../pki/oid.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { svidIdentity } from "../pki/svid.ts";
import {
  CLOCK_SKEW_MS,
  chainPem,
  createRoot,
  issueLeaf,
  ROOT_LIFETIME_MS,
  type SigningAuthority,
  selfSignedAuthority,
} from "./authority.ts";

const id = unwrap(parseSpiffeId("spiffe://cluster.local/ns/default/sa/a"));
const { publicKeyInfo } = generateKeyPair();
const authority = selfSignedAuthority(createRoot("cluster.local", NOON_MS), "cluster.local");

function issue(from: SigningAuthority = authority, ttlMs = HOUR_MS, nowMs = NOON_MS): Certificate {
  const verdict = issueLeaf(from, { id, publicKeyInfo, ttlMs }, nowMs);
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  return verdict.leaf;
}

describe("a root", () => {
  test("lasts ten years and signs for its trust domain", () => {
    const { certificate } = createRoot("cluster.local", NOON_MS);
    expect(certificate).toMatchObject({
      notBeforeMs: NOON_MS - CLOCK_SKEW_MS,
      notAfterMs: NOON_MS + ROOT_LIFETIME_MS,
      basicConstraints: { ca: true },
      keyUsage: { critical: true, bits: KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign },
      extendedKeyUsage: undefined,
      altNames: { uris: ["spiffe://cluster.local"] },
    });
  });

  test("is not mistaken for another of its trust domain, by name or by key", () => {
    const other = selfSignedAuthority(createRoot("cluster.local", NOON_MS), "cluster.local");
    expect(other.certificate.subject).not.toEqual(authority.certificate.subject);
    expect(verifyChain([issue(other)], authority.bundle.roots, NOON_MS, "server").kind).toBe("unknown-issuer");
  });
});

describe("a leaf", () => {
  test("is an X.509-SVID: one critical URI, digitalSignature only, server and client, no authority", () => {
    const leaf = issue();
    expect(leaf).toMatchObject({
      subjectEmpty: true,
      altNames: { critical: true, uris: [id.uri], dnsNames: [], others: 0 },
      basicConstraints: { ca: false },
      keyUsage: { critical: true, bits: KEY_USAGE.digitalSignature },
      extendedKeyUsage: [OID.serverAuth, OID.clientAuth],
      notBeforeMs: NOON_MS - CLOCK_SKEW_MS,
      notAfterMs: NOON_MS + HOUR_MS,
    });
    expect(svidIdentity(leaf)).toMatchObject({ kind: "parsed", value: id });
    for (const purpose of ["server", "client"] as const) {
      expect(verifyChain([leaf], authority.bundle.roots, NOON_MS, purpose).kind).toBe("trusted");
    }
  });

  test("has a serial of its own, 127 bits, positive", () => {
    const serials = Array.from({ length: 20 }, () => issue().serial);
    expect(new Set(serials).size).toBe(20);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
  });

  test("does not outlive its authority", () => {
    const end = authority.certificate.notAfterMs;
    expect(issue(authority, HOUR_MS, end - 1_000).notAfterMs).toBe(end);
    expect(issueLeaf(authority, { id, publicKeyInfo, ttlMs: HOUR_MS }, end)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("expired at"),
    });
  });

  test("of another trust domain is refused", () => {
    const foreign = unwrap(parseSpiffeId("spiffe://other.example/ns/default/sa/a"));
    expect(issueLeaf(authority, { id: foreign, publicKeyInfo, ttlMs: HOUR_MS }, NOON_MS)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("other.example"),
    });
  });

  test("of an intermediate comes with the intermediate, and ends with it", () => {
    const root = testRoot(NOON_MS, { notAfterMs: NOON_MS + 9 * HOUR_MS });
    const middle = testIntermediate(root, NOON_MS);
    const bundle = unwrap(addRoot({ trustDomain: "cluster.local", roots: [] }, root.certificate));
    const below = {
      certificate: middle.certificate,
      privateKey: middle.key.privateKey,
      intermediates: [middle.certificate],
      bundle,
    };
    const leaf = issue(below, 5 * HOUR_MS);
    expect(leaf.notAfterMs).toBe(middle.certificate.notAfterMs);
    expect(chainPem(below, leaf)).toEqual([certificatePem(leaf), middle.pem]);
    expect(verifyChain([leaf, middle.certificate], bundle.roots, NOON_MS, "client").kind).toBe("trusted");
  });

  test("is signed by RSA and P-384 authorities too", () => {
    for (const pair of [
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
      generateKeyPairSync("ec", { namedCurve: "P-384" }),
    ]) {
      const info = pair.publicKey.export({ type: "spki", format: "der" });
      const root = testRoot(NOON_MS);
      const key = { privateKey: pair.privateKey, publicKeyInfo: info };
      const middle = testIntermediate(root, NOON_MS, { publicKeyInfo: info });
      const bundle = unwrap(addRoot({ trustDomain: "cluster.local", roots: [] }, root.certificate));
      const leaf = issue({
        certificate: middle.certificate,
        privateKey: key.privateKey,
        intermediates: [middle.certificate],
        bundle,
      });
      expect(verifyChain([leaf, middle.certificate], bundle.roots, NOON_MS, "server").kind).toBe("trusted");
    }
  });
});
