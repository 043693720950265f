// Which Heddle is measured: the compiled file, as it is shipped, of the sources as they are now.

import { dirname, join } from "node:path";
import { Failure } from "../src/base/failure.ts";

const root = dirname(import.meta.dir);
const COMPILED = join(root, "dist", "heddle");

/** Another build, as a path with arguments: two versions can be compared. */
function another(): readonly string[] | undefined {
  const command = process.env.HEDDLE_BENCH_PROGRAM;
  return command ? command.split(" ") : undefined;
}

export function heddleCommand(): readonly string[] {
  return another() ?? [COMPILED];
}

/** Takes 2 to 3 s. @throws Failure when the sources cannot be compiled. */
export function buildHeddle(): void {
  if (another()) return;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, join(root, "scripts", "build.ts")], { cwd: root });
  if (exitCode !== 0) throw new Failure(`Heddle could not be compiled: ${stderr.toString().trim()}`);
}
