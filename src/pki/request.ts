// The signing contract: whoever makes certificates for a workload. Heddle's own authority over gRPC, istiod, istio-csr, files.
// Its wire form is Istio's IstioCertificateService.

/** A signer's answer. */
export interface SignedCertificate {
  /** PEM, one certificate an item: the leaf, then intermediates if any. No root. */
  readonly chain: readonly string[];
  /** PEM of the trust domain's roots, one or several. */
  readonly roots: string;
}

/** Implemented by the agent's gRPC client and by the authority's own process. */
export interface CertificateSigner {
  /**
   * Signs the key of a PKCS#10 request for the identity that the caller proved; `ttlMs` is a wish that the signer may shorten.
   * Rejects with a Failure that says why and what to do.
   */
  sign(csrPem: string, ttlMs: number): Promise<SignedCertificate>;
}
