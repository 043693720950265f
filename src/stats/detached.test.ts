import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { detached } from "./detached.ts";

test("a detached string does not keep the text alive that it was cut from", () => {
  const remembered: string[] = [];
  Bun.gc(true);
  const before = heapStats().heapSize;
  for (let i = 0; i < 20; i++) {
    const exposition = Buffer.alloc(1_000_000, 65 + i).toString("latin1");
    remembered.push(detached(exposition.slice(1_000, 1_800)));
  }
  Bun.gc(true);
  // As slices they hold 20 MB.
  expect(heapStats().heapSize - before).toBeLessThan(5e6);
  expect(remembered.every((text) => text.length === 800)).toBe(true);
});
