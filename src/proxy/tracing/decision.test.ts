import { expect, test } from "bun:test";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import type { TraceSampling } from "../../table/tracing.ts";
import { decideTrace } from "./decision.ts";

const RULES = { packsReason: true, decidesTracing: true };
const NONE = { numerator: 0, denominator: 10_000 };
const ALL = { numerator: 100, denominator: 100 };
const NEVER: TraceSampling = { client: NONE, random: NONE, overall: ALL };

function decided(id: string, sampling: Partial<TraceSampling> = {}, headers: HeaderList = [], rules = RULES) {
  const all = ["x-request-id", id, ...headers];
  const reason = decideTrace(all, { ...NEVER, ...sampling }, rules, 0.5);
  return [reason, getHeader(all, "x-request-id")?.[14]];
}

const id = (start: string, digit = "4") => `${start}-7d69-${digit}ab6-a5e3-fb0a0ea6f3e5`;

test("the first eight digits of the id, modulo 10,000, are compared with the share", () => {
  const random = { numerator: 4_096, denominator: 10_000 };
  expect(decided(id("00000fff"), { random })).toEqual(["sampling", "9"]);
  expect(decided(id("00001000"), { random })).toEqual(["not-traceable", "4"]);
  // 10,000 + 4,095
  expect(decided(id("0000370f"), { random })).toEqual(["sampling", "9"]);
});

test("a share of hundredths compares what is left of a hundred", () => {
  const random = { numerator: 50, denominator: 100 };
  expect(decided(id("00000031"), { random })[0]).toBe("sampling");
  expect(decided(id("00000032"), { random })[0]).toBe("not-traceable");
});

test.each([
  ["9", "sampling"],
  ["a", "service-forced"],
  ["b", "client-forced"],
  ["4", "not-traceable"],
] as const)("digit %s of the proxy before is believed", (digit, reason) => {
  expect(decided(id("00000000", digit))).toEqual([reason, digit]);
});

test("overall sampling takes back what another proxy decided", () => {
  expect(decided(id("00000001", "9"), { overall: NONE })).toEqual(["not-traceable", "4"]);
});

test("a client is traced by its wish where clients are, a service always", () => {
  const wish = ["x-client-trace-id", "theirs"];
  expect(decided(id("00000001"), { client: ALL }, wish)).toEqual(["client-forced", "b"]);
  expect(decided(id("00000001"), {}, wish)[0]).toBe("not-traceable");
  expect(decided(id("00000001"), {}, ["x-envoy-force-trace", "1"])).toEqual(["service-forced", "a"]);
});

test("an id that is none of ours decides nothing and stays as it is", () => {
  expect(decided("short", { random: ALL })).toEqual(["not-traceable", undefined]);
  expect(decideTrace([], { ...NEVER, random: ALL }, RULES, 0)).toBe("not-traceable");
});

test("the id may be left alone, and may decide nothing", () => {
  expect(decided(id("00000001"), { random: ALL }, [], { ...RULES, packsReason: false })).toEqual(["sampling", "4"]);
  expect(decided(id("00000001"), {}, [], { ...RULES, decidesTracing: false })).toEqual(["sampling", "4"]);
});
