// Writes man/heddle*.1 from the command line's own description of itself. `--check` compares instead.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { wholeProgram } from "../src/cli/program.ts";
import { manualPage, pageName } from "./man-page.ts";

const FOLDER = join(dirname(import.meta.dir), "man");

function commandsBelow(command: Command): readonly Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== "help")
    .flatMap((one) => [one, ...commandsBelow(one)]);
}

const program = await wholeProgram();
const pages: ReadonlyMap<string, string> = new Map(
  [program, ...commandsBelow(program)].map((command) => [`${pageName(command)}.1`, manualPage(command)] as const),
);

const present = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
const surplus = present.filter((file) => !pages.has(file));
if (process.argv.includes("--check")) {
  const stale = [...pages].filter(
    ([file, text]) => !present.includes(file) || readFileSync(join(FOLDER, file), "utf8") !== text,
  );
  const wrong = [...stale.map(([file]) => file), ...surplus];
  if (wrong.length > 0) {
    console.error(`not what the command line says: ${wrong.map((file) => `man/${file}`).join(", ")}: npm run generate`);
    process.exit(1);
  }
} else {
  mkdirSync(FOLDER, { recursive: true });
  for (const [file, text] of pages) writeFileSync(join(FOLDER, file), text);
  for (const file of surplus) rmSync(join(FOLDER, file));
}
