import { expect, test } from "bun:test";
import { Memo } from "./memo.ts";

test("equal content is not made again, and the newer objects take the older ones' place", () => {
  const memo = new Memo();
  const make = () => ({});
  const first = memo.get("a", [{ weight: 1, labels: { app: "x" } }], make);
  expect(memo.get("a", [{ labels: { app: "x" }, weight: 1 }], make)).toBe(first);
  expect(memo.get("a", [{ weight: 2, labels: { app: "x" } }], make)).not.toBe(first);
  expect(memo.made).toBe(2);
});

test("what a compilation did not ask for is forgotten by the one after", () => {
  const memo = new Memo();
  memo.get("a", [1], () => "a");
  memo.nextGeneration();
  memo.get("b", [1], () => "b");
  memo.nextGeneration();
  expect(memo.get("b", [1], () => "made again")).toBe("b");
  expect(memo.get("a", [1], () => "made again")).toBe("made again");
});
