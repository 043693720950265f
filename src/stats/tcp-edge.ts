// TCP connections of one edge: who calls whom, as whom.

import type { Counter, CounterSeries } from "./counter.ts";
import { type MetricOverrides, NO_VALUES } from "./metric-overrides.ts";
import type { TCP_LABELS } from "./names/traffic.ts";
import { type Traffic, tcpLabels } from "./traffic-labels.ts";

/** The metrics of TCP connections, registered once a process. */
export interface TcpFamilies {
  readonly opened: Counter<typeof TCP_LABELS>;
  readonly closed: Counter<typeof TCP_LABELS>;
  readonly sent: Counter<typeof TCP_LABELS>;
  readonly received: Counter<typeof TCP_LABELS>;
}

/** TCP connections of one edge and one set of flags, and of values that connections bring for the overrides. */
export class TcpEdge {
  readonly #families: TcpFamilies;
  readonly #opened: CounterSeries;
  readonly #closed: CounterSeries;
  readonly #sent: CounterSeries;
  readonly #received: CounterSeries;
  readonly overrides: MetricOverrides | undefined;

  /** @internal made by TrafficMetrics */
  constructor(
    families: TcpFamilies,
    traffic: Traffic,
    flags: string,
    overrides?: MetricOverrides,
    given: readonly string[] = NO_VALUES,
  ) {
    const labels = tcpLabels(traffic, flags);
    this.#families = families;
    this.overrides = overrides;
    this.#opened = families.opened.hold(labels, overrides, given);
    this.#closed = families.closed.hold(labels, overrides, given);
    this.#sent = families.sent.hold(labels, overrides, given);
    this.#received = families.received.hold(labels, overrides, given);
  }

  opened(): void {
    this.#families.opened.increment(this.#opened);
  }

  /** Bytes since the last call, `sent` to the client and `received` from it: every few seconds while open (Istio's tcp_reporting_duration) and at the end. */
  bytes(sent: number, received: number): void {
    this.#families.sent.add(this.#sent, sent);
    this.#families.received.add(this.#received, received);
  }

  closed(): void {
    this.#families.closed.increment(this.#closed);
  }
}
