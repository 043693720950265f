// Files of YAML, right ones with bytes changed and plain noise: read into a mesh or told what is wrong, never thrown over, never hung, and
// the same for the same bytes.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { renderDiagnostic } from "../../src/base/diagnostic.ts";
import { loadMesh } from "../../src/dialect/load.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { runs, timeLimitMs } from "./effort.ts";

const EXAMPLES = join(import.meta.dir, "../../examples/golden-signal");
const files = readdirSync(EXAMPLES)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => readFileSync(join(EXAMPLES, name), "latin1"));

const piece = fc.constantFrom(
  ..."\n\t :-?#&*!|>'\"%@`{}[],\\",
  "\0",
  "\r\n",
  "---\n",
  "...\n",
  "&a ",
  "*a",
  "<<: ",
  "!!binary ",
  "? ",
  "- - - ",
  "[[[[[[[[",
  "{a: {b: ",
  "é",
  "\xff\xfe",
  "1e999",
  "0x",
  "null",
  "metadata:",
  "  name: x\n",
);
const changed = fc
  .tuple(
    fc.constantFrom(...files),
    fc.array(fc.tuple(fc.nat(), fc.nat(8), fc.option(piece)), { minLength: 1, maxLength: 6 }),
  )
  .map(([text, changes]) => {
    let result = text;
    for (const [place, removed, inserted] of changes) {
      const at = place % (result.length + 1);
      result = result.slice(0, at) + (inserted ?? "") + result.slice(at + removed);
    }
    return result;
  });
const noise = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
const bytes = fc.uint8Array({ maxLength: 200 }).map((content) => Buffer.from(content).toString("latin1"));

test(
  "any bytes are a mesh or findings",
  () => {
    const content = fc.oneof(
      { weight: 6, arbitrary: changed },
      { weight: 2, arbitrary: noise },
      { weight: 1, arbitrary: bytes },
    );
    fc.assert(
      fc.property(content, (text) => {
        const file = { name: "a.yaml", content: Buffer.from(text, "latin1") };
        const once = loadMesh([file], DEFAULT_SETTINGS);
        for (const diagnostic of once.diagnostics) expect(renderDiagnostic(diagnostic)).toContain("a.yaml");
        const again = loadMesh([file], DEFAULT_SETTINGS);
        expect(again.diagnostics).toEqual(once.diagnostics);
        expect(again.parts).toEqual(once.parts);
      }),
      { numRuns: runs(400) },
    );
  },
  timeLimitMs(20_000),
);
