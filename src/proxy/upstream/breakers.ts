// Circuit breakers: how much of one cluster may be under way at once.

import type { CircuitBreakers } from "../../table/cluster.ts";

export class Breakers {
  #limits: CircuitBreakers;
  #connections = 0;
  #pending = 0;
  #requests = 0;
  #retries = 0;
  #overflows = 0;

  constructor(limits: CircuitBreakers) {
    this.#limits = limits;
  }

  get requests(): number {
    return this.#requests;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Requests refused since the start. */
  get overflows(): number {
    return this.#overflows;
  }

  resetOverflows(): void {
    this.#overflows = 0;
  }

  /** New limits hold for what comes; what is under way stays counted. */
  update(limits: CircuitBreakers): void {
    this.#limits = limits;
  }

  /** `hostConnections`: those that the host has. `isFirst`: admitted whatever the limits are, or its requests would wait for ever, as in Envoy. */
  admitConnection(hostConnections: number, isFirst: boolean): boolean {
    const { maxConnections, maxConnectionsPerHost } = this.#limits;
    const isFull = this.#connections >= maxConnections || hostConnections >= maxConnectionsPerHost;
    if (isFull && !isFirst) return false;
    this.#connections++;
    return true;
  }

  releaseConnection(): void {
    this.#connections--;
  }

  admitPending(): boolean {
    if (this.#pending >= this.#limits.maxPendingRequests) {
      this.#overflows++;
      return false;
    }
    this.#pending++;
    return true;
  }

  releasePending(): void {
    this.#pending--;
  }

  admitRequest(): boolean {
    if (this.#requests >= this.#limits.maxRequests) {
      this.#overflows++;
      return false;
    }
    this.#requests++;
    return true;
  }

  releaseRequest(): void {
    this.#requests--;
  }

  admitRetry(): boolean {
    const { retryBudget, maxRetries } = this.#limits;
    // Whole retries, as Envoy's RetryBudgetImpl::max() has them: 20 % of 49 requests are 9.
    const allowed = retryBudget
      ? Math.max(retryBudget.min, Math.floor((this.#requests * retryBudget.percent) / 100))
      : maxRetries;
    if (this.#retries >= allowed) return false;
    this.#retries++;
    return true;
  }

  releaseRetry(): void {
    this.#retries--;
  }
}
