import { expect, test } from "bun:test";
import { Failure } from "../base/failure.ts";
import { parseBundle } from "../pki/bundle.ts";
import { parseCertificates } from "../pki/certificate.ts";
import { HOUR_MS, NOON_MS } from "../pki/certificate-fixtures.ts";
import { makeCertificateRequest } from "../pki/csr.ts";
import { generateKeyPair } from "../pki/key.ts";
import { unwrap } from "../pki/parsed.ts";
import { parseSpiffeId } from "../pki/spiffe.ts";
import { verifySvid } from "../pki/svid.ts";
import { createRoot, selfSignedAuthority } from "./authority.ts";
import { LocalSigner } from "./local-signer.ts";

const authority = selfSignedAuthority(createRoot("cluster.local", NOON_MS), "cluster.local");
const signer = new LocalSigner({
  authority: () => authority,
  dnsNames: ["istiod.istio-system.svc"],
  now: () => NOON_MS,
});

test("the control plane's certificate is an SVID with its host names", async () => {
  const id = unwrap(parseSpiffeId("spiffe://cluster.local/ns/heddle-system/sa/heddle"));
  const { chain, roots } = await signer.sign(makeCertificateRequest(generateKeyPair(), id), HOUR_MS);
  const [leaf] = unwrap(parseCertificates(chain.join("")));
  expect(leaf!.altNames).toMatchObject({ uris: [id.uri], dnsNames: ["istiod.istio-system.svc"] });
  const bundles = new Map([["cluster.local", unwrap(parseBundle("cluster.local", roots))]]);
  expect(verifySvid([leaf!], bundles, NOON_MS, "server").kind).toBe("trusted");
});

test("a bad request and another trust domain are Failures", async () => {
  await expect(signer.sign("x", HOUR_MS)).rejects.toBeInstanceOf(Failure);
  const foreign = unwrap(parseSpiffeId("spiffe://other.example/a"));
  await expect(signer.sign(makeCertificateRequest(generateKeyPair(), foreign), HOUR_MS)).rejects.toThrow(
    "other.example",
  );
});
