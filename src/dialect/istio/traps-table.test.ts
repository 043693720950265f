// docs/traps.md names a test for each trap: it must be there.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../../..");
const TRAPS = 39;

interface Row {
  readonly number: number;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

function rows(): readonly Row[] {
  const [table = ""] = readFileSync(join(ROOT, "docs/traps.md"), "utf8").split("\n## ");
  return [...table.matchAll(/^\| (\d+) \|[^|]*\| (.*) \|$/gm)].map(([, number, cell = ""]) => ({
    number: Number(number),
    tests: cell.split("<br>").flatMap((part) => {
      const file = /^`([^`]+)`/.exec(part)?.[1] ?? "";
      return [...part.matchAll(/“([^”]+)”/g)].map(([, title = ""]) => ({ file, title }));
    }),
  }));
}

test("each of the traps has a row, and each test of it exists", () => {
  const found = rows();
  expect(found.map(({ number }) => number)).toEqual(Array.from({ length: TRAPS }, (_, i) => i + 1));
  const missing = found.flatMap(({ number, tests }) =>
    tests
      .filter(({ file, title }) => !readFileSync(join(ROOT, file), "utf8").includes(`test("${title}"`))
      .map(({ file, title }) => `${number}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
  // What has none says why.
  expect(found.filter(({ tests }) => tests.length === 0).map(({ number }) => number)).toEqual([39]);
});
