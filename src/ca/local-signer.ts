// The signer of the process that holds the authority: the control plane gets its own certificate here, without a network.
import { Failure } from "../base/failure.ts";
import { bundlePem } from "../pki/bundle.ts";
import { parseCertificateRequest, provesPossession } from "../pki/csr.ts";
import { unwrap } from "../pki/parsed.ts";
import type { CertificateSigner, SignedCertificate } from "../pki/request.ts";
import { chainPem, issueLeaf, type SigningAuthority } from "./authority.ts";

export interface LocalSignerOptions {
  /** Read at each call: the signing root changes while roots rotate. */
  readonly authority: () => SigningAuthority;
  /** Host names under which the control plane is reached; they stand beside the SPIFFE id. */
  readonly dnsNames: readonly string[];
  readonly now: () => number;
}

/** Signs whatever its own process asks for: nobody is attested, because nobody else can call it. */
export class LocalSigner implements CertificateSigner {
  readonly #options: LocalSignerOptions;

  constructor(options: LocalSignerOptions) {
    this.#options = options;
  }

  async sign(csrPem: string, ttlMs: number): Promise<SignedCertificate> {
    const { authority, dnsNames, now } = this.#options;
    const csr = parseCertificateRequest(csrPem);
    if (csr.kind === "malformed") throw new Failure(`cannot sign the certificate request: ${csr.reason}`);
    if (!unwrap(provesPossession(csr.value)))
      throw new Failure("cannot sign the certificate request: it is not signed with its own key");
    const signer = authority();
    const { id, publicKeyInfo } = csr.value;
    const verdict = issueLeaf(signer, { id, publicKeyInfo, ttlMs, dnsNames }, now());
    if (verdict.kind === "refused") throw new Failure(`cannot sign a certificate for ${id.uri}: ${verdict.reason}`);
    return { chain: chainPem(signer, verdict.leaf), roots: bundlePem(signer.bundle) };
  }
}
