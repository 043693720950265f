// Requests of one edge: who calls whom, as whom. A caller resolves the edge once and keeps it; an outcome (code, status, flags) that
// was seen before then costs one Map look-up by number.

import type { Counter, CounterSeries } from "./counter.ts";
import type { Histogram, HistogramSeries } from "./histogram.ts";
import type { MESSAGE_LABELS, REQUEST_LABELS } from "./names/traffic.ts";
import { messageLabels, requestLabels, type Traffic } from "./traffic-labels.ts";

/** The metrics of requests, registered once a process. */
export interface RequestFamilies {
  readonly requests: Counter<typeof REQUEST_LABELS>;
  readonly duration: Histogram<typeof REQUEST_LABELS>;
  readonly requestBytes: Histogram<typeof REQUEST_LABELS>;
  readonly responseBytes: Histogram<typeof REQUEST_LABELS>;
  readonly requestMessages: Counter<typeof MESSAGE_LABELS>;
  readonly responseMessages: Counter<typeof MESSAGE_LABELS>;
}

/** Series of one outcome (code, gRPC status, flags) of one edge. */
interface Outcome {
  readonly requests: CounterSeries;
  readonly duration: HistogramSeries;
  readonly requestBytes: HistogramSeries;
  readonly responseBytes: HistogramSeries;
  /** Requests at the last sweep, to tell an idle outcome. */
  seen: number;
  idleSweeps: number;
}

/** gRPC has 17 codes, HTTP three digits; a status or code beyond (the network's word) shares one outcome with its like. */
const GRPC_STATUSES = 17;
const NO_GRPC_STATUS = -1;

function grpcText(status: number): string {
  return status === NO_GRPC_STATUS ? "" : String(status);
}

/** HTTP and gRPC requests of one edge. */
export class RequestEdge {
  readonly #families: RequestFamilies;
  readonly #traffic: Traffic;
  /** Outcomes without flags, the common case, by code and status in one number. */
  readonly #plain = new Map<number, Outcome>();
  readonly #flagged = new Map<string, Map<number, Outcome>>();
  #requestMessages: CounterSeries | undefined;
  #responseMessages: CounterSeries | undefined;

  /** @internal made by TrafficMetrics */
  constructor(families: RequestFamilies, traffic: Traffic) {
    this.#families = families;
    this.#traffic = traffic;
  }

  /**
   * Counts one finished request. `responseCode` 0: no response. `grpcStatus` -1: not gRPC or no status. `flags`: Envoy's short ones, `-` for none.
   * Sizes are bytes on the wire of the downstream connection, headers included.
   */
  record(
    responseCode: number,
    grpcStatus: number,
    flags: string,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
  ): void {
    const code = responseCode >= 100 && responseCode <= 999 ? responseCode : 0;
    const status =
      grpcStatus >= 0 && grpcStatus < GRPC_STATUSES ? grpcStatus : grpcStatus === NO_GRPC_STATUS ? NO_GRPC_STATUS : 2;
    const key = code * 32 + status + 1;
    const outcome =
      (flags === "-" ? this.#plain : this.#flagged.get(flags))?.get(key) ?? this.#add(key, code, status, flags);
    const families = this.#families;
    families.requests.increment(outcome.requests);
    families.duration.observe(outcome.duration, durationMs);
    families.requestBytes.observe(outcome.requestBytes, requestBytes);
    families.responseBytes.observe(outcome.responseBytes, responseBytes);
  }

  /** Counts gRPC messages; callable any number of times while a stream is open, with what came since. */
  messages(requests: number, responses: number): void {
    const { requestMessages, responseMessages } = this.#families;
    if (this.#requestMessages === undefined || this.#responseMessages === undefined) {
      this.#requestMessages = requestMessages.series(messageLabels(this.#traffic));
      this.#responseMessages = responseMessages.series(messageLabels(this.#traffic));
    }
    requestMessages.add(this.#requestMessages, requests);
    responseMessages.add(this.#responseMessages, responses);
  }

  /** @internal drops outcomes that had no request for `idleSweeps` sweeps. */
  sweep(idleSweeps: number): void {
    this.#sweepOutcomes(this.#plain, idleSweeps);
    for (const [flags, outcomes] of this.#flagged) {
      this.#sweepOutcomes(outcomes, idleSweeps);
      if (outcomes.size === 0) this.#flagged.delete(flags);
    }
  }

  #add(key: number, code: number, status: number, flags: string): Outcome {
    const labels = requestLabels(this.#traffic, code, grpcText(status), flags);
    const families = this.#families;
    const outcome: Outcome = {
      requests: families.requests.series(labels),
      duration: families.duration.series(labels),
      requestBytes: families.requestBytes.series(labels),
      responseBytes: families.responseBytes.series(labels),
      seen: 0,
      idleSweeps: 0,
    };
    let outcomes = flags === "-" ? this.#plain : this.#flagged.get(flags);
    if (!outcomes) {
      outcomes = new Map();
      this.#flagged.set(flags, outcomes);
    }
    outcomes.set(key, outcome);
    return outcome;
  }

  #sweepOutcomes(outcomes: Map<number, Outcome>, idleSweeps: number): void {
    const families = this.#families;
    for (const [key, outcome] of outcomes) {
      const requests = families.requests.value(outcome.requests);
      outcome.idleSweeps = requests === outcome.seen ? outcome.idleSweeps + 1 : 0;
      outcome.seen = requests;
      if (outcome.idleSweeps < idleSweeps) continue;
      outcomes.delete(key);
      families.requests.remove(outcome.requests);
      families.duration.remove(outcome.duration);
      families.requestBytes.remove(outcome.requestBytes);
      families.responseBytes.remove(outcome.responseBytes);
    }
  }
}
