// The X.509-SVID rules (X509-SVID.md 3 to 5): what a certificate must hold beyond a valid chain before its SPIFFE id counts.
// BoringSSL accepts a leaf with CA=true, with keyCertSign or with two URIs; the rules here are what refuses them.
import { type Certificate, parseCertificate } from "./certificate.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { type ChainVerdict, type Purpose, verifyChain } from "./chain.ts";
import { OID } from "./oid.ts";
import { type Malformed, malformed, type Parsed } from "./parsed.ts";
import { parseSpiffeId, type SpiffeId } from "./spiffe.ts";

/** Whether a presented chain proves an identity. `malformed` is a certificate that breaks the X.509-SVID rules. */
export type SvidVerdict =
  | { readonly kind: "trusted"; readonly id: SpiffeId; readonly leaf: Certificate }
  | { readonly kind: "unknown-trust-domain"; readonly trustDomain: string }
  | Malformed
  | Exclude<ChainVerdict, { readonly kind: "trusted" }>;

/**
 * The identity in a leaf, from its DER, for a peer whose chain TLS has proven: `socket.getPeerX509Certificate().raw`.
 * Costs about 30 µs, once per connection, where the handshake costs 1,000.
 */
export function peerIdentity(der: Uint8Array): Parsed<SpiffeId> {
  const certificate = parseCertificate(der);
  return certificate.kind === "malformed" ? certificate : svidIdentity(certificate.value);
}

/** Every name of a leaf that can be asked for, from its DER: its SPIFFE id, "" when it breaks a rule of X.509-SVID's, and its DNS names. */
export function peerNames(der: Uint8Array): Parsed<{ readonly uri: string; readonly dnsNames: readonly string[] }> {
  const certificate = parseCertificate(der);
  if (certificate.kind === "malformed") return certificate;
  const identity = svidIdentity(certificate.value);
  const uri = identity.kind === "parsed" ? identity.value.uri : "";
  return { kind: "parsed", value: { uri, dnsNames: certificate.value.altNames.dnsNames } };
}

/** The identity in a leaf that obeys the X.509-SVID rules (X509-SVID.md 5.2), else which rule it breaks. */
export function svidIdentity(leaf: Certificate): Parsed<SpiffeId> {
  if (leaf.basicConstraints?.ca === true) return malformed("certificate is an authority, not a workload (CA=true)");
  const { keyUsage, extendedKeyUsage } = leaf;
  if (keyUsage === undefined || (keyUsage.bits & KEY_USAGE.digitalSignature) === 0)
    return malformed("key usage lacks digitalSignature");
  if ((keyUsage.bits & (KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign)) !== 0)
    return malformed("key usage of a workload allows signing certificates");
  if (
    extendedKeyUsage !== undefined &&
    !(extendedKeyUsage.includes(OID.serverAuth) && extendedKeyUsage.includes(OID.clientAuth))
  ) {
    return malformed("extended key usage lacks serverAuth or clientAuth");
  }
  const { uris } = leaf.altNames;
  if (uris.length !== 1) return malformed(`certificate has ${uris.length} URI names, not 1`);
  if (leaf.subjectEmpty && !leaf.altNames.critical)
    return malformed("subject is empty but the subject alternative name is not critical");
  const id = parseSpiffeId(uris[0]!);
  if (id.kind === "parsed" && id.value.path === "") return malformed("SPIFFE id of a workload has no path");
  return id;
}

/**
 * Proves a presented chain (leaf first) with the bundle of the leaf's own trust domain and no other: bundles of different
 * trust domains are never one pool, or each could speak for all.
 */
export function verifySvid(
  presented: readonly Certificate[],
  bundles: ReadonlyMap<string, { readonly roots: readonly Certificate[] }>,
  nowMs: number,
  purpose: Purpose,
): SvidVerdict {
  const [leaf] = presented;
  if (leaf === undefined) return malformed("no certificate was presented");
  const id = svidIdentity(leaf);
  if (id.kind === "malformed") return id;
  const bundle = bundles.get(id.value.trustDomain);
  if (bundle === undefined) return { kind: "unknown-trust-domain", trustDomain: id.value.trustDomain };
  const verdict = verifyChain(presented, bundle.roots, nowMs, purpose);
  return verdict.kind === "trusted" ? { kind: "trusted", id: id.value, leaf } : verdict;
}
