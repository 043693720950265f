// Quantiles out of histogram buckets, as Prometheus' histogram_quantile: linear within a bucket.

/** Counts by inclusive upper bound (`le`, `Infinity` included), not cumulative. */
export type Buckets = ReadonlyMap<number, number>;

/**
 * The value below which the share `q` (0 to 1) of the counted values lies; undefined without any. Values beyond the last finite bound
 * are reported as that bound: the histogram does not know more.
 */
export function quantile(q: number, buckets: Buckets): number | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total <= 0) return undefined;
  const rank = q * total;
  let below = 0;
  let lower = 0;
  for (const [upper, count] of sorted) {
    if (count > 0 && below + count >= rank) {
      if (upper === Number.POSITIVE_INFINITY) return lower;
      return lower + (upper - lower) * Math.max(0, (rank - below) / count);
    }
    below += count;
    if (upper !== Number.POSITIVE_INFINITY) lower = upper;
  }
  return lower;
}
