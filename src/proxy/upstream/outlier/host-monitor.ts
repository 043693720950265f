// What is counted of one host for outlier detection, a few integers a request (Envoy: Outlier::DetectorHostMonitorImpl).

import type { EjectionType, OutlierDetection } from "../../../table/outlier-detection.ts";
import { CELL_WORDS, type SharedCell } from "../../shared-cells.ts";
import type { Outcomes } from "./decision.ts";

export type ConsecutiveFailure = Extract<EjectionType, `consecutive-${string}`>;

/** Status codes that stand for what a host did without a response of its own (Envoy: resultToHttpCode). */
const OK = 200;
const CONNECT_FAILED = 503;
const TIMED_OUT = 504;

/** Places of the counts. */
const FAILURES_5XX = 0;
const GATEWAY_FAILURES = 1;
const LOCAL_ORIGIN_FAILURES = 2;
const EXTERNAL = 3;
const LOCAL_ORIGIN = 5;
const EJECTED = 7;
const BACKOFF = 8;
const EJECTIONS = 9;
const EJECTED_AT = 10;
const JITTER_MS = 11;

/** Of `ejectedAt`: so that 31 bits last for 248 days, which only a difference has to fit into. */
const MS_PER_TICK = 10;

/** The counts of one host; `isShared`: processes have them in common, as Envoy's threads have atomics. */
class Counts {
  readonly #words: Int32Array;
  readonly #isShared: boolean;

  constructor(cell: SharedCell | undefined) {
    this.#words = cell?.words ?? new Int32Array(CELL_WORDS);
    this.#isShared = cell !== undefined;
  }

  /** What it is afterwards. */
  increment(at: number): number {
    return this.#isShared ? Atomics.add(this.#words, at, 1) + 1 : ++this.#words[at]!;
  }

  get(at: number): number {
    return this.#isShared ? Atomics.load(this.#words, at) : this.#words[at]!;
  }

  /** What it was before. */
  set(at: number, value: number): number {
    return Atomics.exchange(this.#words, at, value);
  }

  /** Most responses find nothing to reset. */
  reset(at: number): void {
    if (this.get(at) !== 0) this.set(at, 0);
  }
}

/** Successes and failures of the interval that runs. */
class Tally {
  readonly #counts: Counts;
  readonly #at: number;

  constructor(counts: Counts, at: number) {
    this.#counts = counts;
    this.#at = at;
  }

  count(success: boolean): void {
    this.#counts.increment(this.#at);
    if (success) this.#counts.increment(this.#at + 1);
  }

  /** What the interval brought; the next one begins. */
  take(): Outcomes {
    const total = this.#counts.set(this.#at, 0);
    // One that is counted in between by another process may be a success of the interval before.
    return { total, successes: Math.min(total, this.#counts.set(this.#at + 1, 0)) };
  }
}

export class HostMonitor {
  readonly #detection: OutlierDetection;
  readonly #onConsecutive: (type: ConsecutiveFailure) => void;
  readonly #counts: Counts;
  /** Held for as long as it is counted in. */
  readonly cell: SharedCell | undefined;
  readonly external: Tally;
  readonly localOrigin: Tally;

  /** `cell`: where processes count together. */
  constructor(detection: OutlierDetection, onConsecutive: (type: ConsecutiveFailure) => void, cell?: SharedCell) {
    this.#detection = detection;
    this.#onConsecutive = onConsecutive;
    this.cell = cell;
    this.#counts = new Counts(cell);
    this.external = new Tally(this.#counts, EXTERNAL);
    this.localOrigin = new Tally(this.#counts, LOCAL_ORIGIN);
  }

  /** How often it was ejected, less the intervals since that it was good for. */
  get backoff(): number {
    return this.#counts.get(BACKOFF);
  }

  get ejections(): number {
    return this.#counts.get(EJECTIONS);
  }

  /** Whoever ejected it. */
  get isEjected(): boolean {
    return this.#counts.get(EJECTED) !== 0;
  }

  /** False when another process was first. `now`: on the clock that all have. */
  eject(now: number, backoff: number, jitterMs: number): boolean {
    if (this.#counts.set(EJECTED, 1) !== 0) return false;
    this.#counts.increment(EJECTIONS);
    this.#counts.set(EJECTED_AT, Math.round(now / MS_PER_TICK) | 0);
    this.#counts.set(BACKOFF, backoff);
    this.#counts.set(JITTER_MS, Math.round(jitterMs));
    return true;
  }

  /** Milliseconds since its ejection, less the jitter; without meaning while it is not ejected. */
  ejectedFor(now: number): number {
    const ticks = (Math.round(now / MS_PER_TICK) - this.#counts.get(EJECTED_AT)) | 0;
    return ticks * MS_PER_TICK - this.#counts.get(JITTER_MS);
  }

  /** An interval in which it was not ejected. */
  easeBackoff(): void {
    if (this.backoff > 0) this.#counts.set(BACKOFF, this.backoff - 1);
  }

  /** The host answered with this status, or with a gRPC status that means it. */
  responded(status: number): void {
    if (status < 500) {
      this.external.count(true);
      this.#counts.reset(FAILURES_5XX);
      this.#counts.reset(GATEWAY_FAILURES);
      return;
    }
    this.external.count(false);
    const { consecutive5xx, consecutiveGatewayFailure } = this.#detection;
    if (status < 502 || status > 504) this.#counts.reset(GATEWAY_FAILURES);
    else if (this.#counts.increment(GATEWAY_FAILURES) === consecutiveGatewayFailure) {
      this.#counts.reset(GATEWAY_FAILURES);
      this.#onConsecutive("consecutive-gateway-failure");
    }
    if (this.#counts.increment(FAILURES_5XX) === consecutive5xx) {
      this.#counts.reset(FAILURES_5XX);
      this.#onConsecutive("consecutive-5xx");
    }
  }

  /** A request has a connection to it. What comes of the request is told apart. */
  connected(): void {
    if (this.#detection.splitsLocalOrigin) this.#countLocalOrigin(true);
  }

  /** Bytes flow: that is all that will be known of it. */
  connectedForBytes(): void {
    if (this.#detection.splitsLocalOrigin) this.#countLocalOrigin(true);
    else this.responded(OK);
  }

  /** No connection, or one that broke off. */
  failed(): void {
    if (this.#detection.splitsLocalOrigin) this.#countLocalOrigin(false);
    else this.responded(CONNECT_FAILED);
  }

  timedOut(): void {
    if (this.#detection.splitsLocalOrigin) this.#countLocalOrigin(false);
    else this.responded(TIMED_OUT);
  }

  #countLocalOrigin(success: boolean): void {
    this.localOrigin.count(success);
    if (success) this.#counts.reset(LOCAL_ORIGIN_FAILURES);
    else if (this.#counts.increment(LOCAL_ORIGIN_FAILURES) === this.#detection.consecutiveLocalOriginFailure) {
      this.#counts.reset(LOCAL_ORIGIN_FAILURES);
      this.#onConsecutive("consecutive-local-origin-failure");
    }
  }

  /** The host is back: what it did before counts no more. */
  forgive(): void {
    for (const at of [FAILURES_5XX, GATEWAY_FAILURES, LOCAL_ORIGIN_FAILURES, EJECTED]) this.#counts.reset(at);
  }

  /** The host has gone: who comes under its key is another. */
  forget(): void {
    for (let at = 0; at < CELL_WORDS; at++) this.#counts.reset(at);
  }
}
