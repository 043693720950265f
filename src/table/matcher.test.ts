// Matcher trees: which branch, and what a branch that leads nowhere means.

import { expect, test } from "bun:test";
import { parseCidr } from "../base/cidr.ts";
import { actionsOf, evaluate, type Matcher, type Predicate } from "./matcher.ts";

type Facts = Readonly<Record<string, string>>;
type Tree = Matcher<string, string>;

const read = (input: string, facts: Facts): string | undefined => facts[input];
const act = (action: string): Tree => ({ kind: "action", action });
const is = (input: string, text: string): Predicate<string> => ({
  kind: "string",
  input,
  match: { kind: "exact", text, ignoreCase: false },
});
const when = (predicate: Predicate<string>, then: Tree, otherwise?: Tree): Tree => ({
  kind: "list",
  entries: [{ predicate, then }],
  otherwise,
});
const range = (text: string, then: Tree | undefined, exclusive = false) => ({
  range: parseCidr(text)!,
  exclusive,
  then,
});

test("a negation holds of what is not there, nothing else does", () => {
  const not: Tree = when({ kind: "not", predicate: is("a", "x") }, act("not"));
  expect(evaluate(not, read, {})).toBe("not");
  expect(evaluate(not, read, { a: "x" })).toBeUndefined();
  expect(evaluate(when(is("a", ""), act("empty")), read, {})).toBeUndefined();
});

test("a value that leads nowhere falls back on what its own map says for none", () => {
  const nowhere = when(is("b", "x"), act("inner"));
  const map: Tree = { kind: "exact", input: "a", map: new Map([["x", nowhere]]), otherwise: act("outer") };
  expect(evaluate(map, read, { a: "x", b: "x" })).toBe("inner");
  expect(evaluate(map, read, { a: "x" })).toBe("outer");
  expect(evaluate(map, read, {})).toBe("outer");
  expect(actionsOf(map)).toEqual(["inner", "outer"]);
});

test("the narrowest range first; after it none that is exclusive", () => {
  const nowhere = when(is("b", "x"), act("narrow"));
  const ranges = (exclusive: boolean): Tree => ({
    kind: "ranges",
    input: "ip",
    ranges: [range("10.1.0.0/16", nowhere), range("10.0.0.0/8", act("wide"), exclusive)],
    otherwise: act("none"),
  });
  expect(evaluate(ranges(false), read, { ip: "10.1.2.3", b: "x" })).toBe("narrow");
  expect(evaluate(ranges(false), read, { ip: "10.1.2.3" })).toBe("wide");
  expect(evaluate(ranges(true), read, { ip: "10.1.2.3" })).toBe("none");
  expect(evaluate(ranges(true), read, { ip: "10.2.2.3" })).toBe("wide");
  expect(evaluate(ranges(true), read, { ip: "192.0.2.1" })).toBe("none");
});
