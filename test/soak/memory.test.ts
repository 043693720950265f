// That a leak is told from what comes and goes.

import { describe, expect, test } from "bun:test";
import { growth, isLeak, JUDGED_FROM_SECONDS, type Sample } from "./memory.ts";

const REQUESTS_PER_SECOND = 100;
const EVERY_SECONDS = 5;

type Leak = Omit<Sample, "seconds">;

/** The start is steep; exchanges under way and the allocator's pages come and go. `leak`: a request. */
function run(seconds: number, leak: Partial<Leak> = {}): readonly Sample[] {
  const { objects = 0, cellBytes = 0, extraBytes = 0, privateBytes = 0 } = leak;
  return Array.from({ length: seconds / EVERY_SECONDS }, (_, i) => {
    const at = i * EVERY_SECONDS;
    const [requests, start] = [at * REQUESTS_PER_SECOND, Math.min(at, seconds / 5)];
    const underWay = ((i * 7) % 5) * 150;
    return {
      seconds: at,
      objects: 120_000 + start * 20 + underWay + objects * requests,
      cellBytes: 8.5e6 + start * 3e3 + underWay * 80 + cellBytes * requests,
      extraBytes: 8.5e6 + start * 3e4 + ((i * 5) % 7) * 2e5 + extraBytes * requests,
      privateBytes: 4e7 + start * 1e5 + ((i * 3) % 4) * 8e5 + privateBytes * requests,
    };
  });
}

const leaks = (samples: readonly Sample[]) =>
  growth(samples, REQUESTS_PER_SECOND)
    .filter(isLeak)
    .map(({ measure }) => measure);

describe.each([JUDGED_FROM_SECONDS, 600])("in %d s", (seconds) => {
  test("what comes and goes is no leak", () => expect(leaks(run(seconds))).toEqual([]));

  test("code that is made for the first time, or again, is none", () => {
    expect(leaks(run(seconds, { extraBytes: 60 }))).toEqual([]);
  });

  test("an object that every request leaves, of 40 bytes with its place in an array, is one", () => {
    expect(leaks(run(seconds, { objects: 1, cellBytes: 40, privateBytes: 40 }))).toEqual(["objects", "cellBytes"]);
  });

  test("so are bytes beside the heap: 16 KiB of every fiftieth", () => {
    expect(leaks(run(seconds, { privateBytes: (16 * 1024) / 50 }))).toEqual(["privateBytes"]);
  });
});

test("growth is that of the run after its warm-up", () => {
  const [objects, , , privateBytes] = growth(run(600, { objects: 0.5, privateBytes: 200 }), REQUESTS_PER_SECOND);
  expect(objects!.perRequest).toBeCloseTo(0.5, 1);
  expect(privateBytes!.perRequest).toBeCloseTo(200, -2);
  expect(objects!.last).toBeGreaterThan(objects!.first);
});
