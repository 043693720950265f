import { expect, test } from "bun:test";
import { judgeNoise } from "./noise.ts";

test("a machine of one's own is quiet", () => {
  expect(
    judgeNoise([
      [
        [25, 25],
        [25.2, 25],
      ],
      [[25, 25]],
    ]).noisy,
  ).toBe(false);
});

test("a core that is shared is noise, however steady", () => {
  const { noisy, takenByOthers, speedSpread } = judgeNoise([
    [[25, 25]],
    [
      [50, 25],
      [50, 25],
    ],
  ]);
  expect({ noisy, takenByOthers, speedSpread }).toEqual({ noisy: true, takenByOthers: 0.5, speedSpread: 1 });
});

test("a clock that changes is noise, however undisturbed", () => {
  const { noisy, takenByOthers, speedSpread } = judgeNoise([
    [
      [20, 20],
      [40, 40],
    ],
  ]);
  expect({ noisy, takenByOthers, speedSpread }).toEqual({ noisy: true, takenByOthers: 0, speedSpread: 2 });
});

test("CPU time that exceeds the clock by rounding is nobody's", () => {
  expect(judgeNoise([[[24.9, 25]]]).takenByOthers).toBe(0);
});
