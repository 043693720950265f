// The workload's identity: a key made here, a certificate asked for, renewed in time for as long as the agent lives.

import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import type { Secret } from "../base/secret.ts";
import { parseCertificates } from "../pki/certificate.ts";
import { makeCertificateRequest } from "../pki/csr.ts";
import { exportPrivateKey, generateKeyPair } from "../pki/key.ts";
import type { CertificateSigner } from "../pki/request.ts";
import { advance, mustRenew, NOTHING_HELD, type RotationState, wakeAtMs } from "../pki/rotation.ts";
import type { SpiffeId } from "../pki/spiffe.ts";

const log = logger("agent");

/**
 * The clock is looked at again at least so often: a laptop that slept is late by as long, and a timer of over 24.8 days (2³¹ ms) would
 * fire at once, again and again.
 */
const MAX_SLEEP_MS = 60_000;

export interface HeldIdentity {
  /** PEM, leaf first. */
  readonly chain: string;
  readonly key: Secret;
  /** PEM. */
  readonly roots: string;
  readonly notAfterMs: number;
}

export interface IdentityOptions {
  readonly id: SpiffeId;
  readonly ttlMs: number;
  readonly signer: CertificateSigner;
  /** Each certificate, the first one too. */
  onIssued(identity: HeldIdentity): void;
}

export class WorkloadIdentity {
  readonly #options: IdentityOptions;
  #state: RotationState = NOTHING_HELD;
  #held: HeldIdentity | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  get current(): HeldIdentity | undefined {
    return this.#held;
  }

  /** Whether what is held still proves anything. */
  get isValid(): boolean {
    return this.#held !== undefined && this.#held.notAfterMs > Date.now();
  }

  /** Asks for the first certificate and keeps it fresh from then on. Rejects with the signer's Failure when the first attempt fails. */
  async start(): Promise<void> {
    await this.#renew(true);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #advance(event: Parameters<typeof advance>[1]): void {
    this.#state = advance(this.#state, event, Date.now(), Math.random());
  }

  #schedule(): void {
    if (this.#stopped) return;
    const wakeAt = wakeAtMs(this.#state);
    if (wakeAt === undefined) return;
    this.#timer = setTimeout(() => void this.#wake(), Math.min(MAX_SLEEP_MS, Math.max(0, wakeAt - Date.now())));
  }

  async #wake(): Promise<void> {
    this.#advance({ kind: "tick" });
    if (mustRenew(this.#state, Date.now())) await this.#renew(false);
    this.#schedule();
  }

  async #renew(first: boolean): Promise<void> {
    this.#advance({ kind: "started" });
    const key = generateKeyPair();
    try {
      const signed = await this.#options.signer.sign(
        makeCertificateRequest(key, this.#options.id),
        this.#options.ttlMs,
      );
      const leaf = parseCertificates(signed.chain.join(""));
      if (leaf.kind === "malformed" || !leaf.value[0])
        throw new Error(
          `the authority sent no certificate: ${leaf.kind === "malformed" ? leaf.reason : "empty chain"}`,
        );
      if (this.#stopped) return;
      const { notAfterMs } = leaf.value[0];
      // Taken for an issued one it would be renewed at once, and again.
      if (notAfterMs <= Date.now())
        throw new Failure(`the authority sent a certificate that ended at ${new Date(notAfterMs).toISOString()}`, {
          hint: "do the clocks of this machine and of the control plane agree?",
        });
      this.#held = { chain: signed.chain.join(""), key: exportPrivateKey(key), roots: signed.roots, notAfterMs };
      this.#advance({ kind: "issued", notAfterMs });
      log.info("certificate issued", { id: this.#options.id.uri, notAfter: new Date(notAfterMs).toISOString() });
      this.#options.onIssued(this.#held);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      this.#advance({ kind: "failed", reason });
      if (first) throw thrown;
      log.warn("certificate not renewed, will try again", { id: this.#options.id.uri, reason });
    }
  }
}
