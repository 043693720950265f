// TCP connections of one edge: who calls whom, as whom.

import type { Counter, CounterSeries } from "./counter.ts";
import type { TCP_LABELS } from "./names/traffic.ts";
import { type Traffic, tcpLabels } from "./traffic-labels.ts";

/** The metrics of TCP connections, registered once a process. */
export interface TcpFamilies {
  readonly opened: Counter<typeof TCP_LABELS>;
  readonly closed: Counter<typeof TCP_LABELS>;
  readonly sent: Counter<typeof TCP_LABELS>;
  readonly received: Counter<typeof TCP_LABELS>;
}

/** TCP connections of one edge and one set of flags. */
export class TcpEdge {
  readonly #families: TcpFamilies;
  readonly #opened: CounterSeries;
  readonly #closed: CounterSeries;
  readonly #sent: CounterSeries;
  readonly #received: CounterSeries;

  /** @internal made by TrafficMetrics */
  constructor(families: TcpFamilies, traffic: Traffic, flags: string) {
    const labels = tcpLabels(traffic, flags);
    this.#families = families;
    this.#opened = families.opened.series(labels);
    this.#closed = families.closed.series(labels);
    this.#sent = families.sent.series(labels);
    this.#received = families.received.series(labels);
  }

  opened(): void {
    this.#families.opened.increment(this.#opened);
  }

  /** Bytes since the last call, `sent` to the client and `received` from it: every 5 s while open (Istio's tcp_reporting_duration) and at the end. */
  bytes(sent: number, received: number): void {
    this.#families.sent.add(this.#sent, sent);
    this.#families.received.add(this.#received, received);
  }

  closed(): void {
    this.#families.closed.increment(this.#closed);
  }
}
