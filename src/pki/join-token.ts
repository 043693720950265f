// The form of a join token, as both sides know it: the authority that signs it (src/ca) and the agent that carries it. The agent cannot
// verify the token, but it got it from its operator, so what the token says about the authority is how the agent knows the right one.

import { addRoot, type TrustBundle } from "./bundle.ts";
import { type Certificate, fingerprint, isSelfIssued } from "./certificate.ts";
import { attempt, MalformedError, malformed, type Parsed, unwrap } from "./parsed.ts";
import { parseSpiffeId } from "./spiffe.ts";

export const JOIN_AUDIENCE = "heddle-join";
/** A type of its own, so that no other JWT can pass for a join token, whoever signed it (RFC 8725 3.11). */
export const JOIN_TOKEN_TYPE = "heddle-join+jwt";
/** Claim with the SHA-256 fingerprints of the trust domain's roots: first contact needs no file besides the token. */
export const ROOTS_CLAIM = "heddle.dev/roots";
/** 8 KiB, the size at which proxies stop a header; a join token has 0.5. */
export const MAX_JOIN_TOKEN_LENGTH = 8_192;

/** What a join token tells its bearer. */
export interface JoinTokenClaims {
  readonly trustDomain: string;
  /** SHA-256 of roots in lower-case hexadecimal, at least one. */
  readonly roots: readonly string[];
  readonly expiresMs: number;
}

/** Reads a token without verifying it: for its bearer only. */
export function readJoinToken(token: string): Parsed<JoinTokenClaims> {
  return attempt(() => {
    const parts = token.split(".");
    if (token.length > MAX_JOIN_TOKEN_LENGTH || parts.length !== 3) throw new MalformedError("join token is not a JWT");
    const { typ } = decode(parts[0]!);
    if (typ !== JOIN_TOKEN_TYPE)
      throw new MalformedError(`token is of type ${JSON.stringify(typ)}, not ${JOIN_TOKEN_TYPE}`);
    const claims = decode(parts[1]!);
    const { iss, exp, [ROOTS_CLAIM]: roots } = claims;
    if (typeof iss !== "string" || typeof exp !== "number" || !isTextList(roots) || roots.length === 0)
      throw new MalformedError("join token lacks iss, exp or roots");
    return { trustDomain: unwrap(parseSpiffeId(iss)).trustDomain, roots, expiresMs: exp * 1_000 };
  });
}

/** The bundle of those presented roots that the token names. The authority's server sends its root along for this. */
export function pinnedBundle(
  { trustDomain, roots }: JoinTokenClaims,
  presented: readonly Certificate[],
): Parsed<TrustBundle> {
  const pinned = presented.filter(
    (certificate) => isSelfIssued(certificate) && roots.includes(fingerprint(certificate)),
  );
  if (pinned.length === 0)
    return malformed(
      "the server presents no root that the join token names: it is not the control plane that gave out the token",
    );
  return attempt(() =>
    pinned.reduce<TrustBundle>((bundle, root) => unwrap(addRoot(bundle, root)), { trustDomain, roots: [] }),
  );
}

function decode(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Falls through: the parser's message would quote the token.
  }
  throw new MalformedError("join token holds no JSON object");
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
