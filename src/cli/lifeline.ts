// A process that was started by another one and must not outlive it, not even when that one is killed: it holds the reading end of a
// pipe whose writing end only the starter has, and the kernel closes that when the starter is gone.

import { createReadStream } from "node:fs";

/** Number of the inherited file descriptor. */
export const LIFELINE_VARIABLE = "HEDDLE_LIFELINE_FD";

/** Calls `onCut` once when the starter is gone; does nothing when there is no lifeline. Takes the variable out of the environment. */
export function holdLifeline(onCut: () => void): void {
  const fd = Number(process.env[LIFELINE_VARIABLE]);
  delete process.env[LIFELINE_VARIABLE];
  if (!Number.isInteger(fd) || fd < 3) return;
  const stream = createReadStream("", { fd });
  let cut = false;
  const tell = (): void => {
    if (!cut) onCut();
    cut = true;
  };
  stream.on("data", () => {});
  stream.on("end", tell);
  stream.on("error", tell);
}
