// docs/istio.md says which of Istio's tasks run. What it names must be there, and what is there must be named.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DOCUMENT = join(import.meta.dir, "../../../docs/istio.md");

test("the cases of docs/istio.md are those of the groups", () => {
  const rows = readFileSync(DOCUMENT, "utf8").matchAll(/^\| (\w+) \| [^|]+ \| `([^`]+)` \|$/gm);
  const documented = [...rows].map(([, group, name]) => `${group}: ${name}`);
  const groups = readdirSync(import.meta.dir).filter(
    (file) => file.endsWith(".test.ts") && !file.startsWith("documented"),
  );
  const declared = groups.flatMap((file) => {
    const cases = readFileSync(join(import.meta.dir, file), "utf8").matchAll(
      /^ {2}(?:test|\] as const\))\("([^"]+)"/gm,
    );
    return [...cases].map(([, name]) => `${file.replace(".test.ts", "")}: ${name}`);
  });
  expect(declared.length).toBeGreaterThan(0);
  expect(documented.sort()).toEqual(declared.sort());
});
