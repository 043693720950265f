// Requests of one edge: who calls whom, as whom. A caller resolves the edge once and keeps it; an outcome (code, status, flags) that
// was seen before then costs one Map look-up by number.

import type { Counter, CounterSeries } from "./counter.ts";
import type { Histogram, HistogramSeries } from "./histogram.ts";
import { type MetricOverrides, NO_VALUES } from "./metric-overrides.ts";
import type { MESSAGE_LABELS, REQUEST_LABELS } from "./names/traffic.ts";
import { OVERFLOW_VALUE } from "./series-table.ts";
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

/** Of requests that bring values of their own, kinds that one edge tells apart: a path or a header is the client's word. */
const MAX_KINDS = 1_000;

interface MessageSeries {
  readonly requests: CounterSeries;
  readonly responses: CounterSeries;
}

function grpcText(status: number): string {
  return status === NO_GRPC_STATUS ? "" : String(status);
}

function kindOf(flags: string, given: readonly string[]): string {
  return `${flags}\0${given.join("\0")}`;
}

/** The values themselves, if they were there before or there are not too many of them. */
function boundedValues(kinds: ReadonlyMap<string, unknown>, kind: string, given: readonly string[]): readonly string[] {
  return given.length === 0 || kinds.size < MAX_KINDS || kinds.has(kind) ? given : given.map(() => OVERFLOW_VALUE);
}

/** HTTP and gRPC requests of one edge. */
export class RequestEdge {
  readonly #families: RequestFamilies;
  readonly #traffic: Traffic;
  /** Outcomes without flags, the common case, by code and status in one number. */
  readonly #plain = new Map<number, Outcome>();
  /** By the flags, and by the values that requests bring. */
  readonly #flagged = new Map<string, Map<number, Outcome>>();
  readonly #messages = new Map<string, MessageSeries>();
  readonly overrides: MetricOverrides | undefined;

  /** @internal made by TrafficMetrics */
  constructor(families: RequestFamilies, traffic: Traffic, overrides?: MetricOverrides) {
    this.#families = families;
    this.#traffic = traffic;
    this.overrides = overrides;
  }

  /**
   * Counts one finished request. `responseCode` 0: no response. `grpcStatus` -1: not gRPC or no status. `flags`: Envoy's short ones, `-` for none.
   * Sizes are bytes on the wire of the downstream connection, headers included. `given`: the values that the overrides ask for.
   */
  record(
    responseCode: number,
    grpcStatus: number,
    flags: string,
    durationMs: number,
    requestBytes: number,
    responseBytes: number,
    given: readonly string[] = NO_VALUES,
  ): void {
    const code = responseCode >= 100 && responseCode <= 999 ? responseCode : 0;
    const status =
      grpcStatus >= 0 && grpcStatus < GRPC_STATUSES ? grpcStatus : grpcStatus === NO_GRPC_STATUS ? NO_GRPC_STATUS : 2;
    const key = code * 32 + status + 1;
    const kind = given.length === 0 ? flags : kindOf(flags, given);
    const outcome =
      (kind === "-" ? this.#plain : this.#flagged.get(kind))?.get(key) ?? this.#add(key, code, status, flags, given);
    const families = this.#families;
    families.requests.increment(outcome.requests);
    families.duration.observe(outcome.duration, durationMs);
    families.requestBytes.observe(outcome.requestBytes, requestBytes);
    families.responseBytes.observe(outcome.responseBytes, responseBytes);
  }

  /** Counts gRPC messages; callable any number of times while a stream is open, with what came since. */
  messages(requests: number, responses: number, given: readonly string[] = NO_VALUES): void {
    const { requestMessages, responseMessages } = this.#families;
    const kind = given.length === 0 ? "" : given.join("\0");
    const series = this.#messages.get(kind) ?? this.#addMessages(given);
    requestMessages.add(series.requests, requests);
    responseMessages.add(series.responses, responses);
  }

  #addMessages(asked: readonly string[]): MessageSeries {
    const given = boundedValues(this.#messages, asked.join("\0"), asked);
    const kind = given.join("\0");
    const known = this.#messages.get(kind);
    if (known) return known;
    const { requestMessages, responseMessages } = this.#families;
    const labels = messageLabels(this.#traffic);
    const series = {
      requests: requestMessages.hold(labels, this.overrides, given),
      responses: responseMessages.hold(labels, this.overrides, given),
    };
    this.#messages.set(kind, series);
    return series;
  }

  /** @internal drops outcomes that had no request for `idleSweeps` sweeps. */
  sweep(idleSweeps: number): void {
    this.#sweepOutcomes(this.#plain, idleSweeps);
    for (const [kind, outcomes] of this.#flagged) {
      this.#sweepOutcomes(outcomes, idleSweeps);
      if (outcomes.size === 0) this.#flagged.delete(kind);
    }
  }

  #add(key: number, code: number, status: number, flags: string, asked: readonly string[]): Outcome {
    const given = boundedValues(this.#flagged, kindOf(flags, asked), asked);
    const kind = given.length === 0 ? flags : kindOf(flags, given);
    const known = given === asked ? undefined : this.#flagged.get(kind)?.get(key);
    if (known) return known;
    const { overrides } = this;
    const labels = requestLabels(this.#traffic, code, grpcText(status), flags);
    const families = this.#families;
    const outcome: Outcome = {
      requests: families.requests.hold(labels, overrides, given),
      duration: families.duration.hold(labels, overrides, given),
      requestBytes: families.requestBytes.hold(labels, overrides, given),
      responseBytes: families.responseBytes.hold(labels, overrides, given),
      seen: 0,
      idleSweeps: 0,
    };
    let outcomes = kind === "-" ? this.#plain : this.#flagged.get(kind);
    if (!outcomes) {
      outcomes = new Map();
      this.#flagged.set(kind, outcomes);
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
