// Turns one target's successive expositions into growth: what each counter gained since the scrape before. A series' labels are read
// once, on first sight; afterwards a line costs one Map look-up.

import { parseSeries, readExposition, type Series } from "../stats/parse.ts";
import type { ProcessRecord } from "./process-record.ts";
import type { Sink } from "./sink.ts";
import { trafficSink } from "./traffic-sink.ts";
import type { TrafficStore } from "./traffic-store.ts";

interface Cursor {
  readonly sink: Sink;
  last: number;
  /** Number of the scrape that last had it. */
  scrape: number;
}

export type IngestResult =
  | { readonly kind: "ingested"; readonly samples: number }
  | { readonly kind: "failed"; readonly message: string };

/** Series of one target that are looked at; an application that invents more has them ignored. */
const MAX_SERIES = 100_000;

/** When the process that counts was started; a change means that all counters began at 0. (Without the prefix it is the application's.) */
const START_TIME = "istio_agent_process_start_time_seconds";

export class TargetIngest {
  readonly #store: TrafficStore;
  readonly #process: ProcessRecord;
  /** undefined as a value: seen and of no interest. */
  readonly #cursors = new Map<string, Cursor | undefined>();
  #scrape = 0;
  #lastMs: number | undefined;
  #startTime: number | undefined;

  constructor(store: TrafficStore, process: ProcessRecord) {
    this.#store = store;
    this.#process = process;
  }

  /**
   * Takes in an exposition that was read at `nowMs`. The first one of a target only sets the baseline: what was counted before the first
   * look has no time. A counter that appears later, is back after an absence, or went back, began at 0 since the last look; so did all
   * of them when the process was started anew. A malformed exposition changes nothing.
   */
  ingest(text: string, nowMs: number): IngestResult {
    const samples: (readonly [cursor: Cursor, value: number])[] = [];
    let count = 0;
    let startTime: number | undefined;
    for (const line of readExposition(text)) {
      if (line.kind === "error") return { kind: "failed", message: `line ${line.line}: ${line.message}` };
      if (line.kind !== "sample") continue;
      count++;
      if (line.series === START_TIME) startTime = line.value;
      const cursor = this.#cursor(line.series, nowMs);
      if (cursor && !Number.isNaN(line.value)) samples.push([cursor, line.value]);
    }
    const restarted = this.#startTime !== undefined && startTime !== undefined && startTime !== this.#startTime;
    this.#scrape++;
    this.#apply(samples, restarted, nowMs);
    this.#forgetAbsent(count);
    this.#lastMs = nowMs;
    this.#startTime = startTime;
    return { kind: "ingested", samples: count };
  }

  #apply(samples: readonly (readonly [cursor: Cursor, value: number])[], restarted: boolean, nowMs: number): void {
    const cumulated = new Map<string, number>();
    for (const [cursor, value] of samples) {
      const { sink } = cursor;
      if (sink.kind === "gauge") {
        sink.set(value);
        continue;
      }
      const began = restarted || cursor.scrape !== this.#scrape - 1 || value < cursor.last;
      const growth = began ? value : value - cursor.last;
      cursor.last = value;
      cursor.scrape = this.#scrape;
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
    if (this.#cursors.size <= 2 * living + 1_000) return;
    for (const [series, cursor] of this.#cursors) if (cursor?.scrape !== this.#scrape) this.#cursors.delete(series);
  }

  #cursor(text: string, nowMs: number): Cursor | undefined {
    const known = this.#cursors.get(text);
    if (known || this.#cursors.has(text)) return known;
    if (this.#cursors.size >= MAX_SERIES) return undefined;
    const series = parseSeries(text);
    const sink = series && this.#sink(series, nowMs);
    const cursor = sink && { sink, last: 0, scrape: -1 };
    this.#cursors.set(text, cursor);
    return cursor;
  }

  #sink(series: Series, nowMs: number): Sink | undefined {
    return this.#process.sink(series) ?? trafficSink(this.#store, series, nowMs);
  }
}
