import { expect, test } from "bun:test";
import type { Stat } from "../admin/stat.ts";
import { statsdDatagrams } from "./statsd.ts";

const counter = (name: string, value: number): Stat => ({ kind: "counter", name, value });
const gauge = (name: string, value: number): Stat => ({ kind: "gauge", name, value });

test("gauges as they are, counters by what came since the last time, and none that did not move", () => {
  const told = new Map<string, number>();
  const lines = (value: number) => statsdDatagrams([counter("a", value), gauge("b:c", 0.5)], "envoy", told);
  expect(lines(3)).toEqual(["envoy.a:3|c\nenvoy.b_c:0.5|g"]);
  expect(lines(5)).toEqual(["envoy.a:2|c\nenvoy.b_c:0.5|g"]);
  expect(lines(5)).toEqual(["envoy.b_c:0.5|g"]);
});

test("datagrams are of whole lines, none above the limit unless a line is", () => {
  const stats = Array.from({ length: 20 }, (_, i) => gauge(`stat-${i}`, i));
  const datagrams = statsdDatagrams(stats, "p", new Map(), 60);
  expect(datagrams.every((one) => Buffer.byteLength(one) <= 60)).toBe(true);
  expect(datagrams.join("\n").split("\n")).toEqual(stats.map(({ name }, i) => `p.${name}:${i}|g`));
  expect(statsdDatagrams([gauge("x".repeat(100), 1)], "p", new Map(), 60)).toHaveLength(1);
});
