import { describe, expect, test } from "bun:test";
import { parseBundle, type TrustBundles } from "./bundle.ts";
import type { CertificateTemplate } from "./certificate-builder.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { HOUR_MS, NOON_MS, testLeaf, testRoot } from "./certificate-fixtures.ts";
import { OID } from "./oid.ts";
import { peerIdentity, svidIdentity, verifySvid } from "./svid.ts";

const ID = "spiffe://cluster.local/ns/default/sa/a";
const root = testRoot(NOON_MS);

function faultOf(changes: Partial<CertificateTemplate>, uri = ID): string {
  const id = svidIdentity(testLeaf(root, uri, NOON_MS, changes).certificate);
  return id.kind === "malformed" ? id.reason : "";
}

describe("the identity of a leaf", () => {
  test("is its one URI", () => {
    const id = peerIdentity(testLeaf(root, ID, NOON_MS).certificate.der);
    expect(id).toMatchObject({ kind: "parsed", value: { uri: ID, trustDomain: "cluster.local" } });
  });

  test("may stand beside DNS names", () => {
    expect(faultOf({ dnsNames: ["a.default.svc"] })).toBe("");
  });

  test("may lack an extended key usage, but not half of it", () => {
    expect(faultOf({ extendedKeyUsage: [] })).toBe("");
    expect(faultOf({ extendedKeyUsage: [OID.serverAuth] })).toContain("clientAuth");
    expect(faultOf({ extendedKeyUsage: [OID.clientAuth] })).toContain("serverAuth");
  });

  test("may be used for key encipherment too, as Istio's RSA certificates are", () => {
    expect(faultOf({ keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyEncipherment })).toBe("");
  });

  // BoringSSL accepts every one of these when the chain is good.
  test("is refused on an authority, with signing usages, without digitalSignature, with no or two URIs", () => {
    expect(faultOf({ authority: {} })).toContain("CA=true");
    expect(faultOf({ keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign })).toContain("signing certificates");
    expect(faultOf({ keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.cRLSign })).toContain("signing certificates");
    expect(faultOf({ keyUsage: KEY_USAGE.keyAgreement })).toContain("digitalSignature");
    expect(faultOf({ uris: [] })).toContain("0 URI names");
    expect(faultOf({ uris: [ID, "spiffe://cluster.local/ns/default/sa/b"] })).toContain("2 URI names");
    expect(faultOf({ uris: [ID, ID] })).toContain("2 URI names");
    expect(faultOf({}, "spiffe://cluster.local")).toContain("no path");
    expect(faultOf({}, "https://cluster.local/a")).toContain("spiffe://");
  });

  test("is refused when the bytes are no certificate", () => {
    expect(peerIdentity(Uint8Array.of(1, 2, 3)).kind).toBe("malformed");
  });
});

describe("a presented chain", () => {
  const foreign = testRoot(NOON_MS, { uris: ["spiffe://other.example"] });
  const bundles: TrustBundles = new Map([bundle("cluster.local", root.pem), bundle("other.example", foreign.pem)]);

  function bundle(trustDomain: string, pem: string) {
    const read = parseBundle(trustDomain, pem);
    if (read.kind === "malformed") throw new Error(read.reason);
    return [trustDomain, read.value] as const;
  }

  test("proves the identity by the bundle of its own trust domain", () => {
    const leaf = testLeaf(root, ID, NOON_MS).certificate;
    expect(verifySvid([leaf], bundles, NOON_MS, "client")).toMatchObject({ kind: "trusted", id: { uri: ID }, leaf });
    const there = testLeaf(foreign, "spiffe://other.example/a", NOON_MS).certificate;
    expect(verifySvid([there], bundles, NOON_MS, "client").kind).toBe("trusted");
  });

  test("of another trust domain's authority cannot speak for this one, though both are trusted and named alike", () => {
    const forged = testLeaf(foreign, ID, NOON_MS).certificate;
    expect(verifySvid([forged], bundles, NOON_MS, "client")).toEqual({ kind: "unknown-issuer" });
  });

  test("of an unknown trust domain names it", () => {
    const stranger = testLeaf(root, "spiffe://third.example/a", NOON_MS).certificate;
    expect(verifySvid([stranger], bundles, NOON_MS, "client")).toEqual({
      kind: "unknown-trust-domain",
      trustDomain: "third.example",
    });
  });

  test("that expired, is empty or breaks the rules is told apart", () => {
    const leaf = testLeaf(root, ID, NOON_MS).certificate;
    expect(verifySvid([leaf], bundles, NOON_MS + 2 * HOUR_MS, "client").kind).toBe("expired");
    expect(verifySvid([], bundles, NOON_MS, "client").kind).toBe("malformed");
    expect(verifySvid([root.certificate], bundles, NOON_MS, "client").kind).toBe("malformed");
  });
});
