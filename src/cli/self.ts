// How this program starts itself again: from a checkout it is Bun with a script, compiled it is one file.

import { dirname, join } from "node:path";

/** Bun keeps the modules of a compiled program under this path. */
const isCompiled = Bun.main.startsWith("/$bunfs/") || Bun.main.startsWith("B:/~BUN/");

/** The checkout that this program runs from; undefined when it is compiled. */
export const checkout: string | undefined = isCompiled ? undefined : dirname(dirname(import.meta.dir));

/** The command of this program, to which its arguments are appended. */
export function selfCommand(): readonly string[] {
  return checkout === undefined ? [process.execPath] : [process.execPath, join(checkout, "src", "main.ts")];
}
