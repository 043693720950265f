// Circuit breakers: how much of one cluster may be under way at once.

import type { CircuitBreakers } from "../../table/cluster.ts";
import type { SharedCounts } from "../shared-cells.ts";

/** Their places among the counts that processes have together. */
const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;

export class Breakers {
  #limits: CircuitBreakers;
  /** Where the limits are those of several processes; the fields below are this one's. */
  readonly #shared: SharedCounts | undefined;
  #connections = 0;
  #pending = 0;
  #requests = 0;
  #retries = 0;
  #overflows = 0;

  constructor(limits: CircuitBreakers, shared?: SharedCounts) {
    this.#limits = limits;
    this.#shared = shared;
  }

  #all(count: number, own: number): number {
    return this.#shared ? this.#shared.total(count) : own;
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

  /** Nothing more of it is admitted now. */
  isOpen(what: "cx_open" | "rq_pending_open" | "rq_open" | "rq_retry_open"): boolean {
    const { maxConnections, maxPendingRequests, maxRequests } = this.#limits;
    switch (what) {
      case "cx_open":
        return this.#all(CONNECTIONS, this.#connections) >= maxConnections;
      case "rq_pending_open":
        return this.#all(PENDING, this.#pending) >= maxPendingRequests;
      case "rq_open":
        return this.#all(REQUESTS, this.#requests) >= maxRequests;
      case "rq_retry_open":
        return this.#all(RETRIES, this.#retries) >= this.#allowedRetries;
    }
  }

  /** New limits hold for what comes; what is under way stays counted. */
  update(limits: CircuitBreakers): void {
    this.#limits = limits;
  }

  /** `hostConnections`: those that the host has. `isFirst`: admitted whatever the limits are, or its requests would wait for ever, as in Envoy. */
  admitConnection(hostConnections: number, isFirst: boolean): boolean {
    const { maxConnections, maxConnectionsPerHost } = this.#limits;
    const isFull =
      this.#all(CONNECTIONS, this.#connections) >= maxConnections || hostConnections >= maxConnectionsPerHost;
    if (isFull && !isFirst) return false;
    this.#connections++;
    this.#shared?.add(CONNECTIONS, 1);
    return true;
  }

  releaseConnection(): void {
    this.#connections--;
    this.#shared?.add(CONNECTIONS, -1);
  }

  admitPending(): boolean {
    if (this.#all(PENDING, this.#pending) >= this.#limits.maxPendingRequests) {
      this.#overflows++;
      return false;
    }
    this.#pending++;
    this.#shared?.add(PENDING, 1);
    return true;
  }

  releasePending(): void {
    this.#pending--;
    this.#shared?.add(PENDING, -1);
  }

  admitRequest(): boolean {
    if (this.#all(REQUESTS, this.#requests) >= this.#limits.maxRequests) {
      this.#overflows++;
      return false;
    }
    this.#requests++;
    this.#shared?.add(REQUESTS, 1);
    return true;
  }

  releaseRequest(): void {
    this.#requests--;
    this.#shared?.add(REQUESTS, -1);
  }

  get #allowedRetries(): number {
    const { retryBudget, maxRetries } = this.#limits;
    // Whole retries, as Envoy's RetryBudgetImpl::max() has them: 20 % of 49 requests are 9.
    return retryBudget
      ? Math.max(retryBudget.min, Math.floor((this.#all(REQUESTS, this.#requests) * retryBudget.percent) / 100))
      : maxRetries;
  }

  admitRetry(): boolean {
    if (this.isOpen("rq_retry_open")) return false;
    this.#retries++;
    this.#shared?.add(RETRIES, 1);
    return true;
  }

  releaseRetry(): void {
    this.#retries--;
    this.#shared?.add(RETRIES, -1);
  }
}
