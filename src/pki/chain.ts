// Whether a presented chain leads to a trusted root (RFC 5280 6.1, as far as a mesh uses it): signatures, times, authority flags,
// path lengths, key usages. TLS proves the same on a connection; this is for what TLS does not see: renewals by certificate, files,
// and several trust domains behind one listener, whose bundles must not be merged.
import { type Certificate, equalBytes, isSelfIssued, MAX_CHAIN_LENGTH } from "./certificate.ts";
import { KEY_USAGE } from "./certificate-extensions.ts";
import { importPublicKey } from "./key.ts";
import { OID } from "./oid.ts";
import { MalformedError, unwrap } from "./parsed.ts";
import { verifySigned } from "./signature.ts";

/** What the leaf is used for on the connection: BoringSSL and OpenSSL ask for serverAuth or clientAuth accordingly. */
export type Purpose = "server" | "client";

/** Whether a chain is proven, and if not, which of the reasons that a person can act on. */
export type ChainVerdict =
  /** `path` goes from the leaf to the root. */
  | { readonly kind: "trusted"; readonly path: readonly Certificate[] }
  | { readonly kind: "expired"; readonly notAfterMs: number }
  | { readonly kind: "not-yet-valid"; readonly notBeforeMs: number }
  | { readonly kind: "unknown-issuer" }
  | { readonly kind: "refused"; readonly reason: string };

type Refusal = Exclude<ChainVerdict, { readonly kind: "trusted" }>;

/** Signatures checked for one chain at most (60 to 90 µs each): candidates of the same name must not cost a peer nothing and us seconds. */
const MAX_SIGNATURES = 16;

const UNKNOWN_ISSUER: Refusal = { kind: "unknown-issuer" };

/**
 * Proves `presented` (leaf first, at most 10) against the roots of one trust domain at `nowMs`. Presented roots are ignored unless
 * they are among `roots`. Of several dead ends the most telling is returned.
 */
export function verifyChain(
  presented: readonly Certificate[],
  roots: readonly Certificate[],
  nowMs: number,
  purpose: Purpose,
): ChainVerdict {
  const [leaf, ...intermediates] = presented;
  if (leaf === undefined) return { kind: "refused", reason: "no certificate was presented" };
  if (presented.length > MAX_CHAIN_LENGTH)
    return {
      kind: "refused",
      reason: `a chain of ${presented.length} certificates is above the limit of ${MAX_CHAIN_LENGTH}`,
    };
  const usage = purpose === "server" ? OID.serverAuth : OID.clientAuth;
  const refusal = refuseAny(leaf, nowMs) ?? refuseUsage(leaf, usage);
  if (refusal !== undefined) return refusal;
  return new PathSearch(intermediates, roots, nowMs, usage).from([leaf]);
}

/** A depth-first search for a path to a root, with a budget. */
class PathSearch {
  readonly #intermediates: readonly Certificate[];
  readonly #roots: readonly Certificate[];
  readonly #nowMs: number;
  readonly #usage: string;
  #signaturesLeft = MAX_SIGNATURES;

  constructor(intermediates: readonly Certificate[], roots: readonly Certificate[], nowMs: number, usage: string) {
    this.#intermediates = intermediates;
    this.#roots = roots;
    this.#nowMs = nowMs;
    this.#usage = usage;
  }

  from(path: readonly Certificate[]): ChainVerdict {
    const last = path[path.length - 1]!;
    let failure: Refusal = UNKNOWN_ISSUER;
    for (const root of this.#roots) {
      if (!equalBytes(root.subject, last.issuer)) continue;
      const refusal = this.#refuseIssuer(root, path);
      if (refusal === undefined) return { kind: "trusted", path: [...path, root] };
      failure = moreTelling(failure, refusal);
    }
    for (const issuer of this.#intermediates) {
      if (path.includes(issuer) || !equalBytes(issuer.subject, last.issuer)) continue;
      const refusal = this.#refuseIssuer(issuer, path);
      const verdict = refusal ?? this.from([...path, issuer]);
      if (verdict.kind === "trusted") return verdict;
      failure = moreTelling(failure, verdict);
    }
    return failure;
  }

  /** Why `issuer` cannot be the authority that signed the last certificate of `path`. */
  #refuseIssuer(issuer: Certificate, path: readonly Certificate[]): Refusal | undefined {
    const subject = path[path.length - 1]!;
    if (issuer.basicConstraints?.ca !== true)
      return { kind: "refused", reason: "an issuer in the chain is not a certificate authority" };
    if (issuer.keyUsage !== undefined && (issuer.keyUsage.bits & KEY_USAGE.keyCertSign) === 0) {
      return { kind: "refused", reason: "an issuer in the chain must not sign certificates (key usage)" };
    }
    // RFC 5280 4.2.1.9: intermediates between it and the leaf; self-issued ones do not count.
    const below = path.slice(1).filter((certificate) => !isSelfIssued(certificate)).length;
    const { pathLength } = issuer.basicConstraints;
    if (pathLength !== undefined && below > pathLength)
      return { kind: "refused", reason: `a path length of ${pathLength} in the chain is exceeded` };
    if (this.#signaturesLeft-- <= 0)
      return { kind: "refused", reason: `more than ${MAX_SIGNATURES} signatures to check` };
    return refuseAny(issuer, this.#nowMs) ?? refuseUsage(issuer, this.#usage) ?? refuseSignature(subject, issuer);
  }
}

function refuseAny(certificate: Certificate, nowMs: number): Refusal | undefined {
  if (certificate.unknownCritical.length > 0)
    return { kind: "refused", reason: `critical extension ${certificate.unknownCritical[0]} is not supported` };
  if (nowMs < certificate.notBeforeMs) return { kind: "not-yet-valid", notBeforeMs: certificate.notBeforeMs };
  // Validity is in whole seconds and includes its last one.
  if (nowMs >= certificate.notAfterMs + 1_000) return { kind: "expired", notAfterMs: certificate.notAfterMs };
  return undefined;
}

/** An extended key usage on an authority limits what it issues, as BoringSSL and OpenSSL enforce it. */
function refuseUsage({ extendedKeyUsage }: Certificate, usage: string): Refusal | undefined {
  if (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(usage) ||
    extendedKeyUsage.includes(OID.anyExtendedKeyUsage)
  )
    return undefined;
  return {
    kind: "refused",
    reason: `extended key usage lacks ${usage === OID.serverAuth ? "serverAuth" : "clientAuth"}`,
  };
}

/** The name fits: only now is the key used. A root of the same name but another key is a foreign one: unknown, not malformed. */
function refuseSignature(subject: Certificate, issuer: Certificate): Refusal | undefined {
  try {
    return verifySigned(subject.signed, unwrap(importPublicKey(issuer.publicKeyInfo))) ? undefined : UNKNOWN_ISSUER;
  } catch (thrown) {
    if (thrown instanceof MalformedError) return { kind: "refused", reason: thrown.message };
    throw thrown;
  }
}

function moreTelling(one: Refusal, other: Refusal): Refusal {
  return one.kind === "unknown-issuer" ? other : one;
}
