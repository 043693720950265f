// The cells of one metric: every series is a run of numbers in one Float64Array, found by an index that callers resolve once.
// Recording is then an indexed addition: no hash, no string, no allocation on the request path.

import { labelText } from "./label-text.ts";
import { type MetricOverride, relabelled } from "./metric-overrides.ts";

const INITIAL_SERIES = 8;

/** What every series of a metric beyond its limit is counted under, as OpenTelemetry's `otel.metric.overflow`. */
export const OVERFLOW_VALUE = "overflow";

export class SeriesTable {
  /** `width` numbers a series. Replaced when it grows: read it anew for each access. */
  cells: Float64Array;
  readonly #labels: readonly string[];
  readonly #width: number;
  readonly #maxSeries: number;
  readonly #offsets = new Map<string, number>();
  readonly #texts: (string | undefined)[] = [];
  readonly #free: number[] = [];
  /** Of what is counted and not shown. */
  #discarded = -1;
  #overflow = -1;
  /** Of series that several hold; every other one has one holder at most. */
  readonly #holders = new Map<number, number>();
  #refused = 0;

  constructor(labels: readonly string[], width: number, maxSeries: number) {
    this.#labels = labels;
    this.#width = width;
    this.#maxSeries = maxSeries;
    this.cells = new Float64Array(INITIAL_SERIES * width);
  }

  /** How many series there are. */
  get size(): number {
    return this.#offsets.size;
  }

  /** How often a new series was refused, and counted under the overflow series instead. */
  get refused(): number {
    return this.#refused;
  }

  /** Offset of the first cell of the series with these label values, made when there is none. Beyond the limit: the shared overflow series. */
  offsetOf(values: readonly string[]): number {
    if (values.length !== this.#labels.length) {
      throw new RangeError(
        `label values: ${values.length} given, ${this.#labels.length} expected (${this.#labels.join(", ")})`,
      );
    }
    return this.#offsetOfText(labelText(this.#labels, values));
  }

  /**
   * As `offsetOf`, for one of several who may hold the series and give it back by `remove`: labels that are left out make one series of
   * many. `given`: the values that `override` asks for by their number.
   */
  hold(values: readonly string[], override?: MetricOverride, given: readonly string[] = []): number {
    const size = this.#offsets.size;
    const offset = override ? this.#overriddenOffset(values, override, given) : this.offsetOf(values);
    if (this.#offsets.size === size && offset !== this.#overflow && offset !== this.#discarded)
      this.#holders.set(offset, (this.#holders.get(offset) ?? 1) + 1);
    return offset;
  }

  #overriddenOffset(values: readonly string[], override: MetricOverride, given: readonly string[]): number {
    if (override.dropped) return this.#discard();
    const relabelling = relabelled(this.#labels, values, override, given);
    return this.#offsetOfText(labelText(relabelling.names, relabelling.values));
  }

  /** Cells like any others, so that recording asks nothing; no text, so that they are never shown. */
  #discard(): number {
    if (this.#discarded === -1) this.#discarded = this.#place(undefined);
    return this.#discarded;
  }

  #offsetOfText(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    if (this.#offsets.size < this.#maxSeries) return this.#add(text);
    this.#refused++;
    if (this.#overflow === -1)
      this.#overflow = this.#add(labelText(this.#labels, new Array<string>(this.#labels.length).fill(OVERFLOW_VALUE)));
    return this.#overflow;
  }

  /**
   * Forgets a series whose last holder calls this; its cells are zeroed and given to a later one, so nobody may use the offset after it.
   */
  remove(offset: number): void {
    const text = this.#texts[offset / this.#width];
    if (text === undefined || offset === this.#overflow) return;
    const holders = this.#holders.get(offset) ?? 1;
    if (holders > 2) this.#holders.set(offset, holders - 1);
    else this.#holders.delete(offset);
    if (holders > 1) return;
    this.#offsets.delete(text);
    this.#texts[offset / this.#width] = undefined;
    this.cells.fill(0, offset, offset + this.#width);
    this.#free.push(offset);
  }

  /** Each series' label text and the offset of its first cell, in the order of the cells. */
  *entries(): Generator<{ readonly text: string; readonly offset: number }> {
    for (let index = 0; index < this.#texts.length; index++) {
      const text = this.#texts[index];
      if (text !== undefined) yield { text, offset: index * this.#width };
    }
  }

  #add(text: string): number {
    const offset = this.#place(text);
    this.#offsets.set(text, offset);
    return offset;
  }

  #place(text: string | undefined): number {
    const offset = this.#free.pop() ?? this.#texts.length * this.#width;
    if (offset + this.#width > this.cells.length) {
      const grown = new Float64Array(this.cells.length * 2);
      grown.set(this.cells);
      this.cells = grown;
    }
    this.#texts[offset / this.#width] = text;
    return offset;
  }
}
