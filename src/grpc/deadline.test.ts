import { expect, test } from "bun:test";
import { formatTimeout, parseTimeout } from "./deadline.ts";

test("every unit, in milliseconds", () => {
  const texts = ["2H", "3M", "4S", "250m", "5000u", "7000000n"];
  expect(texts.map(parseTimeout)).toEqual([7_200_000, 180_000, 4_000, 250, 5, 7]);
  expect(parseTimeout("1n")).toBe(1);
});

test("what is malformed is no deadline", () => {
  for (const text of ["", "1", "m", "1.5S", "-1S", "123456789m", "1s", "1 S", undefined])
    expect(parseTimeout(text)).toBeUndefined();
});

test("what is written never has more than eight digits and never says less", () => {
  for (const ms of [0.2, 1, 99_999_999, 100_000_000, 1e15]) {
    const text = formatTimeout(ms);
    expect(text).toMatch(/^\d{1,8}[mS]$/);
    expect(parseTimeout(text)).toBeGreaterThanOrEqual(Math.min(ms, 99_999_999_000));
  }
});
