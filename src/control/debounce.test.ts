import { expect, test } from "bun:test";
import { until } from "../base/until-fixture.ts";
import { Debounce } from "./debounce.ts";

test("a burst is one piece of work, and what comes after it another", async () => {
  let done = 0;
  const debounce = new Debounce({ quietMs: 10, maxMs: 5_000 }, () => done++);
  for (let i = 0; i < 1_000; i++) debounce.touch();
  expect(done).toBe(0);
  await until("the work", () => done > 0);
  expect(done).toBe(1);
  debounce.touch();
  await until("the next work", () => done === 2);
});

test("a stream of changes without a pause is not put off for ever", async () => {
  let done = 0;
  const debounce = new Debounce({ quietMs: 60_000, maxMs: 20 }, () => done++);
  await until("the work", () => {
    debounce.touch();
    return done > 0;
  });
  debounce.cancel();
});

test("flush works at once and only when there is work; cancel drops it", () => {
  let done = 0;
  const debounce = new Debounce({ quietMs: 60_000, maxMs: 60_000 }, () => done++);
  debounce.flush();
  expect(done).toBe(0);
  debounce.touch();
  debounce.flush();
  debounce.flush();
  expect(done).toBe(1);
  debounce.touch();
  debounce.cancel();
  debounce.flush();
  expect(done).toBe(1);
});
