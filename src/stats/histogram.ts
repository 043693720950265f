// A distribution in fixed buckets. A series is its bucket counts (not cumulative, the last is +Inf) followed by the sum of the values.

import type { HistogramDefinition, LabelValues } from "./definition.ts";
import type { MetricOverrides } from "./metric-overrides.ts";
import { SeriesTable } from "./series-table.ts";

/** A series of one particular histogram. */
export type HistogramSeries = number & { readonly __series: "histogram" };

export class Histogram<Labels extends readonly string[] = readonly string[]> {
  readonly definition: HistogramDefinition<Labels>;
  /** @internal for the writers of this folder */ readonly table: SeriesTable;
  readonly #bounds: Float64Array;

  constructor(definition: HistogramDefinition<Labels>, maxSeries: number) {
    this.definition = definition;
    this.#bounds = Float64Array.from(definition.bounds);
    this.table = new SeriesTable(definition.labels, definition.bounds.length + 2, maxSeries);
  }

  /** The series with these label values, registered on first use. */
  series(values: LabelValues<Labels>): HistogramSeries {
    return this.table.offsetOf(values) as HistogramSeries;
  }

  /** As `series`, by whoever gives it back by `remove`. `given`: values that the overrides ask for. */
  hold(values: LabelValues<Labels>, overrides?: MetricOverrides, given?: readonly string[]): HistogramSeries {
    return this.table.hold(values, overrides?.metrics.get(this.definition.name), given) as HistogramSeries;
  }

  /** Counts one value. NaN is ignored: it would spoil the sum for good. */
  observe(series: HistogramSeries, value: number): void {
    if (Number.isNaN(value)) return;
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    const cells = this.table.cells;
    cells[series + low]! += 1;
    cells[series + bounds.length + 1]! += value;
  }

  /** How many values the series has counted. */
  count(series: HistogramSeries): number {
    let count = 0;
    for (let bucket = 0; bucket <= this.#bounds.length; bucket++) count += this.table.cells[series + bucket]!;
    return count;
  }

  sum(series: HistogramSeries): number {
    return this.table.cells[series + this.#bounds.length + 1]!;
  }

  /** Drops the series from the exposition, if nobody else holds it. Its number may be given to another. */
  remove(series: HistogramSeries): void {
    this.table.remove(series);
  }
}
