// Goldens of `heddle explain`: documents, then command lines with what the command says.
//
//     <documents>
//     === --from default/client http://golden-signal/ ===
//     <what is said>
//
// UPDATE_GOLDENS=1 writes what comes out. The world of the compiler's goldens is there for every case; `# claims: {…}` is the file of --jwt, and
// `# settings: {…}` is laid over the mesh's.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { Failure } from "../base/failure.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { type Asked, answer, define } from "./explain.ts";
import { styleOf } from "./terminal.ts";

const GOLDENS = join(import.meta.dir, "../../test/golden");
const FOLDER = join(GOLDENS, "explain");
const UPDATE = process.env.UPDATE_GOLDENS === "1";
const RULER = /^=== (?<line>.*) ===$/;
const PLAIN = styleOf({ isTTY: false });
const world = { name: "world.yaml", content: readFileSync(join(GOLDENS, "compile/world.yaml"), "utf8") };

interface Asking extends Asked {
  readonly jwt?: string;
}

/** Words of a command line; what is in single quotes is one. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

function parse(line: string): { readonly url: string; readonly options: Asking } {
  let asked: { url: string; options: Asking } | undefined;
  const command = new Command("explain").exitOverride().configureOutput({ outputError: () => {} });
  define(command);
  command.action((url: string, options: Asking) => {
    asked = { url, options };
  });
  command.parse([...wordsOf(line), "-f", "case.yaml"], { from: "user" });
  if (!asked) throw new Error(`no URL in ${line}`);
  return asked;
}

function directive(documents: string, key: "claims" | "settings"): object | undefined {
  const value = new RegExp(`^# ${key}: (\\{.*\\})$`, "m").exec(documents)?.[1];
  return value === undefined ? undefined : (JSON.parse(value) as object);
}

/** A failure is something said, too. */
function said(documents: string, line: string): string {
  const { url, options } = parse(line);
  const claims = directive(documents, "claims");
  const given = {
    files: [world, { name: "case.yaml", content: documents }],
    claims:
      options.jwt !== undefined && claims !== undefined
        ? { name: options.jwt, content: JSON.stringify(claims) }
        : undefined,
    settings: { ...DEFAULT_SETTINGS, ...directive(documents, "settings") },
  };
  try {
    return answer(given, url, options, PLAIN);
  } catch (thrown) {
    if (thrown instanceof Failure) return `error ${thrown.exit}: ${thrown.message}\n  try: ${thrown.hint ?? "-"}`;
    throw thrown;
  }
}

describe("goldens of explain", () => {
  for (const file of readdirSync(FOLDER).sort()) {
    test(file.replace(/\.golden$/, "").replaceAll("-", " "), () => {
      const path = join(FOLDER, file);
      const text = readFileSync(path, "utf8");
      const lines = text.split("\n");
      const rulers = lines.filter((line) => RULER.test(line));
      expect(rulers.length).toBeGreaterThan(0);
      const documents = `${lines.slice(0, lines.indexOf(rulers[0] ?? "")).join("\n")}\n`;
      const after = rulers.map((ruler) => `${ruler}\n${said(documents, RULER.exec(ruler)?.groups?.line ?? "")}\n`);
      if (UPDATE) writeFileSync(path, documents + after.join(""));
      else expect(text).toBe(documents + after.join(""));
    });
  }
});
