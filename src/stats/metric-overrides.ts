// What a metric's series say otherwise than the standard: labels left out, labels of other values, or no series at all. As Istio's
// stats.PluginConfig has it for Envoy's stats filter.

/** A text for every request, or which of the values that the request brings. */
export type LabelSource = string | number;

export interface MetricOverride {
  readonly dropped: boolean;
  readonly removed: ReadonlySet<string>;
  /** By label: its value in place of the standard one, or of a label that there is not otherwise. */
  readonly set: ReadonlyMap<string, LabelSource>;
}

export interface MetricOverrides {
  /** The same for overrides that say the same. */
  readonly key: string;
  /** By the metric's name. */
  readonly metrics: ReadonlyMap<string, MetricOverride>;
}

export const NO_VALUES: readonly string[] = [];

export function saysSame(one: MetricOverrides | undefined, other: MetricOverrides | undefined): boolean {
  return one === other || one?.key === other?.key;
}

/** What of a metric's own labels is left, with what comes to them after them. */
export function relabelled(
  labels: readonly string[],
  values: readonly string[],
  { removed, set }: MetricOverride,
  given: readonly string[],
): { readonly names: readonly string[]; readonly values: readonly string[] } {
  const found = new Map<string, string>();
  labels.forEach((label, i) => {
    if (!removed.has(label)) found.set(label, values[i] ?? "");
  });
  for (const [label, source] of set) found.set(label, typeof source === "number" ? (given[source] ?? "") : source);
  return { names: [...found.keys()], values: [...found.values()] };
}
