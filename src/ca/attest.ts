// Who is asking for a certificate. Three proofs, tried in the order in which they are strongest for a renewal: the certificate that
// the caller holds, a Kubernetes service account token, a join token.
import { formatDuration } from "../base/duration.ts";
import { type Certificate, MAX_CHAIN_LENGTH } from "../pki/certificate.ts";
import { type ServiceAccount, type SpiffeId, serviceAccountId } from "../pki/spiffe.ts";
import { type SvidVerdict, verifySvid } from "../pki/svid.ts";
import type { SigningAuthority } from "./authority.ts";
import { allows, grantText } from "./grant.ts";
import { type JoinTokens, looksLikeJoinToken, type TokenVerdict } from "./token.ts";

/** What the caller showed; nothing of it is believed yet. */
export interface Credentials {
  /** The token of `authorization: Bearer`. */
  readonly bearer: string | undefined;
  /** The client's chain, leaf first; empty without a client certificate. */
  readonly certificates: readonly Certificate[];
}

export type AttestationMethod = "certificate" | "service-account" | "join-token";

export type Attestation =
  /** `id` is the requested identity, proven to be the caller's. */
  | { readonly kind: "attested"; readonly id: SpiffeId; readonly method: AttestationMethod; readonly evidence: string }
  /** The proof itself is not good. */
  | { readonly kind: "unauthenticated"; readonly reason: string }
  /** The proof is good, but not for the requested identity. */
  | { readonly kind: "not-allowed"; readonly reason: string }
  /** Nobody could be asked; worth another try. */
  | { readonly kind: "unavailable"; readonly reason: string };

export type TokenReview =
  | { readonly kind: "authenticated"; readonly account: ServiceAccount }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Kubernetes' TokenReview (authentication.k8s.io/v1): the API server says whose a service account token is. */
export interface TokenReviewer {
  /** `audiences` must be among the token's, else any pod's default token would do. */
  review(token: string, audiences: readonly string[]): Promise<TokenReview>;
}

/** Istio's agents mount their token for this audience (TOKEN_AUDIENCES). */
export const SERVICE_ACCOUNT_AUDIENCES: readonly string[] = ["istio-ca"];

export interface AttestorOptions {
  /** Read at each call: bundle and signer change while roots rotate. */
  readonly authority: () => SigningAuthority;
  readonly joinTokens: JoinTokens;
  readonly tokenReviewer?: TokenReviewer;
}

export class Attestor {
  readonly #options: AttestorOptions;

  constructor(options: AttestorOptions) {
    this.#options = options;
  }

  /** Whether the caller may have a certificate for `requested`. The first proof that fits decides; else the last one's failing is told. */
  async attest(credentials: Credentials, requested: SpiffeId, nowMs: number): Promise<Attestation> {
    const { bearer, certificates } = credentials;
    if (bearer === undefined && certificates.length === 0) {
      return { kind: "unauthenticated", reason: "no credential: a bearer token or a client certificate is needed" };
    }
    const byCertificate = certificates.length > 0 ? this.#byCertificate(certificates, requested, nowMs) : undefined;
    // An agent that renews sends both; its token may be long gone, as the certificate may be after a night's sleep.
    if (byCertificate?.kind === "attested" || bearer === undefined) return byCertificate!;
    if (looksLikeJoinToken(bearer)) return this.#byJoinToken(bearer, requested, nowMs);
    return this.#byServiceAccount(bearer, requested);
  }

  #byCertificate(certificates: readonly Certificate[], requested: SpiffeId, nowMs: number): Attestation {
    const { bundle, intermediates } = this.#options.authority();
    // The connection may hand over the leaf alone; what this authority issued, its own intermediates complete.
    const presented = [...certificates, ...intermediates].slice(0, MAX_CHAIN_LENGTH);
    const verdict = verifySvid(presented, new Map([[bundle.trustDomain, bundle]]), nowMs, "client");
    if (verdict.kind !== "trusted")
      return { kind: "unauthenticated", reason: `client certificate: ${whyNotTrusted(verdict, nowMs)}` };
    return this.#decide(verdict.id, requested, "certificate", `serial ${verdict.leaf.serial}`);
  }

  async #byServiceAccount(token: string, requested: SpiffeId): Promise<Attestation> {
    const { tokenReviewer, authority } = this.#options;
    if (tokenReviewer === undefined)
      return {
        kind: "unauthenticated",
        reason: "bearer token is no join token, and this control plane is not connected to Kubernetes",
      };
    const review = await tokenReviewer.review(token, SERVICE_ACCOUNT_AUDIENCES);
    if (review.kind === "unavailable")
      return { kind: "unavailable", reason: `service account token cannot be reviewed: ${review.reason}` };
    if (review.kind === "refused")
      return { kind: "unauthenticated", reason: `service account token: ${review.reason}` };
    const id = serviceAccountId(authority().bundle.trustDomain, review.account);
    if (id.kind === "malformed") return { kind: "unauthenticated", reason: `service account token: ${id.reason}` };
    return this.#decide(
      id.value,
      requested,
      "service-account",
      `service account ${review.account.namespace}/${review.account.name}`,
    );
  }

  async #byJoinToken(token: string, requested: SpiffeId, nowMs: number): Promise<Attestation> {
    const verdict = await this.#options.joinTokens.verify(token, nowMs);
    if (verdict.kind !== "accepted")
      return { kind: "unauthenticated", reason: `join token: ${whyNotAccepted(verdict, nowMs)}` };
    if (!allows(verdict.grant, requested)) {
      return { kind: "not-allowed", reason: `join token is for ${grantText(verdict.grant)}, not for ${requested.uri}` };
    }
    return { kind: "attested", id: requested, method: "join-token", evidence: `token ${verdict.tokenId}` };
  }

  #decide(proven: SpiffeId, requested: SpiffeId, method: AttestationMethod, evidence: string): Attestation {
    if (proven.uri === requested.uri) return { kind: "attested", id: proven, method, evidence };
    return { kind: "not-allowed", reason: `caller is ${proven.uri}, the certificate request is for ${requested.uri}` };
  }
}

function whyNotTrusted(verdict: Exclude<SvidVerdict, { readonly kind: "trusted" }>, nowMs: number): string {
  switch (verdict.kind) {
    case "expired":
      return `expired ${formatDuration(nowMs - verdict.notAfterMs)} ago`;
    case "not-yet-valid":
      return `valid in ${formatDuration(verdict.notBeforeMs - nowMs)} only: do the clocks agree?`;
    case "unknown-issuer":
      return "was not issued by this authority";
    case "unknown-trust-domain":
      return `is of trust domain ${verdict.trustDomain}`;
    case "malformed":
    case "refused":
      return verdict.reason;
  }
}

function whyNotAccepted(verdict: Exclude<TokenVerdict, { readonly kind: "accepted" }>, nowMs: number): string {
  switch (verdict.kind) {
    case "expired":
      return `expired ${formatDuration(nowMs - verdict.sinceMs)} ago, at ${new Date(verdict.sinceMs).toISOString()}: get a new one`;
    case "wrong-audience":
      return "has another audience";
    case "bad-signature":
      return "was not signed by this control plane";
    case "malformed":
      return verdict.reason;
  }
}
