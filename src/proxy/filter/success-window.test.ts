import { expect, test } from "bun:test";
import { SuccessWindow } from "./success-window.ts";

test("requests are counted as long as the window reaches back", () => {
  const window = new SuccessWindow(3_000);
  window.record(true, 0);
  window.record(false, 900);
  window.record(true, 1_500);
  expect([window.requests, window.successes]).toEqual([3, 2]);
  window.forget(2_999);
  expect(window.requests).toBe(3);
  window.forget(3_000);
  expect([window.requests, window.successes]).toEqual([1, 1]);
  window.record(false, 9_000);
  expect([window.requests, window.successes]).toEqual([1, 0]);
});

test("the rate is over the time that something is known of", () => {
  const window = new SuccessWindow(30_000);
  expect(window.requestsPerSecond(0)).toBe(0);
  for (let i = 0; i < 10; i++) window.record(true, 100);
  expect(window.requestsPerSecond(500)).toBe(10);
  expect(window.requestsPerSecond(4_999)).toBe(2.5);
});
