// All metrics of one process, in the order of their registration.

import { Counter } from "./counter.ts";
import type { CounterDefinition, GaugeDefinition, HistogramDefinition, MetricDefinition } from "./definition.ts";
import { Gauge } from "./gauge.ts";
import { Histogram } from "./histogram.ts";
import { SERIES_REFUSED } from "./names/process.ts";

/** Series a metric may have before new ones share the overflow series: some labels come from the network (Host, peer metadata). */
const DEFAULT_MAX_SERIES = 20_000;

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export type Metric = Counter | Gauge | Histogram;

export class Registry {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors: (() => void)[] = [];
  readonly #maxSeries: number;
  #tells: ((metric: string, labels: string) => boolean) | undefined;

  constructor(options: { readonly maxSeries?: number } = {}) {
    this.#maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES;
  }

  /** The counter of this definition; the same one for the same definition. Another metric of that name is an error of the program. */
  counter<Labels extends readonly string[]>(definition: CounterDefinition<Labels>): Counter<Labels> {
    return this.#register(definition, () => new Counter(definition, this.#maxSeries)) as Counter<Labels>;
  }

  gauge<Labels extends readonly string[]>(definition: GaugeDefinition<Labels>): Gauge<Labels> {
    return this.#register(definition, () => new Gauge(definition, this.#maxSeries)) as Gauge<Labels>;
  }

  histogram<Labels extends readonly string[]>(definition: HistogramDefinition<Labels>): Histogram<Labels> {
    return this.#register(definition, () => new Histogram(definition, this.#maxSeries)) as Histogram<Labels>;
  }

  /** `collect` runs before every exposition, for gauges that are read rather than counted (memory, descriptors, uptime). */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** The metrics as they are now, after the collectors ran. Those without a series are left out. */
  collect(): Metric[] {
    for (const collect of this.#collectors) collect();
    this.#countRefused();
    return [...this.#metrics.values()].filter((metric) => metric.table.size > 0);
  }

  /** Of a metric: series that `tells` has something against are told nobody. It is asked at every scrape. */
  *seriesOf({ definition, table }: Metric): Generator<{ readonly text: string; readonly offset: number }> {
    const tells = this.#tells;
    for (const series of table.entries()) if (!tells || tells(definition.name, series.text)) yield series;
  }

  /** `labels` as the text format has them between the braces. */
  tellOnly(tells: (metric: string, labels: string) => boolean): void {
    this.#tells = tells;
  }

  /** Counters begin at 0 again, for whoever asks for it; gauges and histograms stay. */
  resetCounters(): void {
    for (const { definition, table } of this.#metrics.values()) if (definition.kind === "counter") table.cells.fill(0);
  }

  #register(definition: MetricDefinition, create: () => object): object {
    const known = this.#metrics.get(definition.name);
    if (known) {
      if (known.definition !== definition)
        throw new Error(`metric registered twice with different definitions: ${definition.name}`);
      return known;
    }
    if (!METRIC_NAME.test(definition.name)) throw new Error(`not a metric name: "${definition.name}"`);
    for (const label of definition.labels) {
      if (!LABEL_NAME.test(label)) throw new Error(`not a label name: "${label}" of ${definition.name}`);
    }
    const metric = create();
    this.#metrics.set(definition.name, metric as Metric);
    return metric;
  }

  #countRefused(): void {
    for (const [name, metric] of [...this.#metrics]) {
      const refused = metric.table.refused;
      if (refused === 0) continue;
      const counter = this.counter(SERIES_REFUSED);
      const series = counter.series([name]);
      counter.add(series, refused - counter.value(series));
    }
  }
}
