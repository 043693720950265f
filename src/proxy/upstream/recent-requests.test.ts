import { expect, test } from "bun:test";
import { RecentRequests } from "./recent-requests.ts";

test("requests count until ten tenths are over after the one that they began in", () => {
  const recent = new RecentRequests(600_000, undefined, 0);
  recent.begun();
  recent.begun();
  recent.endTenth();
  recent.begun();
  for (let i = 0; i < 9; i++) recent.endTenth();
  expect(recent.total).toBe(3);
  recent.endTenth();
  expect(recent.total).toBe(1);
  recent.endTenth();
  expect(recent.total).toBe(0);
});

test("and none when they are forgotten, nor later", () => {
  const recent = new RecentRequests(600_000, undefined, 0);
  recent.begun();
  recent.endTenth();
  recent.begun();
  recent.forget();
  expect(recent.total).toBe(0);
  for (let i = 0; i < 20; i++) recent.endTenth();
  expect(recent.total).toBe(0);
});
