import { describe, expect, test } from "bun:test";
import type { Certificate } from "./certificate.ts";
import {
  HOUR_MS,
  NOON_MS,
  type TestCertificate,
  testIntermediate,
  testLeaf,
  testRoot,
} from "./certificate-fixtures.ts";
import { verifyChain } from "./chain.ts";
import { OID } from "./oid.ts";

const ID = "spiffe://cluster.local/ns/default/sa/a";
const root = testRoot(NOON_MS);
const leaf = testLeaf(root, ID, NOON_MS);

function verdict(presented: readonly TestCertificate[], roots: readonly TestCertificate[] = [root], nowMs = NOON_MS) {
  return verifyChain(presented.map(certificateOf), roots.map(certificateOf), nowMs, "server");
}

function certificateOf({ certificate }: TestCertificate): Certificate {
  return certificate;
}

describe("a chain is trusted", () => {
  test("when the leaf is signed by a root", () => {
    expect(verdict([leaf])).toEqual({ kind: "trusted", path: [leaf.certificate, root.certificate] });
  });

  test("over intermediates in any order, with the root or strangers among them", () => {
    const upper = testIntermediate(root, NOON_MS);
    const lower = testIntermediate(upper, NOON_MS);
    const below = testLeaf(lower, ID, NOON_MS);
    const path = [below, lower, upper, root].map(certificateOf);
    expect(verdict([below, lower, upper])).toEqual({ kind: "trusted", path });
    expect(verdict([below, root, upper, leaf, lower])).toEqual({ kind: "trusted", path });
  });

  test("by the second of two roots of the same name", () => {
    const second = testRoot(NOON_MS);
    expect(verdict([testLeaf(second, ID, NOON_MS)], [root, second]).kind).toBe("trusted");
  });

  test("from its first millisecond to the end of its last second", () => {
    const { notBeforeMs, notAfterMs } = leaf.certificate;
    const long = testRoot(NOON_MS, { notBeforeMs: NOON_MS - 9 * HOUR_MS, notAfterMs: NOON_MS + 9 * HOUR_MS });
    const short = testLeaf(long, ID, NOON_MS);
    const kinds = [notBeforeMs - 1, notBeforeMs, notAfterMs + 999, notAfterMs + 1_000].map(
      (ms) => verdict([short], [long], ms).kind,
    );
    expect(kinds).toEqual(["not-yet-valid", "trusted", "trusted", "expired"]);
  });

  test("at its path length, but not beyond", () => {
    const limited = testIntermediate(root, NOON_MS, { authority: { pathLength: 0 } });
    expect(verdict([testLeaf(limited, ID, NOON_MS), limited]).kind).toBe("trusted");
    const below = testIntermediate(limited, NOON_MS);
    expect(verdict([testLeaf(below, ID, NOON_MS), below, limited])).toEqual({
      kind: "refused",
      reason: "a path length of 0 in the chain is exceeded",
    });
  });
});

test("a self-issued authority, as one root leaves to the next, does not count for the path length", () => {
  const limited = testRoot(NOON_MS, { authority: { pathLength: 0 } });
  const successor = testIntermediate(limited, NOON_MS, { subject: limited.certificate.subject });
  expect(verdict([testLeaf(successor, ID, NOON_MS), successor], [limited]).kind).toBe("trusted");
});

describe("a chain is refused", () => {
  test("when it is foreign, even with the right names and its own root presented", () => {
    const foreign = testRoot(NOON_MS);
    const stranger = testLeaf(foreign, ID, NOON_MS);
    expect(verdict([stranger])).toEqual({ kind: "unknown-issuer" });
    expect(verdict([stranger, foreign])).toEqual({ kind: "unknown-issuer" });
  });

  test("when an intermediate is missing", () => {
    const intermediate = testIntermediate(root, NOON_MS);
    expect(verdict([testLeaf(intermediate, ID, NOON_MS)])).toEqual({ kind: "unknown-issuer" });
  });

  test("when leaf, intermediate or root has expired, and says since when", () => {
    const long = { notBeforeMs: NOON_MS - HOUR_MS, notAfterMs: NOON_MS + 9 * HOUR_MS };
    const late = NOON_MS + 2 * HOUR_MS;
    const shortRoot = testRoot(NOON_MS);
    expect(verdict([testLeaf(shortRoot, ID, NOON_MS, long)], [shortRoot], late)).toEqual({
      kind: "expired",
      notAfterMs: NOON_MS + HOUR_MS,
    });
    const longRoot = testRoot(NOON_MS, long);
    const short = testIntermediate(longRoot, NOON_MS);
    expect(verdict([testLeaf(short, ID, NOON_MS, long), short], [longRoot], late).kind).toBe("expired");
    expect(verdict([testLeaf(longRoot, ID, NOON_MS)], [longRoot], late).kind).toBe("expired");
  });

  test("when a leaf signed it", () => {
    const forged = testLeaf({ ...leaf }, "spiffe://cluster.local/ns/default/sa/admin", NOON_MS);
    // The leaf's empty subject is the forged certificate's issuer: the names fit, only the flags refuse it.
    expect(verdict([forged, leaf])).toEqual({
      kind: "refused",
      reason: "an issuer in the chain is not a certificate authority",
    });
  });

  test("when an authority in it must not sign certificates", () => {
    const mute = testIntermediate(root, NOON_MS, { keyUsage: 1 });
    expect(verdict([testLeaf(mute, ID, NOON_MS), mute])).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("must not sign"),
    });
  });

  test("for the other purpose", () => {
    const clientOnly = testLeaf(root, ID, NOON_MS, { extendedKeyUsage: [OID.clientAuth] });
    expect(verdict([clientOnly])).toEqual({ kind: "refused", reason: "extended key usage lacks serverAuth" });
    expect(verifyChain([clientOnly.certificate], [root.certificate], NOON_MS, "client").kind).toBe("trusted");
    const limited = testIntermediate(root, NOON_MS, { extendedKeyUsage: [OID.clientAuth] });
    expect(verdict([testLeaf(limited, ID, NOON_MS), limited]).kind).toBe("refused");
  });

  test("when one bit of the signature or of what it covers is changed", () => {
    const { signed } = leaf.certificate;
    for (const part of ["body", "signature"] as const) {
      const broken = Uint8Array.from(signed[part]);
      broken[broken.length - 1]! ^= 1;
      const changed = { ...leaf.certificate, signed: { ...signed, [part]: broken } };
      expect(verifyChain([changed], [root.certificate], NOON_MS, "server").kind).toBe("unknown-issuer");
    }
  });

  test("when it is empty or longer than 10", () => {
    expect(verdict([])).toEqual({ kind: "refused", reason: "no certificate was presented" });
    expect(verdict(Array.from({ length: 11 }, () => leaf)).kind).toBe("refused");
  });

  test("when it holds a critical extension that is not processed, in the leaf or above", () => {
    const limited = { ...root.certificate, unknownCritical: ["2.5.29.30"] };
    expect(verifyChain([leaf.certificate], [limited], NOON_MS, "server")).toMatchObject({
      reason: expect.stringContaining("2.5.29.30"),
    });
    const strange = { ...leaf.certificate, unknownCritical: ["1.2.3"] };
    expect(verifyChain([strange], [root.certificate], NOON_MS, "server").kind).toBe("refused");
  });

  test("after 16 signatures, however many ways through it are presented", () => {
    // Nine certificates of one name and one key: each has signed each, so a search without a budget would try 9! orders.
    const first = testRoot(NOON_MS);
    const { subject, publicKeyInfo } = first.certificate;
    const twins = Array.from({ length: 9 }, () => testIntermediate(first, NOON_MS, { subject, publicKeyInfo }));
    expect(verdict([testLeaf(first, ID, NOON_MS), ...twins])).toEqual({
      kind: "refused",
      reason: "more than 16 signatures to check",
    });
  });
});
