// Tokens that come evenly up to a maximum (Envoy: AtomicTokenBucketImpl). Full at the start.

import type { TokenBucketSettings } from "../../table/filter/local-rate-limit.ts";

export interface Bucket {
  readonly maxTokens: number;
  /** Tokens a millisecond. */
  readonly rate: number;
  /** False: there is no whole token, and none is taken. */
  take(now: number): boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Milliseconds until there is a whole token; 0 when there is one. */
  readonly nextTokenMs: number;
  /** It is forgotten: what processes share is given back. */
  release(): void;
}

export class TokenBucket implements Bucket {
  readonly maxTokens: number;
  readonly rate: number;
  #tokens: number;
  /** On the clock of `take`. */
  #filledAt: number;

  /** `now`: milliseconds on any clock that does not go back. */
  constructor({ maxTokens, rate }: TokenBucketSettings, now: number) {
    this.maxTokens = maxTokens;
    this.rate = rate;
    this.#tokens = maxTokens;
    this.#filledAt = now;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.maxTokens, this.#tokens + (now - this.#filledAt) * this.rate);
    this.#filledAt = now;
  }

  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  get remaining(): number {
    return Math.floor(this.#tokens);
  }

  get nextTokenMs(): number {
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.rate;
  }

  release(): void {}
}
