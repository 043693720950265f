// The scripts in their shells, with this program behind them. zsh and fish are not on every machine.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { completionScript, SHELLS, type Shell } from "./script.ts";

const MAIN = join(dirname(dirname(import.meta.dir)), "main.ts");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "heddle-completion-"));
  writeFileSync(join(folder, "heddle"), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(join(folder, "heddle"), 0o755);
  for (const shell of SHELLS) writeFileSync(join(folder, shell), completionScript(shell));
  writeFileSync(join(folder, "mesh.yaml"), "");
});

afterAll(() => rmSync(folder, { recursive: true }));

function run(command: readonly string[]): string {
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    HEDDLE_SERVER: "http://127.0.0.1:1",
  };
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { cwd: folder, env });
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.toString()}`);
  return stdout.toString();
}

/** As readline calls it: `=` and `:` are words of their own in COMP_WORDS, which the script does not use. */
function inBash(line: string): readonly string[] {
  const script = `
    . "$1"
    COMP_LINE=$2 COMP_POINT=\${#2}
    _heddle
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return run(["bash", "-c", script, "bash", join(folder, "bash"), line])
    .split("\n")
    .filter(Boolean);
}

describe("bash", () => {
  test.each<[line: string, replies: readonly string[]]>([
    ["heddle anal", ["analyze"]],
    ["heddle completion ", ["bash", "zsh", "fish"]],
    ["heddle get pods --output=ya", ["yaml"]],
    ["heddle --log-level=d", ["debug"]],
    ["heddle get vs ", []],
    ["heddle apply -f me", []],
    ["heddle nosuch ", []],
  ])("%p", (line, replies) => expect(inBash(line)).toEqual([...replies]));
});

describe.skipIf(!Bun.which("fish"))("fish", () => {
  test.each<[line: string, lines: readonly string[]]>([
    ["heddle anal", ["analyze\tfind what is wrong with files, or with the mesh"]],
    ["heddle completion z", ["zsh"]],
    ["heddle get pods --output=ya", ["--output=yaml"]],
    ["heddle apply -f me", ["mesh.yaml"]],
  ])("%p", (line, lines) => {
    const script = `source ${folder}/fish; complete -C '${line}'`;
    const found = run(["fish", "--no-config", "-c", script])
      .split("\n")
      .map((text) => text.trimEnd())
      .filter(Boolean);
    expect(found).toEqual([...lines]);
  });
});

describe.skipIf(!Bun.which("zsh"))("zsh", () => {
  test("the script is loaded, and offers what the program says with its description", () => {
    // _describe is the completion system's, which works in a terminal only: here it prints what it is given.
    const script = `
      compdef() { :; }
      source ${folder}/zsh
      _describe() { print -l "\${(@)candidates}"; }
      _files() { print FILES; }
      words=(heddle anal); CURRENT=2; _heddle
      words=(heddle apply -f ''); CURRENT=4; _heddle`;
    expect(run(["zsh", "-f", "-c", script])).toBe("analyze:find what is wrong with files, or with the mesh\nFILES\n");
  });
});

test.each(SHELLS)("heddle completion %s prints it", (shell: Shell) => {
  expect(run(["heddle", "completion", shell])).toBe(`${completionScript(shell)}\n`);
});
