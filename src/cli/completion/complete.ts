// `heddle __complete WORD…`: the answer to a shell's script.

import { keepLoopbackDirect } from "../loopback.ts";
import { programFor } from "../program.ts";
import { print } from "../terminal.ts";
import { candidatesFor } from "./candidates.ts";
import { liveNames } from "./live-names.ts";
import { FILES } from "./script.ts";

/** `words`: what stands after the program's name up to the cursor, the last of them unfinished. */
export async function printCandidates(words: readonly string[]): Promise<void> {
  keepLoopbackDirect();
  const program = await programFor(words.slice(0, -1));
  const found = await candidatesFor(program, words, (server = process.env.HEDDLE_SERVER, state) =>
    liveNames({ ...(server ? { server } : {}), ...(state ? { state } : {}) }),
  );
  if (found.kind === "files") return print(FILES);
  if (found.words.length > 0) await print(found.words.map(({ word, about }) => `${word}\t${about}`).join("\n"));
}
