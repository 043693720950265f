// Goldens of `heddle describe`: documents, then command lines with what the command says.
//
//     <documents>
//     === pod golden-signal-v1 ===
//     <what is said>
//
// UPDATE_GOLDENS=1 writes what comes out. The world of the compiler's goldens is there for every case.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { Failure } from "../base/failure.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type DescribeOutput, define, offlineText } from "./describe.ts";
import { wantedOf } from "./described.ts";
import { styleOf } from "./terminal.ts";

const GOLDENS = join(import.meta.dir, "../../test/golden");
const FOLDER = join(GOLDENS, "describe");
const UPDATE = process.env.UPDATE_GOLDENS === "1";
const RULER = /^=== (?<line>.*) ===$/;
const PLAIN = styleOf({ isTTY: false });
const world = { name: "world.yaml", content: readFileSync(join(GOLDENS, "compile/world.yaml"), "utf8") };

interface Asked {
  readonly kind: string;
  readonly name: string | undefined;
  readonly options: { readonly namespace: string; readonly output: DescribeOutput };
}

function parse(line: string): Asked {
  let asked: Asked | undefined;
  const command = new Command("describe").exitOverride().configureOutput({ outputError: () => {} });
  define(command);
  command.action((kind: string, name: string | undefined, options: Asked["options"]) => {
    asked = { kind, name, options };
  });
  command.parse(line.split(" "), { from: "user" });
  if (!asked) throw new Error(`nothing is asked in ${line}`);
  return asked;
}

/** A failure is something said, too. */
function said(documents: string, line: string): string {
  try {
    const { kind, name, options } = parse(line);
    const files = [world, { name: "case.yaml", content: documents }];
    return offlineText({ files, settings: DEFAULT_SETTINGS }, wantedOf(kind, name), options, PLAIN);
  } catch (thrown) {
    const { message, hint, exit } = Failure.from(thrown);
    return `error (${exit}): ${message}${hint === undefined ? "" : `\ntry: ${hint}`}`;
  }
}

describe("goldens", () => {
  test.each(readdirSync(FOLDER).sort())("%s", (file) => {
    const path = join(FOLDER, file);
    const golden = readFileSync(path, "utf8");
    const lines = golden.split("\n");
    const first = lines.findIndex((line) => RULER.test(line));
    const documents = lines.slice(0, first).join("\n");
    const asked = lines.flatMap((line) => RULER.exec(line)?.groups?.line ?? []);
    const written = [documents, ...asked.map((line) => `=== ${line} ===\n${said(documents, line)}`), ""].join("\n");
    if (UPDATE) writeFileSync(path, written);
    else expect(written).toBe(golden);
  });
});

test("where there is nothing of the kind, no name is offered", () => {
  const given = { files: [], settings: DEFAULT_SETTINGS };
  const options = { namespace: "default", output: "text" } as const;
  const describing = () => offlineText(given, wantedOf("service", "web"), options, PLAIN);
  expect(describing).toThrow(
    expect.objectContaining({ message: "no service web in namespace default", hint: "there are none" }),
  );
});
