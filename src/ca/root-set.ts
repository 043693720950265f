// The self-signed roots that the authority keeps: one signs, several may be trusted. Replacing a root without losing a connection is
// add → wait until every proxy knows it → switch → wait until every leaf of the old one ended → retire; this holds each of the states.
import { addRoot, retireRoot, type TrustBundle } from "../pki/bundle.ts";
import { fingerprint } from "../pki/certificate.ts";
import { attempt, malformed, type Parsed, parsed, unwrap } from "../pki/parsed.ts";
import type { Root, SigningAuthority } from "./authority.ts";

/** Immutable; `signing` is the fingerprint of one of `roots`. */
export interface RootSet {
  readonly trustDomain: string;
  readonly roots: readonly Root[];
  readonly signing: string;
}

/** The set of a new authority: its root signs from the start. */
export function firstRoot(trustDomain: string, root: Root): RootSet {
  return { trustDomain, roots: [root], signing: fingerprint(root.certificate) };
}

/** Trusts one more root, which does not sign yet. */
export function prepareRoot(set: RootSet, root: Root): Parsed<RootSet> {
  return attempt(() => {
    unwrap(addRoot(bundleOf(set), root.certificate));
    return hold(set, fingerprint(root.certificate)) ? set : { ...set, roots: [...set.roots, root] };
  });
}

/** Signs with a root that is trusted already. */
export function switchTo(set: RootSet, rootFingerprint: string): Parsed<RootSet> {
  return hold(set, rootFingerprint)
    ? parsed({ ...set, signing: rootFingerprint })
    : malformed(`root ${rootFingerprint} is not in the bundle`);
}

/** Forgets a root that no longer signs, and its key with it. */
export function retire(set: RootSet, rootFingerprint: string): Parsed<RootSet> {
  if (rootFingerprint === set.signing) return malformed(`root ${rootFingerprint} still signs: switch to another first`);
  return attempt(() => {
    unwrap(retireRoot(bundleOf(set), rootFingerprint));
    return { ...set, roots: set.roots.filter((root) => fingerprint(root.certificate) !== rootFingerprint) };
  });
}

/** The authority of this moment: the signing root, and the bundle of all. */
export function authorityOf(set: RootSet): SigningAuthority {
  const { certificate, key } = set.roots.find((root) => fingerprint(root.certificate) === set.signing)!;
  return { certificate, privateKey: key.privateKey, intermediates: [], bundle: bundleOf(set) };
}

function bundleOf({ trustDomain, roots }: RootSet): TrustBundle {
  return { trustDomain, roots: roots.map((root) => root.certificate) };
}

function hold(set: RootSet, rootFingerprint: string): boolean {
  return set.roots.some((root) => fingerprint(root.certificate) === rootFingerprint);
}
