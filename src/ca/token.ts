// Join tokens: what a workload outside Kubernetes shows for its first certificate. Short-lived JWTs (RFC 7519), signed with a key
// that lies beside the authority's, verified without a table of tokens given out.
import { createPublicKey, type KeyObject, randomUUID } from "node:crypto";
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from "jose";
import { formatDuration } from "../base/duration.ts";
import { Failure } from "../base/failure.ts";
import { Secret } from "../base/secret.ts";
import type { TrustBundle } from "../pki/bundle.ts";
import { fingerprint } from "../pki/certificate.ts";
import { JOIN_AUDIENCE, JOIN_TOKEN_TYPE, MAX_JOIN_TOKEN_LENGTH, ROOTS_CLAIM } from "../pki/join-token.ts";
import type { KeyPair } from "../pki/key.ts";
import { type Grant, grantText, parseGrant } from "./grant.ts";

const ALGORITHM = "ES256";

/** One hour: time to copy a token to another machine. Renewals need none. */
export const DEFAULT_TOKEN_TTL_MS = 3_600_000;
/** A day: what lives longer belongs into a secret store, and there attestation by the platform is better. */
export const MAX_TOKEN_TTL_MS = 86_400_000;

/** Why a token is not accepted is told to its bearer: it helps the honest, and the forger learns nothing that he does not know. */
export type TokenVerdict =
  | { readonly kind: "accepted"; readonly grant: Grant; readonly tokenId: string }
  | { readonly kind: "expired"; readonly sinceMs: number }
  | { readonly kind: "wrong-audience" }
  | { readonly kind: "bad-signature" }
  | { readonly kind: "malformed"; readonly reason: string };

/** Whether a bearer token says of itself that it is a join token. Proves nothing; it only chooses who verifies it. */
export function looksLikeJoinToken(token: string): boolean {
  if (token.length > MAX_JOIN_TOKEN_LENGTH) return false;
  try {
    return decodeProtectedHeader(token).typ === JOIN_TOKEN_TYPE;
  } catch {
    return false;
  }
}

/** Gives out and verifies the join tokens of one trust domain. */
export class JoinTokens {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #bundle: () => TrustBundle;
  readonly #issuer: string;

  /** `bundle` is read at each token: its roots are named in it. */
  constructor(key: KeyPair, bundle: () => TrustBundle) {
    this.#privateKey = key.privateKey;
    this.#publicKey = createPublicKey(key.privateKey);
    this.#bundle = bundle;
    this.#issuer = `spiffe://${bundle().trustDomain}`;
  }

  /** A token for `grant`. Throws a Failure for a lifetime that is not above 0 and at most a day. */
  async issue(grant: Grant, ttlMs: number, nowMs: number): Promise<Secret> {
    if (!(ttlMs >= 1_000 && ttlMs <= MAX_TOKEN_TTL_MS)) {
      throw new Failure(
        `cannot make a join token for ${formatDuration(ttlMs)}: it must last from 1s to ${formatDuration(MAX_TOKEN_TTL_MS)}`,
      );
    }
    const token = await new SignJWT({ [ROOTS_CLAIM]: this.#bundle().roots.map(fingerprint) })
      .setProtectedHeader({ alg: ALGORITHM, typ: JOIN_TOKEN_TYPE })
      .setIssuer(this.#issuer)
      .setAudience(JOIN_AUDIENCE)
      .setSubject(grantText(grant))
      .setJti(randomUUID())
      .setIssuedAt(Math.floor(nowMs / 1_000))
      .setExpirationTime(Math.ceil((nowMs + ttlMs) / 1_000))
      .sign(this.#privateKey);
    return new Secret(token);
  }

  async verify(token: string, nowMs: number): Promise<TokenVerdict> {
    if (token.length > MAX_JOIN_TOKEN_LENGTH)
      return { kind: "malformed", reason: `token is longer than ${MAX_JOIN_TOKEN_LENGTH} characters` };
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: [ALGORITHM],
        typ: JOIN_TOKEN_TYPE,
        issuer: this.#issuer,
        audience: JOIN_AUDIENCE,
        currentDate: new Date(nowMs),
        requiredClaims: ["sub", "exp", "iat", "jti"],
      });
      const grant = parseGrant(payload.sub!);
      return grant.kind === "parsed" ? { kind: "accepted", grant: grant.value, tokenId: payload.jti! } : grant;
    } catch (thrown) {
      return verdictOf(thrown);
    }
  }
}

/** Every error of jose comes from the token; anything else is a defect here. */
function verdictOf(thrown: unknown): TokenVerdict {
  if (thrown instanceof errors.JWTExpired) return { kind: "expired", sinceMs: thrown.payload.exp! * 1_000 };
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return { kind: "bad-signature" };
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return thrown.claim === "aud"
      ? { kind: "wrong-audience" }
      : { kind: "malformed", reason: `claim ${thrown.claim} is missing or wrong` };
  }
  if (thrown instanceof errors.JOSEError) return { kind: "malformed", reason: `token cannot be used: ${thrown.code}` };
  throw thrown;
}
