import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Lab } from "./lab.ts";

const SCHED_OTHER = 0;
const SCHED_IDLE = 5;

/** proc(5): field 41 of each thread's stat, the scheduling policy. */
function policies(): Set<number> {
  return new Set(
    readdirSync("/proc/self/task").map((thread) => {
      const text = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
      return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[38]);
    }),
  );
}

test.skipIf(process.getuid?.() !== 0)(
  "who stands back has what others leave, with every thread, until it is done",
  async () => {
    const lab = new Lab();
    try {
      expect(await lab.standBack(async () => policies())).toEqual(new Set([SCHED_IDLE]));
      expect(policies()).toEqual(new Set([SCHED_OTHER]));
      const failing = lab.standBack(() => Promise.reject(new Error("refused")));
      await expect(failing).rejects.toThrow("refused");
      expect(policies()).toEqual(new Set([SCHED_OTHER]));
    } finally {
      lab.close();
    }
  },
);
