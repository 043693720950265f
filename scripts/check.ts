// Everything static: format, lint, types, layers, sizes, generated files. All are run, so that one look shows every fault.

import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const bun = process.execPath;
const bin = (name: string) => join(root, "node_modules", ".bin", name);

const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["format and lint", [bin("biome"), "ci", "--error-on-warnings", "."]],
  ["types", [bin("tsc"), "--project", "tsconfig.json"]],
  ["types of the dashboard", [bin("tsc"), "--project", "dashboard/tsconfig.json", "--noEmit"]],
  ["types of its tests", [bin("tsc"), "--project", "dashboard/tsconfig.test.json", "--noEmit"]],
  ["layers", [bun, "scripts/layers.ts"]],
  ["sizes", [bun, "scripts/sizes.ts"]],
  ["generated files", [bun, "scripts/generate.ts", "--check"]],
  ["docs/xds.md", [bun, "scripts/xds-docs/main.ts", "--check"]],
  ["docs/analyze.md", [bun, "scripts/analyze-docs.ts", "--check"]],
  ["deploy/ and docs/reference", [bun, "scripts/reference.ts", "--check"]],
  ["man pages", [bun, "scripts/man-pages.ts", "--check"]],
];

let failed = 0;
for (const [name, command] of CHECKS) {
  const { exitCode } = Bun.spawnSync([...command], { cwd: root, stdout: "inherit", stderr: "inherit" });
  console.log(`${exitCode === 0 ? "ok  " : "FAIL"} ${name}`);
  if (exitCode !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
