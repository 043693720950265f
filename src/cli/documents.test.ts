// What the documents show as a command is one: its name, and each of its options.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { wholeProgram } from "./program.ts";

const ROOT = join(import.meta.dir, "../..");
const FILES = [
  "README.md",
  "examples/golden-signal/README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

/** Lines of indented blocks, and what stands between backquotes. */
function commandsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const lines = [...text.matchAll(/^ {4}(?:[A-Z_]+=\S+ )*(?:npx )?(heddle .*)$/gm)];
  const inText = [...text.replace(/^ {4}.*$/gm, "").matchAll(/`(?:npx )?(heddle [^`]*)`/g)];
  return [...lines, ...inText].map(([, line = ""]) => line.replace(/\s+#.*$/, ""));
}

const program = await wholeProgram();

function below(command: Command, word: string | undefined): Command | undefined {
  return command.commands.find((each) => each.name() === word || (word && each.aliases().includes(word)));
}

/** Undefined: nothing. */
function wrongWith(line: string): string | undefined {
  const words = line
    .split(/ -- | \| | > /)[0]!
    .match(/'[^']*'|"[^"]*"|\S+/g)!
    .slice(1);
  if (words[0]!.startsWith("-")) return options(program, words);
  if (words[0] === "proxy") return undefined; // reads its arguments itself (cli/proxy.ts)
  let command = below(program, words.shift());
  if (!command) return "no such command";
  for (let next = below(command, words[0]); next; next = below(command, words[0])) {
    command = next;
    words.shift();
  }
  return options(command, words);
}

function options(command: Command, words: readonly string[]): string | undefined {
  for (const word of words.filter((each) => /^--?[A-Za-z]/.test(each))) {
    const name = word.split("=")[0]!;
    const known = [...command.options, ...program.options, command.createHelp().visibleOptions(command)].flat();
    if (!known.some(({ short, long }) => name === short || name === long)) return `no option ${name}`;
  }
  return undefined;
}

const shown = FILES.flatMap((file) => commandsOf(file).map((line) => ({ file, line })));

test("commands are found", () => {
  expect(shown.length).toBeGreaterThan(60);
});

test("each command of the documents is one, with options that it has", () => {
  const wrong = shown.flatMap(({ file, line }) => {
    const problem = wrongWith(line);
    return problem === undefined ? [] : [`${file}: ${line}: ${problem}`];
  });
  expect(wrong).toEqual([]);
});
