import { expect, test } from "bun:test";
import { isoTime, wallMs } from "./clock.ts";

test("a reading of the monotonic clock tells the time of the wall, however old it is", () => {
  const [at, now] = [performance.now(), Date.now()];
  for (const age of [0, 1, 999, 1_001, 3_600_000]) {
    expect(Math.abs(wallMs(at - age) - (now - age))).toBeLessThanOrEqual(2);
  }
});

test("the offset follows a reading that is a second later", () => {
  const at = performance.now();
  wallMs(at);
  expect(Math.abs(wallMs(at + 60_000) - (Date.now() + 60_000))).toBeLessThanOrEqual(2);
  expect(Math.abs(wallMs(at + 120_000) - (Date.now() + 120_000))).toBeLessThanOrEqual(2);
});

test("the text is that of the millisecond", () => {
  expect(isoTime(1_767_225_600_123)).toBe("2026-01-01T00:00:00.123Z");
  expect(isoTime(Math.floor(1_767_225_600_124.9))).toBe("2026-01-01T00:00:00.124Z");
});
