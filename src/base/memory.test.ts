import { expect, test } from "bun:test";
import { join } from "node:path";

test("what is compiled outlives the first memory that is given back", () => {
  const { stderr } = Bun.spawnSync([process.execPath, join(import.meta.dir, "memory-fixture.ts")], {
    env: { ...process.env, BUN_JSC_useConcurrentJIT: "0", BUN_JSC_reportDFGCompileTimes: "1" },
  });
  const [before = "", after] = stderr.toString().split("freed\n");
  expect(before).toContain("Optimized look#");
  expect(after).toBeDefined();
  expect(after).not.toContain("Optimized look#");
});
