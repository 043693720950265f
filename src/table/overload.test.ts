import { expect, test } from "bun:test";
import { fromJson } from "@bufbuild/protobuf";
import { jsonRegistry } from "../xds/any.ts";
import { OverloadManagerSchema } from "../xds/gen/envoy/config/overload/v3/overload_pb.ts";
import { checkOverloadManager } from "./accept/resource.ts";
import { actionState, heaviest, scaledTimeout, workersShare } from "./overload.ts";

test("a threshold is all or nothing, and a scaled trigger goes from one to the other", () => {
  const threshold = [{ monitor: "a", from: 0.9, full: 0.9 }];
  expect(actionState(threshold, new Map([["a", 0.89]]))).toBe(0);
  expect(actionState(threshold, new Map([["a", 0.9]]))).toBe(1);
  const scaled = [{ monitor: "a", from: 0.5, full: 1 }];
  expect(actionState(scaled, new Map([["a", 0.5]]))).toBe(0);
  expect(actionState(scaled, new Map([["a", 0.75]]))).toBe(0.5);
  expect(actionState(scaled, new Map([["a", 3]]))).toBe(1);
});

test("the trigger that asks for most counts, and a monitor that says nothing asks for nothing", () => {
  const triggers = [
    { monitor: "a", from: 0, full: 1 },
    { monitor: "b", from: 0, full: 1 },
  ];
  expect(actionState(triggers, new Map([["b", 0.4]]))).toBe(0.4);
  expect(actionState([], new Map())).toBe(0);
});

test("workers share memory and connections, and have descriptors of their own", () => {
  const table = {
    refreshMs: 1_000,
    monitors: [
      { kind: "memory", name: "m", maxBytes: 900 },
      { kind: "connections", name: "c", max: 10 },
      { kind: "descriptors", name: "d", max: 10 },
    ],
    actions: new Map(),
    timerFloors: new Map(),
    accountPower: 0,
  } as const;
  expect(workersShare(table, 3).monitors).toEqual([
    { kind: "memory", name: "m", maxBytes: 300 },
    { kind: "connections", name: "c", max: 4 },
    { kind: "descriptors", name: "d", max: 10 },
  ]);
  expect(workersShare(table, 1)).toEqual(table);
});

test("a time-out shrinks to its floor, and none stays none", () => {
  expect(scaledTimeout(1_000, { kind: "ms", ms: 200 }, 0.5)).toBe(600);
  expect(scaledTimeout(1_000, { kind: "share", share: 0.1 }, 1)).toBe(100);
  expect(scaledTimeout(100, { kind: "ms", ms: 200 }, 1)).toBe(100);
  expect(scaledTimeout(0, { kind: "ms", ms: 200 }, 1)).toBe(0);
  expect(scaledTimeout(1_000, undefined, 1)).toBe(1_000);
});

test("who holds most goes first: of the largest class alone, then of all", () => {
  const of = (...powers: readonly number[]) => powers.map((power) => ({ bytes: 2 ** power }));
  const powers = (state: number) => heaviest(of(10, 14, 17, 21, 30), 14, state).map(({ bytes }) => Math.log2(bytes));
  expect(powers(0.01)).toEqual([30, 21]);
  expect(powers(0.5)).toEqual([30, 21, 17]);
  expect(powers(1)).toEqual([30, 21, 17, 14]);
  expect(heaviest(of(...new Array<number>(200).fill(20)), 14, 1)).toHaveLength(50);
});

test("what is not supported is refused by its name, and Heddle's own monitors are taken", () => {
  const manager = fromJson(
    OverloadManagerSchema,
    {
      resource_monitors: [
        {
          name: "heddle.resource_monitors.event_loop_lag",
          typed_config: { "@type": "type.googleapis.com/google.protobuf.Struct", value: { max_lag_ms: 100 } },
        },
      ],
      actions: [
        { name: "envoy.overload_actions.reset_high_memory_stream", triggers: [] },
        { name: "envoy.overload_actions.do_something", triggers: [] },
        {
          name: "envoy.overload_actions.stop_accepting_requests",
          triggers: [{ name: "nobody", threshold: { value: 1 } }],
        },
      ],
    },
    { registry: jsonRegistry() },
  );
  const result = checkOverloadManager(manager);
  expect(result.kind === "rejected" && result.rejections).toEqual([
    {
      path: "actions[0]",
      reason: "needs buffer_factory_config.minimum_account_to_track_power_of_two",
    },
    { path: "actions[1].name", reason: `"envoy.overload_actions.do_something" is not supported by Heddle's proxy` },
    { path: "actions[2].triggers[0].name", reason: `no resource monitor "nobody"` },
  ]);
});
