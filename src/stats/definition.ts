// What a metric is: its kind, name, help and label names. Definitions are plain constants (names/), so that the proxy, the agent,
// the control plane and telemetry agree on every name without importing each other.

/** One value for each label name, in order; the length is checked by the compiler. */
export type LabelValues<Labels extends readonly string[]> = { readonly [Index in keyof Labels]: string };

interface Definition<Labels extends readonly string[]> {
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
}

export interface CounterDefinition<Labels extends readonly string[] = readonly string[]> extends Definition<Labels> {
  readonly kind: "counter";
}

export interface GaugeDefinition<Labels extends readonly string[] = readonly string[]> extends Definition<Labels> {
  readonly kind: "gauge";
}

export interface HistogramDefinition<Labels extends readonly string[] = readonly string[]> extends Definition<Labels> {
  readonly kind: "histogram";
  /** Inclusive upper bounds, ascending, without `+Inf`. */
  readonly bounds: readonly number[];
}

export type MetricDefinition = CounterDefinition | GaugeDefinition | HistogramDefinition;

export function counter<const Labels extends readonly string[]>(
  name: string,
  help: string,
  labels: Labels,
): CounterDefinition<Labels> {
  return { kind: "counter", name, help, labels };
}

export function gauge<const Labels extends readonly string[]>(
  name: string,
  help: string,
  labels: Labels,
): GaugeDefinition<Labels> {
  return { kind: "gauge", name, help, labels };
}

export function histogram<const Labels extends readonly string[]>(
  name: string,
  help: string,
  labels: Labels,
  bounds: readonly number[],
): HistogramDefinition<Labels> {
  return { kind: "histogram", name, help, labels, bounds };
}
