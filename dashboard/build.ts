// Builds the dashboard when a source is newer than the last build: a second once, nothing afterwards.

import { existsSync, globSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dir;
const dist = join(folder, "dist");

function isFresh(): boolean {
  const built = join(dist, "index.html");
  if (!existsSync(built)) return false;
  const at = statSync(built).mtimeMs;
  const sources = ["src/**/*.{ts,tsx,css}", "public/*", "*.{html,json,ts}", "../src/admin/api.ts"];
  return globSync(sources, { cwd: folder }).every((file) => statSync(join(folder, file)).mtimeMs <= at);
}

/** Path of the built files. Throws with Vite's words when they cannot be built. */
export async function buildDashboard(): Promise<string> {
  if (isFresh()) return dist;
  // Built aside and moved, so that a server that reads meanwhile finds the old files or the new ones.
  const aside = join(folder, "node_modules", `.dist-${process.pid}`);
  const child = Bun.spawn([process.execPath, "x", "vite", "build", "--outDir", aside, "--logLevel", "warn"], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code !== 0) throw new Error(`the dashboard does not build:\n${output}${errors}`);
  rmSync(dist, { recursive: true, force: true });
  renameSync(aside, dist);
  return dist;
}

if (import.meta.main) await buildDashboard();
