// A metric that goes up and down.

import type { GaugeDefinition, LabelValues } from "./definition.ts";
import { SeriesTable } from "./series-table.ts";

/** A series of one particular gauge. */
export type GaugeSeries = number & { readonly __series: "gauge" };

export class Gauge<Labels extends readonly string[] = readonly string[]> {
  readonly definition: GaugeDefinition<Labels>;
  /** @internal for the writers of this folder */ readonly table: SeriesTable;

  constructor(definition: GaugeDefinition<Labels>, maxSeries: number) {
    this.definition = definition;
    this.table = new SeriesTable(definition.labels, 1, maxSeries);
  }

  /** The series with these label values, registered on first use. */
  series(values: LabelValues<Labels>): GaugeSeries {
    return this.table.offsetOf(values) as GaugeSeries;
  }

  set(series: GaugeSeries, value: number): void {
    this.table.cells[series] = value;
  }

  /** `n` may be negative. */
  add(series: GaugeSeries, n: number): void {
    this.table.cells[series]! += n;
  }

  value(series: GaugeSeries): number {
    return this.table.cells[series]!;
  }

  /** Drops the series from the exposition. Its number may be given to another: nobody may hold it any longer. */
  remove(series: GaugeSeries): void {
    this.table.remove(series);
  }
}
