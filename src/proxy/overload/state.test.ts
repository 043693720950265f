import { expect, test } from "bun:test";
import { OverloadState } from "./state.ts";

test("what is scaled is looked at again from its shortest time on, and what is not waits as long as it was to", () => {
  const state = new OverloadState();
  state.refreshMs = 50;
  expect(state.wait("stream-idle", 1_000, 300)).toBe(700);
  state.timerFloors = new Map([["stream-idle", { kind: "ms", ms: 200 }]]);
  expect(state.wait("stream-idle", 1_000, 0)).toBe(200);
  expect(state.wait("stream-idle", 1_000, 300)).toBe(50);
  expect(state.wait("stream-idle", 1_000, 980)).toBe(20);
  expect(state.wait("connection-max", 1_000, 300)).toBe(700);
  state.reduce_timeouts = 0.5;
  expect(state.wait("stream-idle", 1_000, 590)).toBe(10);
  state.reduce_timeouts = 1;
  expect(state.wait("stream-idle", 1_000, 200)).toBe(0);
});
