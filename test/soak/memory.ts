// Whether a proxy's memory grows with what it carries.

export interface Sample {
  /** Of the run. */
  readonly seconds: number;
  readonly bytes: number;
}

/** Code is compiled, pools and maps reach their size: that much of the run is not judged. */
const WARM_UP_SHARE = 0.4;
/** The heap is a saw: collections come every few seconds, and the lowest of a window is what none of them could let go. */
const WINDOWS = 12;
/** A run that is judged at all: shorter ones have too few collections in a window. */
export const JUDGED_FROM_SECONDS = 300;
/**
 * The least that a leak of every request costs: its AccessRecord alone is over 300 bytes, and holds head and headers. A third of it tells
 * any leak of a request, and of each of the 2 % that are reset or given up when it holds a connection's buffers (16 KiB).
 */
export const BOUND_BYTES_PER_REQUEST = 100;

export function lowest(samples: readonly Sample[]): readonly Sample[] {
  const last = samples.at(-1)?.seconds ?? 0;
  const from = last * WARM_UP_SHARE;
  const width = (last - from) / WINDOWS;
  return Array.from({ length: WINDOWS }, (_, i) => {
    const own = samples.filter(({ seconds }) => Math.min(WINDOWS - 1, Math.floor((seconds - from) / width)) === i);
    return own.reduce<Sample | undefined>((low, one) => (low && low.bytes <= one.bytes ? low : one), undefined);
  }).filter((sample) => sample !== undefined);
}

/** Least squares through the windows' lowest, in bytes a second. */
export function slope(samples: readonly Sample[]): number {
  const points = lowest(samples);
  const mean = (of: (sample: Sample) => number) => points.reduce((sum, one) => sum + of(one), 0) / points.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ bytes }) => bytes)];
  const above = points.reduce((sum, { seconds, bytes }) => sum + (seconds - x) * (bytes - y), 0);
  const below = points.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
