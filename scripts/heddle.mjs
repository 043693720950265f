#!/usr/bin/env node
// `npx heddle` from a checkout: the command line on the pinned Bun, installed first when it is missing.
// Plain JavaScript for Node 20, because it runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBun, ensureDependencies } from "./bun.mjs";

const bun = ensureBun();
ensureDependencies();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
// The compiled program has the dashboard in it; a checkout makes it for who shows it: a second once, nothing afterwards. Without it the
// page says how to.
if (args[0] === "up") spawnSync(bun, [join(root, "dashboard", "build.ts")], { stdio: ["ignore", "ignore", "inherit"] });
const child = spawn(bun, [join(root, "src", "main.ts"), ...args], { stdio: "inherit" });

// A terminal's Ctrl-C reaches both processes, a kill only this one: it is handed on, and the end is the child's.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]) {
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal !== "SIGINT") child.kill(signal);
  });
}
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else process.exit(code ?? 1);
});
