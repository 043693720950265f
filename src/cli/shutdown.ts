// When a command that stays is to end: Ctrl-C, SIGTERM, or the end of whoever started it.

import { holdLifeline } from "./lifeline.ts";

/** Resolves at the first request to end. The second one does not wait any more. */
export function untilAskedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (exitCode: number) => (): void => {
      if (asked) process.exit(exitCode);
      asked = true;
      resolve();
    };
    process.on("SIGINT", ask(130));
    process.on("SIGTERM", ask(143));
    process.on("SIGHUP", ask(129));
    holdLifeline(ask(1));
  });
}
