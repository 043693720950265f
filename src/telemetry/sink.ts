// Where the growth of a counter, or the value of a gauge, goes.

export type Grow = (amount: number, fromMs: number, toMs: number) => void;

export type Sink =
  | { readonly kind: "counter"; readonly grow: Grow }
  /** `group` names the histogram series, whose buckets are cumulative and come in ascending order. */
  | { readonly kind: "bucket"; readonly group: string; readonly grow: Grow }
  | { readonly kind: "gauge"; readonly set: (value: number) => void };
