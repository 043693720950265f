// What is counted of one host for outlier detection, a few integers a request (Envoy: Outlier::DetectorHostMonitorImpl).

import type { EjectionType, OutlierDetection } from "../../../table/outlier-detection.ts";
import type { Outcomes } from "./decision.ts";

export type ConsecutiveFailure = Extract<EjectionType, `consecutive-${string}`>;

/** Status codes that stand for what a host did without a response of its own (Envoy: resultToHttpCode). */
const OK = 200;
const CONNECT_FAILED = 503;
const TIMED_OUT = 504;

/** Successes and failures of the interval that runs. */
class Tally {
  #total = 0;
  #successes = 0;

  count(success: boolean): void {
    this.#total++;
    if (success) this.#successes++;
  }

  /** What the interval brought; the next one begins. */
  take(): Outcomes {
    const outcomes = { total: this.#total, successes: this.#successes };
    this.#total = 0;
    this.#successes = 0;
    return outcomes;
  }
}

export class HostMonitor {
  readonly #detection: OutlierDetection;
  readonly #onConsecutive: (type: ConsecutiveFailure) => void;
  #failures5xx = 0;
  #gatewayFailures = 0;
  #localOriginFailures = 0;
  readonly external = new Tally();
  readonly localOrigin = new Tally();
  /** How often it was ejected, less the intervals since that it was good for. */
  backoff = 0;
  ejections = 0;
  /** On the clock of performance.now(), jitter included; without meaning while the host is not ejected. */
  ejectedAt = 0;
  jitterMs = 0;

  constructor(detection: OutlierDetection, onConsecutive: (type: ConsecutiveFailure) => void) {
    this.#detection = detection;
    this.#onConsecutive = onConsecutive;
  }

  /** The host answered with this status, or with a gRPC status that means it. */
  responded(status: number): void {
    if (status < 500) {
      this.external.count(true);
      this.#failures5xx = 0;
      this.#gatewayFailures = 0;
      return;
    }
    this.external.count(false);
    const { consecutive5xx, consecutiveGatewayFailure } = this.#detection;
    if (status < 502 || status > 504) this.#gatewayFailures = 0;
    else if (++this.#gatewayFailures === consecutiveGatewayFailure) {
      this.#gatewayFailures = 0;
      this.#onConsecutive("consecutive-gateway-failure");
    }
    if (++this.#failures5xx === consecutive5xx) {
      this.#failures5xx = 0;
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
    if (success) this.#localOriginFailures = 0;
    else if (++this.#localOriginFailures === this.#detection.consecutiveLocalOriginFailure) {
      this.#localOriginFailures = 0;
      this.#onConsecutive("consecutive-local-origin-failure");
    }
  }

  /** The host is back: what it did before counts no more. */
  forgive(): void {
    this.#failures5xx = 0;
    this.#gatewayFailures = 0;
    this.#localOriginFailures = 0;
  }
}
