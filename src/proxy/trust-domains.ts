// Roots by trust domain (envoy.tls.cert_validator.spiffe): each vouches for identities of its own domain and for no others. TLS knows one pool
// of roots; whose of them a chain leads to is proven after the handshake.

import { type Certificate, parseCertificate, parseCertificates } from "../pki/certificate.ts";
import type { Purpose } from "../pki/chain.ts";
import { verifySvid } from "../pki/svid.ts";

export type TrustDomains = ReadonlyMap<string, { readonly roots: readonly Certificate[] }>;

/** Roots of one domain at most: an overlap has two or three of each authority. */
const MAX_ROOTS = 64;

/** @returns what is wrong with the PEM of one, as text. */
export function trustDomainsOf(pems: ReadonlyMap<string, string>): TrustDomains | string {
  const domains = new Map<string, { readonly roots: readonly Certificate[] }>();
  for (const [name, pem] of pems) {
    const read = parseCertificates(pem, MAX_ROOTS);
    if (read.kind === "malformed") return `roots of ${name}: ${read.reason}`;
    domains.set(name, { roots: read.value });
  }
  return domains;
}

/** Why a peer with this chain (DER, leaf first) is refused; undefined: it is who it says. */
export function refusesChain(
  domains: TrustDomains,
  chain: readonly Uint8Array[],
  purpose: Purpose,
): string | undefined {
  const presented: Certificate[] = [];
  for (const der of chain) {
    const read = parseCertificate(der);
    if (read.kind === "malformed") return read.reason;
    presented.push(read.value);
  }
  const verdict = verifySvid(presented, domains, Date.now(), purpose);
  switch (verdict.kind) {
    case "trusted":
      return undefined;
    case "unknown-trust-domain":
      return `certificate is of trust domain ${verdict.trustDomain}, which is none of those that are trusted`;
    case "malformed":
    case "refused":
      return verdict.reason;
    case "unknown-issuer":
      return "certificate leads to no root of its own trust domain";
    case "expired":
      return "certificate has expired";
    case "not-yet-valid":
      return "certificate is not valid yet";
  }
}
