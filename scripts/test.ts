// All tests: those beside their source, the traffic suite on both proxies, end to end. Arguments go to `bun test`.

import { dirname } from "node:path";
import { installComponents } from "./components.ts";

const root = dirname(import.meta.dir);
await installComponents();
// A bound on what hangs, and no more: on a busy machine the generated cases of a property take more than Bun's five seconds.
const TIMEOUT_MS = 30_000;

const WHOLE_PROGRAMS = ["test/e2e/", "test/conformance/"] as const;
/**
 * Without arguments: files that share nothing with others run on two processes, as they mostly wait; then those that start whole programs
 * and machines, one after the other.
 */
const LANES: readonly (readonly string[])[] = [
  ["--parallel=2", "--no-isolate", ...WHOLE_PROGRAMS.map((folder) => `--path-ignore-patterns=${folder}**`)],
  WHOLE_PROGRAMS,
];

function run(args: readonly string[]): Promise<number> {
  return Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT_MS}`, ...args], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  }).exited;
}

const asked = process.argv.slice(2);
let exit = 0;
for (const args of asked.length > 0 ? [asked] : LANES) exit = (await run(args)) || exit;
process.exit(exit);
