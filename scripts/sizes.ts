// File sizes: small files are what keeps the code readable. Generated code and tests aside.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const MAX_LINES = 600;
const P90_LINES = 320;

const root = dirname(import.meta.dir);
const sizes = ["src", "dashboard/src", "scripts", "bench"]
  .flatMap((folder) => [...new Glob("**/*.{ts,tsx}").scanSync(join(root, folder))].map((file) => join(folder, file)))
  .filter((file) => !file.includes("/gen/") && !file.includes(".test."))
  .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length }))
  .sort((a, b) => a.lines - b.lines);

const at = (share: number) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * share))]?.lines ?? 0;
const faults = sizes
  .filter(({ lines }) => lines > MAX_LINES)
  .map(({ file, lines }) => `${file}: ${lines} lines, at most ${MAX_LINES}`);
if (at(0.9) > P90_LINES)
  faults.push(`nine in ten files should be under ${P90_LINES} lines; the ninth tenth begins at ${at(0.9)}`);
for (const fault of faults) console.error(fault);
console.log(`sizes: ${sizes.length} files, median ${at(0.5)}, p90 ${at(0.9)}, largest ${at(1)} lines`);
process.exit(faults.length === 0 ? 0 : 1);
