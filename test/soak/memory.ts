// Whether a proxy's memory grows with what it carries.

import type { Heap } from "./heap.ts";

/** After a collection that was asked for: garbage is in none of these but `privateBytes`, whose pages the allocator keeps for a while. */
export interface Sample extends Heap {
  /** Of the run. */
  readonly seconds: number;
  readonly privateBytes: number;
}

export type Measure = Exclude<keyof Sample, "seconds">;

export const MEASURES: readonly Measure[] = ["objects", "cellBytes", "extraBytes", "privateBytes"];

interface Point {
  readonly seconds: number;
  readonly value: number;
}

/** Code is compiled, pools and maps reach their size: that much of the run is not judged. */
const WARM_UP_SHARE = 0.4;
/** The lowest of a window is what was there without the exchanges that a sample meets by chance. */
const WINDOWS = 12;
/**
 * A run that is judged at all. Until 200 s code is still being compiled, and the objects of listeners and clusters that drain for 30 s come
 * and go by 3 %: that is 0.2 objects and 160 bytes a request in a run of 220 s, and 0.01 and 20 in one of 440 s.
 */
export const JUDGED_FROM_SECONDS = 300;
/**
 * The least that a leak of every request costs is an object, of 40 bytes with its place in an array: a quarter of it tells a leak that every
 * fourth request has. Memory beside the heap swings by 8 MiB, which the allocator keeps: less than an AccessRecord of every
 * request (over 300 bytes), or a connection's buffers (16 KiB) of the 2 % that are reset or given up, is not told from that.
 * `extraBytes` has no bound: two thirds of it are machine code (8 of 12 MB in a heap's snapshot), which the engine drops when it has not run for a
 * while, and makes again: 0.7 to 1.4 MiB up and down in ten minutes with the same objects. A buffer that leaks is an object, and private memory.
 */
export const BOUNDS: Readonly<Record<Measure, number>> = {
  objects: 0.25,
  cellBytes: 32,
  extraBytes: Number.POSITIVE_INFINITY,
  privateBytes: 250,
};

function lowest(samples: readonly Sample[], measure: Measure): readonly Point[] {
  const last = samples.at(-1)?.seconds ?? 0;
  const from = last * WARM_UP_SHARE;
  const width = (last - from) / WINDOWS;
  return Array.from({ length: WINDOWS }, (_, i) => {
    const own = samples.filter(({ seconds }) => Math.min(WINDOWS - 1, Math.floor((seconds - from) / width)) === i);
    const points = own.map((sample) => ({ seconds: sample.seconds, value: sample[measure] }));
    return points.reduce<Point | undefined>((low, one) => (low && low.value <= one.value ? low : one), undefined);
  }).filter((point) => point !== undefined);
}

/** Least squares, a second. */
function slope(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number) => points.reduce((sum, one) => sum + of(one), 0) / points.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ value }) => value)];
  const above = points.reduce((sum, { seconds, value }) => sum + (seconds - x) * (value - y), 0);
  const below = points.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

export interface Growth {
  readonly measure: Measure;
  /** At the end of the warm-up and of the run, by the windows' lowest. */
  readonly first: number;
  readonly last: number;
  readonly perRequest: number;
}

export function growth(samples: readonly Sample[], requestsPerSecond: number): readonly Growth[] {
  return MEASURES.map((measure) => {
    const points = lowest(samples, measure);
    return {
      measure,
      first: points[0]?.value ?? 0,
      last: points.at(-1)?.value ?? 0,
      perRequest: slope(points) / requestsPerSecond,
    };
  });
}

export const isLeak = ({ measure, perRequest }: Growth): boolean => perRequest > BOUNDS[measure];
