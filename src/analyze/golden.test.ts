// One golden a code in test/golden/analyze: objects that have the finding, the same corrected, and everything that is found in the
// first. UPDATE_GOLDENS=1 writes what comes out.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";
import { CODES, type Finding } from "./code.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/analyze");
const CORRECTED = "=== corrected ===\n";
const FINDINGS = "=== findings ===\n";
/** What Heddle does not do yet is none of these goldens' business. */
const NOT_YET = /not supported yet/;
const UPDATE = process.env.UPDATE_GOLDENS === "1";

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".golden"))
  .sort();

function findingsOf(text: string): readonly Finding[] {
  const { objects, diagnostics } = readObjects("case.yaml", text);
  expect(diagnostics).toEqual([]);
  return analyze(objects, DEFAULT_SETTINGS).filter(({ message }) => !NOT_YET.test(message));
}

describe("goldens of analyze", () => {
  for (const file of files)
    test(file.replace(/\.golden$/, "").replaceAll("-", " "), () => {
      const path = join(FOLDER, file);
      const before = readFileSync(path, "utf8");
      const [wrong = "", rest = ""] = before.split(CORRECTED);
      const [right = ""] = rest.split(FINDINGS);
      const code = file.slice(0, file.indexOf("-"));
      const found = findingsOf(wrong);
      expect(found.map((each) => each.code)).toContain(code);
      expect(found.filter((each) => each.code === code).every(({ span, object }) => span && object)).toBe(true);
      expect(findingsOf(right).map((each) => each.code)).not.toContain(code);
      const after = `${wrong}${CORRECTED}${right}${FINDINGS}${found.map(renderDiagnostic).join("\n")}\n`;
      if (UPDATE) writeFileSync(path, after);
      else expect(before).toBe(after);
    });

  test("every code has one, but for that of a defect", () => {
    const covered = new Set(files.map((file) => file.slice(0, file.indexOf("-"))));
    expect(Object.keys(CODES).filter((code) => !covered.has(code))).toEqual(["IST0001"]);
  });
});
