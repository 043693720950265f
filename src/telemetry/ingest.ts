// Turns one target's successive expositions into growth: what each counter gained since the scrape before. A series' labels are read
// once, on first sight; afterwards a line costs one Map look-up.

import { detached } from "../stats/detached.ts";
import { parseSeries, readExposition, type Series } from "../stats/parse.ts";
import type { ProcessRecord } from "./process-record.ts";
import type { Sink } from "./sink.ts";
import { trafficSink } from "./traffic-sink.ts";
import type { TrafficStore } from "./traffic-store.ts";

interface Cursor {
  readonly sink: Sink;
  /** Counted by the proxy about requests, so that it begins at 0 with the process that counts. */
  readonly traffic: boolean;
  last: number;
  /** Number of the scrape that last had it. */
  scrape: number;
}

export type IngestResult =
  | { readonly kind: "ingested"; readonly samples: number }
  | { readonly kind: "failed"; readonly message: string };

/** Series of one target that are looked at; an application that invents more has them ignored. */
const MAX_SERIES = 100_000;
/** A target without its proxy's part for a scrape must not lose the cursors: that many more than the living are kept. */
const FORGET_ABOVE = 20_000;

/** When the process was started that counts requests: Heddle's proxy, or the agent for Envoy. (Without a prefix it is the application.) */
const PROXY_START = "heddle_proxy_process_start_time_seconds";
const AGENT_START = "istio_agent_process_start_time_seconds";

export class TargetIngest {
  readonly #store: TrafficStore;
  readonly #process: ProcessRecord;
  /** undefined as a value: seen and of no interest. */
  readonly #cursors = new Map<string, Cursor | undefined>();
  readonly #started = new Map<string, number>();
  #scrape = 0;
  #lastMs: number | undefined;

  constructor(store: TrafficStore, process: ProcessRecord) {
    this.#store = store;
    this.#process = process;
  }

  /**
   * Takes in an exposition that was read at `nowMs`. The first one of a target only sets the baseline: what was counted before the first
   * look has no time. A counter that appears later, or went back, began at 0 since the last look; so did all of them when the process
   * that counts was started anew. One that was away for a while goes on from where it was: a merged scrape may lack the proxy's part
   * once, and to count its past again would be worse than to miss a few. A malformed exposition changes nothing.
   */
  ingest(text: string, nowMs: number): IngestResult {
    const samples: (readonly [cursor: Cursor, value: number])[] = [];
    const started = new Map<string, number>();
    let count = 0;
    for (const line of readExposition(text)) {
      if (line.kind === "error") return { kind: "failed", message: `line ${line.line}: ${line.message}` };
      if (line.kind !== "sample") continue;
      count++;
      if (line.series === PROXY_START || line.series === AGENT_START) started.set(line.series, line.value);
      const cursor = this.#cursor(line.series, nowMs);
      if (cursor && !Number.isNaN(line.value)) samples.push([cursor, line.value]);
    }
    this.#scrape++;
    if (this.#restarted(started)) for (const cursor of this.#cursors.values()) if (cursor?.traffic) cursor.last = 0;
    this.#apply(samples, nowMs);
    this.#forgetAbsent(count);
    this.#lastMs = nowMs;
    return { kind: "ingested", samples: count };
  }

  #restarted(started: ReadonlyMap<string, number>): boolean {
    const counting = this.#started.has(PROXY_START) || started.has(PROXY_START) ? PROXY_START : AGENT_START;
    const before = this.#started.get(counting);
    const now = started.get(counting);
    for (const [series, at] of started) this.#started.set(series, at);
    return before !== undefined && now !== undefined && before !== now;
  }

  #apply(samples: readonly (readonly [cursor: Cursor, value: number])[], nowMs: number): void {
    const cumulated = new Map<string, number>();
    for (const [cursor, value] of samples) {
      const { sink } = cursor;
      cursor.scrape = this.#scrape;
      if (sink.kind === "gauge") {
        sink.set(value);
        continue;
      }
      const growth = value < cursor.last ? value : value - cursor.last;
      cursor.last = value;
      let own = growth;
      if (sink.kind === "bucket") {
        own -= cumulated.get(sink.group) ?? 0;
        cumulated.set(sink.group, growth);
      }
      if (own > 0 && this.#lastMs !== undefined) sink.grow(own, this.#lastMs, nowMs);
    }
  }

  /** Series come and go with an application's labels; their cursors go once they outnumber the living ones. */
  #forgetAbsent(living: number): void {
    if (this.#cursors.size <= 2 * living + FORGET_ABOVE) return;
    for (const [series, cursor] of this.#cursors) if (cursor?.scrape !== this.#scrape) this.#cursors.delete(series);
  }

  #cursor(text: string, nowMs: number): Cursor | undefined {
    const known = this.#cursors.get(text);
    if (known || this.#cursors.has(text)) return known;
    if (this.#cursors.size >= MAX_SERIES) return undefined;
    const own = detached(text);
    const series = parseSeries(own);
    const sink = series && this.#sink(series, nowMs);
    const traffic =
      series !== undefined && !series.name.startsWith("istio_agent_") && !series.name.startsWith("heddle_proxy_");
    const cursor = sink && { sink, traffic, last: 0, scrape: -1 };
    this.#cursors.set(own, cursor);
    return cursor;
  }

  #sink(series: Series, nowMs: number): Sink | undefined {
    return this.#process.sink(series) ?? trafficSink(this.#store, series, nowMs);
  }
}
