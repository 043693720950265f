import { expect, test } from "bun:test";
import { detached } from "./detached.ts";

test("a detached string does not keep the text alive that it was cut from", () => {
  const remembered: string[] = [];
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 400; i++) {
    const exposition = Buffer.alloc(1_000_000, 65 + (i % 20)).toString("latin1");
    remembered.push(detached(exposition.slice(1_000, 1_800)));
    if (i % 20 === 0) Bun.gc(true);
  }
  Bun.gc(true);
  // As slices they hold 400 MB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
  expect(remembered.every((text) => text.length === 800)).toBe(true);
});
