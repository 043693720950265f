// How long a worker that crashed stays away: not at all the first time, longer each time that it does not last.

const FIRST_MS = 250;
const MAX_MS = 15_000;
/** Who served for so long is forgiven. */
const LASTED_MS = 60_000;

export interface Crashes {
  readonly count: number;
  readonly waitMs: number;
  /** `performance.now()` of the last one. */
  readonly at: number;
}

export const NO_CRASHES: Crashes = { count: 0, waitMs: 0, at: Number.NEGATIVE_INFINITY };

export function crashed(before: Crashes, now: number): Crashes {
  const count = now - before.at - before.waitMs > LASTED_MS ? 1 : before.count + 1;
  return { count, waitMs: count === 1 ? 0 : Math.min(MAX_MS, FIRST_MS * 2 ** (count - 2)), at: now };
}
