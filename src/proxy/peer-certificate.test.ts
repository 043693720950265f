import { expect, test } from "bun:test";
import { NOON_MS, testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { peerCertificate } from "./peer-certificate.ts";

const ID = "spiffe://cluster.local/ns/default/sa/";
const root = testRoot(NOON_MS);
const derOf = (account: string) => testLeaf(root, ID + account, NOON_MS).certificate.der;

test("a client that comes again with the certificate it had is known by its bytes", () => {
  const der = derOf("a");
  const first = peerCertificate(der);
  expect(first.principal).toBe(`${ID}a`);
  expect(peerCertificate(new Uint8Array(der))).toBe(first);
  const renewed = peerCertificate(derOf("a"));
  expect(renewed).not.toBe(first);
  expect(renewed.principal).toBe(first.principal);
  expect(peerCertificate(derOf("b")).principal).toBe(`${ID}b`);
});

test("who is nobody by the rules of X.509-SVID's stays nobody, and so do bytes that are no certificate", () => {
  const authority = peerCertificate(root.certificate.der);
  expect([authority.principal, peerCertificate(root.certificate.der).principal]).toEqual(["", ""]);
  expect(peerCertificate(Uint8Array.of(1, 2, 3)).principal).toBe("");
});

test("clients with ever other certificates take no more memory than some; a large certificate is not remembered", () => {
  const first = peerCertificate(Uint8Array.of(0));
  for (let i = 0; i < 2_000; i++) peerCertificate(Uint8Array.of(1, i >> 8, i & 255));
  expect(peerCertificate(Uint8Array.of(0))).not.toBe(first);
  const large = new Uint8Array(5_000);
  expect(peerCertificate(large)).not.toBe(peerCertificate(large));
});
