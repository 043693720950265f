// A metric that only grows.

import type { CounterDefinition, LabelValues } from "./definition.ts";
import type { MetricOverrides } from "./metric-overrides.ts";
import { SeriesTable } from "./series-table.ts";

/** A series of one particular counter; the brand keeps it from being used on a gauge or a histogram. */
export type CounterSeries = number & { readonly __series: "counter" };

export class Counter<Labels extends readonly string[] = readonly string[]> {
  readonly definition: CounterDefinition<Labels>;
  /** @internal for the writers of this folder */ readonly table: SeriesTable;

  constructor(definition: CounterDefinition<Labels>, maxSeries: number) {
    this.definition = definition;
    this.table = new SeriesTable(definition.labels, 1, maxSeries);
  }

  /** The series with these label values, registered on first use. Resolve it when the configuration compiles and keep it. */
  series(values: LabelValues<Labels>): CounterSeries {
    return this.table.offsetOf(values) as CounterSeries;
  }

  /** As `series`, by whoever gives it back by `remove`. `given`: values that the overrides ask for. */
  hold(values: LabelValues<Labels>, overrides?: MetricOverrides, given?: readonly string[]): CounterSeries {
    return this.table.hold(values, overrides?.metrics.get(this.definition.name), given) as CounterSeries;
  }

  /** `n` is at least 0; not checked, because requests pay for it. */
  add(series: CounterSeries, n: number): void {
    this.table.cells[series]! += n;
  }

  increment(series: CounterSeries): void {
    this.table.cells[series]! += 1;
  }

  value(series: CounterSeries): number {
    return this.table.cells[series]!;
  }

  /** Drops the series from the exposition, if nobody else holds it. Its number may be given to another. */
  remove(series: CounterSeries): void {
    this.table.remove(series);
  }
}
