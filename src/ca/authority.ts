// The certificate authority itself: roots and leaves. Pure but for randomness; where keys are kept is the store's business, who may
// have which certificate is attest.ts's.
import { type KeyObject, randomBytes } from "node:crypto";
import { addRoot, type TrustBundle } from "../pki/bundle.ts";
import { type Certificate, certificatePem, parseCertificate } from "../pki/certificate.ts";
import { buildCertificate, organizationName } from "../pki/certificate-builder.ts";
import { KEY_USAGE } from "../pki/certificate-extensions.ts";
import { generateKeyPair, type KeyPair } from "../pki/key.ts";
import { OID } from "../pki/oid.ts";
import { unwrap } from "../pki/parsed.ts";
import type { SpiffeId } from "../pki/spiffe.ts";

/** What signs, and what proves its signatures. */
export interface SigningAuthority {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** Sent behind every leaf: from the signing certificate up to below the root. Empty when a root signs. */
  readonly intermediates: readonly Certificate[];
  readonly bundle: TrustBundle;
}

/** A root with its key: what signs, or will sign, or may still be needed to sign. */
export interface Root {
  readonly certificate: Certificate;
  readonly key: KeyPair;
}

/** What a leaf is made of; everything else in it is fixed by the X.509-SVID rules. */
export interface LeafRequest {
  /** The identity that the caller proved. */
  readonly id: SpiffeId;
  readonly publicKeyInfo: Uint8Array;
  readonly ttlMs: number;
  /** Beside the identity, on the control plane's own certificate only: Istio's agents verify its host name. */
  readonly dnsNames?: readonly string[];
}

/** `notAfterMs` may be earlier than was asked for. */
export type IssueVerdict =
  | { readonly kind: "issued"; readonly leaf: Certificate; readonly notAfterMs: number }
  | { readonly kind: "refused"; readonly reason: string };

/** Ten years, as Istio's and Linkerd's; a root is replaced by overlap long before. */
export const ROOT_LIFETIME_MS = 10 * 365 * 86_400_000;

/** Certificates begin this much before they are made, for peers whose clocks are late. Linkerd allows 20 s, Istio 2 min. */
export const CLOCK_SKEW_MS = 60_000;

/** A new self-signed root of a trust domain, with the trust domain's SPIFFE id as its name (X509-SVID.md 4.1). */
export function createRoot(trustDomain: string, nowMs: number): Root {
  const key = generateKeyPair();
  // The serial is in the name, too: two roots of one trust domain must not be mistaken for each other while they overlap.
  const serial = newSerial();
  const name = organizationName(`${trustDomain} ${Buffer.from(serial).toString("hex", 0, 4)}`);
  const der = buildCertificate(
    {
      serial,
      issuer: name,
      subject: name,
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: nowMs + ROOT_LIFETIME_MS,
      publicKeyInfo: key.publicKeyInfo,
      uris: [`spiffe://${trustDomain}`],
      authority: {},
      keyUsage: KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign,
    },
    key.privateKey,
  );
  return { certificate: unwrap(parseCertificate(der)), key };
}

/** A self-signed root as an authority of its own. */
export function selfSignedAuthority({ certificate, key }: Root, trustDomain: string): SigningAuthority {
  const bundle = unwrap(addRoot({ trustDomain, roots: [] }, certificate));
  return { certificate, privateKey: key.privateKey, intermediates: [], bundle };
}

/**
 * An X.509-SVID (X509-SVID.md 4): URI name only and critical because the subject is empty, digitalSignature, both server and client,
 * no authority. It ends with the authority at the latest: what outlives its issuer proves nothing.
 */
export function issueLeaf(
  authority: SigningAuthority,
  { id, publicKeyInfo, ttlMs, dnsNames = [] }: LeafRequest,
  nowMs: number,
): IssueVerdict {
  const { certificate, privateKey, intermediates, bundle } = authority;
  if (id.trustDomain !== bundle.trustDomain) {
    return {
      kind: "refused",
      reason: `identity is of trust domain ${id.trustDomain}, the authority's is ${bundle.trustDomain}`,
    };
  }
  const issuers = [certificate, ...intermediates];
  const notAfterMs = Math.min(nowMs + ttlMs, ...issuers.map((issuer) => issuer.notAfterMs));
  if (notAfterMs <= nowMs) {
    return {
      kind: "refused",
      reason: `signing certificate expired at ${new Date(certificate.notAfterMs).toISOString()}`,
    };
  }
  const der = buildCertificate(
    {
      serial: newSerial(),
      issuer: certificate.subject,
      subject: organizationName(""),
      notBeforeMs: Math.max(nowMs - CLOCK_SKEW_MS, ...issuers.map((issuer) => issuer.notBeforeMs)),
      notAfterMs,
      publicKeyInfo,
      uris: [id.uri],
      dnsNames,
      keyUsage: KEY_USAGE.digitalSignature,
      extendedKeyUsage: [OID.serverAuth, OID.clientAuth],
      issuerKeyIdentifier: certificate.subjectKeyIdentifier,
    },
    privateKey,
  );
  const leaf = unwrap(parseCertificate(der));
  return { kind: "issued", leaf, notAfterMs: leaf.notAfterMs };
}

/** The chain as it is sent: PEM, the leaf first, without the root. */
export function chainPem(authority: SigningAuthority, leaf: Certificate): readonly string[] {
  return [leaf, ...authority.intermediates].map(certificatePem);
}

/** 127 random bits, positive and never short (CA/Browser Forum asks for 64, RFC 5280 4.1.2.2 for at most 20 octets). */
function newSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}
