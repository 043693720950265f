// Trust bundles: the roots of one trust domain. Several at once while roots rotate (add, wait until all know it, switch, retire).
import { type Certificate, certificatePem, fingerprint, isSelfIssued, parseCertificates } from "./certificate.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { attempt, malformed, type Parsed, parsed, unwrap } from "./parsed.ts";
import { parseSpiffeId } from "./spiffe.ts";

/** At least one root, without repetition, in the order in which they were added. */
export interface TrustBundle {
  readonly trustDomain: string;
  readonly roots: readonly Certificate[];
}

/** By trust domain. There is deliberately no function that merges two bundles. */
export type TrustBundles = ReadonlyMap<string, TrustBundle>;

/** 64 roots: an overlap has two or three, a public pool (which has no place here) 140. */
const MAX_ROOTS = 64;

/** Reads a bundle from PEM. Every certificate must be an authority, and of this trust domain if it names one. */
export function parseBundle(trustDomain: string, pem: string): Parsed<TrustBundle> {
  return attempt(() => {
    const certificates = unwrap(parseCertificates(pem, MAX_ROOTS));
    return certificates.reduce<TrustBundle>((bundle, root) => unwrap(addRoot(bundle, root)), {
      trustDomain,
      roots: [],
    });
  });
}

/** The roots as PEM, one after the other. */
export function bundlePem(bundle: TrustBundle): string {
  return bundle.roots.map(certificatePem).join("");
}

/** The bundle with one more root at its end; the same bundle when it holds it already. */
export function addRoot(bundle: TrustBundle, root: Certificate): Parsed<TrustBundle> {
  const fault = rootFault(root, bundle.trustDomain);
  if (fault !== undefined) return malformed(fault);
  const name = fingerprint(root);
  if (bundle.roots.some((known) => fingerprint(known) === name)) return parsed(bundle);
  if (bundle.roots.length === MAX_ROOTS) return malformed(`a trust bundle holds at most ${MAX_ROOTS} roots`);
  return parsed({ trustDomain: bundle.trustDomain, roots: [...bundle.roots, root] });
}

/** The bundle without the root of this fingerprint. The last root cannot be retired: nobody could prove anything. */
export function retireRoot(bundle: TrustBundle, rootFingerprint: string): Parsed<TrustBundle> {
  const roots = bundle.roots.filter((root) => fingerprint(root) !== rootFingerprint);
  if (roots.length === bundle.roots.length)
    return malformed(`no root ${rootFingerprint} in the bundle of ${bundle.trustDomain}`);
  return roots.length === 0
    ? malformed(`root ${rootFingerprint} is the last of ${bundle.trustDomain}`)
    : parsed({ ...bundle, roots });
}

/** X509-SVID.md 4.1, 4.3: a signing certificate may name its trust domain, and then nothing else. Plugged-in roots often name none. */
function rootFault(root: Certificate, trustDomain: string): string | undefined {
  if (root.basicConstraints?.ca !== true) return "a trust bundle holds a certificate that is no authority (CA=false)";
  if (root.keyUsage !== undefined && (root.keyUsage.bits & KEY_USAGE.keyCertSign) === 0)
    return "key usage of a root lacks keyCertSign";
  if (!isSelfIssued(root)) return "a trust bundle holds an intermediate authority: only roots can be trust anchors";
  for (const uri of root.altNames.uris) {
    const id = parseSpiffeId(uri);
    if (id.kind === "malformed") continue; // a URI that is no SPIFFE id says nothing about trust domains
    if (id.value.trustDomain !== trustDomain)
      return `root is of trust domain ${id.value.trustDomain}, not ${trustDomain}`;
  }
  return undefined;
}
