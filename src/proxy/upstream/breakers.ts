// Circuit breakers: how much of one cluster may be under way at once.

import type { CircuitBreakers } from "../../table/cluster.ts";
import { COUNTS, type SharedCounts } from "../shared-cells.ts";
import { RecentRequests } from "./recent-requests.ts";

/** Their places among the counts, those too that processes have together. */
const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const RECENT = 4;

/** Envoy's names of the gauges. */
export type Remaining = "remaining_cx" | "remaining_pending" | "remaining_rq" | "remaining_retries";

/** What was refused since the start. */
export interface Overflows {
  /** Of a host's limit, too; a first connection is counted, though it is let through, as in Envoy. */
  connections: number;
  /** Of requests that would have waited for a connection. */
  pending: number;
  requests: number;
  retries: number;
}

export class Breakers {
  #limits: CircuitBreakers;
  /** Where the limits are those of several processes; `#own` is this one's. */
  readonly #shared: SharedCounts | undefined;
  readonly #own = new Int32Array(COUNTS);
  /** Where a share of the requests that began within an interval may be retries. */
  #recent: RecentRequests | undefined = undefined;
  readonly overflows: Overflows = { connections: 0, pending: 0, requests: 0, retries: 0 };

  constructor(limits: CircuitBreakers, shared?: SharedCounts) {
    this.#limits = limits;
    this.#shared = shared;
    this.#watchInterval();
  }

  #watchInterval(): void {
    const intervalMs = this.#limits.retryBudget?.intervalMs ?? 0;
    if (intervalMs === (this.#recent?.intervalMs ?? 0)) return;
    this.#recent?.forget();
    this.#recent = intervalMs > 0 ? new RecentRequests(intervalMs, this.#shared, RECENT) : undefined;
  }

  #all(count: number): number {
    return this.#shared ? this.#shared.total(count) : this.#own[count]!;
  }

  #admit(count: number, limit: number): boolean {
    const isAdmitted = this.#shared ? this.#shared.claim(count, limit) : this.#own[count]! < limit;
    if (isAdmitted) this.#own[count]!++;
    return isAdmitted;
  }

  #release(count: number): void {
    this.#own[count]!--;
    this.#shared?.add(count, -1);
  }

  get requests(): number {
    return this.#own[REQUESTS]!;
  }

  get pending(): number {
    return this.#own[PENDING]!;
  }

  resetOverflows(): void {
    this.overflows.connections = this.overflows.pending = this.overflows.requests = this.overflows.retries = 0;
  }

  /** Nothing more of it is admitted now. */
  isOpen(what: "cx_open" | "rq_pending_open" | "rq_open" | "rq_retry_open"): boolean {
    const { maxConnections, maxPendingRequests, maxRequests } = this.#limits;
    switch (what) {
      case "cx_open":
        return this.#all(CONNECTIONS) >= maxConnections;
      case "rq_pending_open":
        return this.#all(PENDING) >= maxPendingRequests;
      case "rq_open":
        return this.#all(REQUESTS) >= maxRequests;
      case "rq_retry_open":
        return this.#all(RETRIES) >= this.#allowedRetries;
    }
  }

  /** How much more of it would be admitted. Retries of a budget are not told, as in Envoy (RetryBudgetImpl::clearRemainingGauge). */
  remaining(what: Remaining): number {
    const { maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget } = this.#limits;
    switch (what) {
      case "remaining_cx":
        return Math.max(0, maxConnections - this.#all(CONNECTIONS));
      case "remaining_pending":
        return Math.max(0, maxPendingRequests - this.#all(PENDING));
      case "remaining_rq":
        return Math.max(0, maxRequests - this.#all(REQUESTS));
      case "remaining_retries":
        return retryBudget ? 0 : Math.max(0, maxRetries - this.#all(RETRIES));
    }
  }

  /** New limits hold for what comes; what is under way stays counted. */
  update(limits: CircuitBreakers): void {
    this.#limits = limits;
    this.#watchInterval();
  }

  /** `hostConnections`: those that the host has. `isFirst`: admitted whatever the limits are, or its requests would wait for ever, as in Envoy. */
  admitConnection(hostConnections: number, isFirst: boolean): boolean {
    const { maxConnections, maxConnectionsPerHost } = this.#limits;
    if (hostConnections < maxConnectionsPerHost && this.#admit(CONNECTIONS, maxConnections)) return true;
    this.overflows.connections++;
    return isFirst && this.#admit(CONNECTIONS, Number.POSITIVE_INFINITY);
  }

  releaseConnection(): void {
    this.#release(CONNECTIONS);
  }

  admitPending(): boolean {
    if (this.#admit(PENDING, this.#limits.maxPendingRequests)) return true;
    this.overflows.pending++;
    return false;
  }

  releasePending(): void {
    this.#release(PENDING);
  }

  admitRequest(): boolean {
    if (this.#admit(REQUESTS, this.#limits.maxRequests)) return true;
    this.overflows.requests++;
    return false;
  }

  releaseRequest(): void {
    this.#release(REQUESTS);
  }

  /** A request, first or again, goes to a host: what a budget's interval counts (Envoy: requests_.inc() of a pool's stream). */
  requestBegun(): void {
    this.#recent?.begun();
  }

  get #allowedRetries(): number {
    const { retryBudget, maxRetries } = this.#limits;
    const requests = this.#recent ? this.#recent.total : this.#all(REQUESTS);
    // Whole retries, as Envoy's RetryBudgetImpl::max() has them: 20 % of 49 requests are 9.
    return retryBudget ? Math.max(retryBudget.min, Math.floor((requests * retryBudget.percent) / 100)) : maxRetries;
  }

  admitRetry(): boolean {
    if (this.#admit(RETRIES, this.#allowedRetries)) return true;
    this.overflows.retries++;
    return false;
  }

  releaseRetry(): void {
    this.#release(RETRIES);
  }
}
