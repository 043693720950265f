// Istio's signing call as a function: request and caller's credentials in, certificates or a status out. It knows no gRPC library.
import { create } from "@bufbuild/protobuf";
import { formatDuration } from "../base/duration.ts";
import { logger } from "../base/log.ts";
import { bundlePem } from "../pki/bundle.ts";
import { type CertificateRequest, parseCertificateRequest, provesPossession } from "../pki/csr.ts";
import {
  type IstioCertificateRequest,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
} from "../pki/gen/istio/v1/auth/ca_pb.ts";
import type { Attestation, AttestationMethod, Attestor } from "./attest.ts";
import { chainPem, issueLeaf, type SigningAuthority } from "./authority.ts";
import { type Presented, readCredentials } from "./credentials.ts";

/** gRPC status names that this call answers with. */
export type SigningStatus =
  | "INVALID_ARGUMENT"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "FAILED_PRECONDITION"
  | "UNAVAILABLE";

/** What goes back to the caller. Messages name what the caller may know: its own identity and what is wrong with its proof. */
export type SigningReply =
  | { readonly kind: "signed"; readonly response: IstioCertificateResponse }
  | { readonly kind: "status"; readonly status: SigningStatus; readonly message: string };

/** Where counts go: Istio's `citadel_server_*` names are given to them by who wires this. */
export interface SigningObserver {
  requested(): void;
  signed(method: AttestationMethod, ttlMs: number): void;
  refused(status: SigningStatus): void;
}

/** Lifetimes of leaves. */
export interface SigningPolicy {
  /** When the caller asks for no lifetime. */
  readonly defaultTtlMs: number;
  /** Callers that ask for more get this. */
  readonly maxTtlMs: number;
}

/** 24 h, as Istio and Linkerd: a lost key is worth a day. */
export const DEFAULT_POLICY: SigningPolicy = { defaultTtlMs: 86_400_000, maxTtlMs: 86_400_000 };

export interface CertificateServiceOptions {
  /** Read at each call: the signing root changes while roots rotate. */
  readonly authority: () => SigningAuthority;
  readonly attestor: Attestor;
  readonly policy: SigningPolicy;
  readonly observer: SigningObserver;
  readonly now: () => number;
}

type Refusal = Extract<SigningReply, { readonly kind: "status" }>;

const log = logger("ca");

/** Checks in the order of their cost, because every caller is a stranger at first. */
export class CertificateService {
  readonly #options: CertificateServiceOptions;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
  }

  /** `IstioCertificateService.CreateCertificate`. Never rejects for anything that a caller sent. */
  async createCertificate(request: IstioCertificateRequest, presented: Presented): Promise<SigningReply> {
    const { observer } = this.#options;
    observer.requested();
    const reply = await this.#answer(request, presented);
    if (reply.kind === "status") {
      observer.refused(reply.status);
      log.warn("refused to sign", { status: reply.status, reason: reply.message });
    }
    return reply;
  }

  async #answer(request: IstioCertificateRequest, presented: Presented): Promise<SigningReply> {
    const unsupported = refuseMetadata(request);
    if (unsupported) return unsupported;
    const credentials = readCredentials(presented);
    if (credentials.kind === "malformed") return status("UNAUTHENTICATED", `client certificate: ${credentials.reason}`);
    const csr = parseCertificateRequest(request.csr);
    if (csr.kind === "malformed") return status("INVALID_ARGUMENT", `certificate request: ${csr.reason}`);
    const attestation = await this.#options.attestor.attest(credentials.value, csr.value.id, this.#options.now());
    if (attestation.kind !== "attested") return refuseAttestation(attestation);
    // Last of the checks, because it is the dearest: a stranger must not buy a signature check with a request.
    const possession = provesPossession(csr.value);
    if (possession.kind === "malformed") return status("INVALID_ARGUMENT", `certificate request: ${possession.reason}`);
    if (!possession.value) return status("INVALID_ARGUMENT", "certificate request is not signed with its own key");
    return this.#issue(request, csr.value, attestation);
  }

  #issue(
    request: IstioCertificateRequest,
    csr: CertificateRequest,
    attestation: Attestation & { readonly kind: "attested" },
  ): SigningReply {
    const { authority, policy, observer, now } = this.#options;
    const signer = authority();
    const nowMs = now();
    const { id, method, evidence } = attestation;
    const verdict = issueLeaf(
      signer,
      { id, publicKeyInfo: csr.publicKeyInfo, ttlMs: lifetime(request.validityDuration, policy) },
      nowMs,
    );
    if (verdict.kind === "refused") return status("FAILED_PRECONDITION", verdict.reason);
    const ttlMs = verdict.notAfterMs - nowMs;
    observer.signed(method, ttlMs);
    log.info("signed a certificate", {
      id: id.uri,
      serial: verdict.leaf.serial,
      ttl: formatDuration(ttlMs),
      method,
      evidence,
    });
    // The last item may hold several roots, as istiod sends it; ztunnel counts on one certificate in each of the others.
    const certChain = [...chainPem(signer, verdict.leaf), bundlePem(signer.bundle)];
    return { kind: "signed", response: create(IstioCertificateResponseSchema, { certChain }) };
  }
}

/** Milliseconds from seconds that may be 0, negative or beyond any number. */
function lifetime(seconds: bigint, { defaultTtlMs, maxTtlMs }: SigningPolicy): number {
  if (seconds <= 0n) return Math.min(defaultTtlMs, maxTtlMs);
  return seconds >= BigInt(Math.floor(maxTtlMs / 1_000)) ? maxTtlMs : Number(seconds) * 1_000;
}

/** What would change whose certificate it is, or who signs, is refused rather than ignored. */
function refuseMetadata({ metadata = {} }: IstioCertificateRequest): Refusal | undefined {
  if ("ImpersonatedIdentity" in metadata)
    return status("PERMISSION_DENIED", "certificates for other workloads (ImpersonatedIdentity) are not given out");
  if ("CertSigner" in metadata) return status("INVALID_ARGUMENT", "there is one signer: CertSigner must not be set");
  return undefined;
}

function refuseAttestation({ kind, reason }: Exclude<Attestation, { readonly kind: "attested" }>): Refusal {
  const statuses = {
    unauthenticated: "UNAUTHENTICATED",
    "not-allowed": "PERMISSION_DENIED",
    unavailable: "UNAVAILABLE",
  } as const;
  return status(statuses[kind], reason);
}

function status(name: SigningStatus, message: string): Refusal {
  return { kind: "status", status: name, message };
}
