// The further attempts of one request: who was tried, and when the next one is due. Made when the first attempt has failed.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { RetryPolicy } from "../../table/retry-policy.ts";
import type { Host } from "../upstream/host.ts";

export class RetryState {
  readonly #policy: RetryPolicy;
  readonly #backoff: Alarm;
  readonly tried: Host[] = [];

  /** `again` makes the next attempt. */
  constructor(policy: RetryPolicy, again: () => void) {
    this.#policy = policy;
    this.#backoff = new Alarm(again);
  }

  /** `attempts`: those made, the first included. Full jitter below a ceiling that doubles (Envoy: JitteredExponentialBackOffStrategy). */
  schedule(host: Host, attempts: number): void {
    this.tried.push(host);
    const { backoffBaseMs, backoffMaxMs } = this.#policy;
    const ceiling = Math.min(backoffMaxMs, backoffBaseMs * (2 ** attempts - 1));
    timers.arm(this.#backoff, Math.random() * ceiling);
  }

  cancel(): void {
    if (this.#backoff.armed) timers.disarm(this.#backoff);
  }
}
