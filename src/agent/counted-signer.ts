// Calls of the authority, counted under the names of Istio's agent.

import type { CertificateSigner, SignedCertificate } from "../pki/request.ts";
import { OUTGOING_FAILURES, OUTGOING_LATENCY, OUTGOING_REQUESTS } from "../stats/names/agent.ts";
import type { Registry } from "../stats/registry.ts";

const CSR = ["csr"] as const;

export class CountedSigner implements CertificateSigner {
  readonly #signer: CertificateSigner;
  readonly #registry: Registry;

  constructor(signer: CertificateSigner, registry: Registry) {
    this.#signer = signer;
    this.#registry = registry;
  }

  async sign(csr: string, ttlMs: number): Promise<SignedCertificate> {
    const requests = this.#registry.counter(OUTGOING_REQUESTS);
    const failures = this.#registry.counter(OUTGOING_FAILURES);
    const latency = this.#registry.histogram(OUTGOING_LATENCY);
    requests.increment(requests.series(CSR));
    const startedAt = performance.now();
    try {
      return await this.#signer.sign(csr, ttlMs);
    } catch (thrown) {
      failures.increment(failures.series(CSR));
      throw thrown;
    } finally {
      latency.observe(latency.series(CSR), performance.now() - startedAt);
    }
  }
}
