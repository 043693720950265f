// Runs a TypeScript file of this checkout on the pinned Bun, installing Bun and the dependencies when they are missing.
// Plain JavaScript for Node 20, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.bun;
const bun = join(root, ".tools", "node_modules", "bun", "bin", "bun.exe");

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", cwd: root, ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** The Bun of package.json's `engines`, installed by npm into .tools/ so that nothing outside the checkout changes. */
export function ensureBun() {
  const manifest = join(root, ".tools", "node_modules", "bun", "package.json");
  if (existsSync(bun) && JSON.parse(readFileSync(manifest, "utf8")).version === version) return bun;
  console.error(`heddle: installing bun ${version} into .tools/`);
  // npm 11 refuses a dependency's install script unless it is allowed, in words that npm 10 does not know: it is run by hand instead.
  const prefix = join(root, ".tools");
  mkdirSync(prefix, { recursive: true });
  run("npm", ["install", "--prefix", prefix, "--no-save", "--loglevel=error", "--ignore-scripts", `bun@${version}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  run(process.execPath, [join(dirname(manifest), "install.js")]);
  return bun;
}

/** node_modules as bun.lock says; a stamp newer than the lock file means that there is nothing to do. */
export function ensureDependencies() {
  const stamp = join(root, "node_modules", ".heddle-installed");
  const lock = join(root, "bun.lock");
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error("heddle: installing dependencies");
  run(ensureBun(), ["install", "--frozen-lockfile", "--silent"]);
  writeFileSync(stamp, "");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureBun();
  ensureDependencies();
  process.on("SIGINT", () => {}); // a terminal's Ctrl-C goes to the child, too, and the end is the child's
  const { status, signal } = spawnSync(bun, process.argv.slice(2), { stdio: "inherit" });
  process.exit(signal ? 1 : (status ?? 1));
}
