// The further attempts of one request: who was tried, and when the next one is due. Made when the first attempt has failed.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import { backoffCeiling, type HostPredicate, type RetryPolicy, rateLimitDelay } from "../../table/retry-policy.ts";
import type { Host } from "../upstream/host.ts";

/** What the upstream asked for is stretched by up to half, so that not everybody comes back at once (Envoy: JitteredLowerBoundBackOffStrategy). */
const RATE_LIMIT_JITTER = 0.5;

export class RetryState {
  readonly #policy: RetryPolicy;
  readonly #backoff: Alarm;
  readonly #tried: Host[] = [];
  /** How many of them no longer count for their priority. */
  #forgotten = 0;

  /** `again` makes the next attempt. */
  constructor(policy: RetryPolicy, again: () => void) {
    this.#policy = policy;
    this.#backoff = new Alarm(again);
  }

  /** `attempts`: those made, the first included. `headers`: of the response that is not wanted; undefined without one. */
  schedule(host: Host, attempts: number, headers: readonly string[] | undefined): void {
    this.#tried.push(host);
    const asked = headers && rateLimitDelay(this.#policy, headers, Date.now());
    const delay =
      asked === undefined
        ? Math.random() * backoffCeiling(this.#policy, attempts)
        : asked * (1 + Math.random() * RATE_LIMIT_JITTER);
    timers.arm(this.#backoff, delay);
  }

  /** For an attempt beside another: it has waited long enough. */
  scheduleNow(host: Host): void {
    this.#tried.push(host);
    timers.arm(this.#backoff, 0);
  }

  get isWaiting(): boolean {
    return this.#backoff.armed;
  }

  /** Priorities that were tried so often that others are preferred: looked at again after every so many attempts (update_frequency). */
  get triedPriorities(): ReadonlySet<number> | undefined {
    const { previousPriorities } = this.#policy;
    if (!previousPriorities) return undefined;
    const tried = this.#tried.length - this.#forgotten;
    const counted = tried - (tried % previousPriorities.updateFrequency);
    if (counted === 0) return undefined;
    return new Set(this.#tried.slice(this.#forgotten, this.#forgotten + counted).map(({ priority }) => priority));
  }

  /** There are no others: they begin anew. */
  forgetTriedPriorities(): void {
    this.#forgotten = this.#tried.length;
  }

  /** One beside the draws that a retry may take again. */
  get hostSelectionAttempts(): number {
    return this.#policy.hostSelectionAttempts + 1;
  }

  /** Whether the policy would rather see another host. */
  rejects(host: Host): boolean {
    return this.#policy.hostPredicates.some((predicate) => this.#matches(predicate, host));
  }

  #matches(predicate: HostPredicate, host: Host): boolean {
    switch (predicate.kind) {
      case "previous-hosts":
        return this.#tried.includes(host);
      case "omit-canary-hosts":
        return host.lbMetadata.get("canary") === "true";
      case "omit-host-metadata":
        return (
          predicate.metadata.size > 0 &&
          [...predicate.metadata].every(([key, value]) => host.lbMetadata.get(key) === value)
        );
    }
  }

  cancel(): void {
    if (this.#backoff.armed) timers.disarm(this.#backoff);
  }
}
