#!/usr/bin/env node
// `npx heddle` from a checkout: the command line on the pinned Bun, installed first when it is missing.
// Plain JavaScript for Node 20, because it runs before anything is installed.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBun, ensureDependencies } from "./bun.mjs";

const bun = ensureBun();
ensureDependencies();
const main = join(dirname(dirname(fileURLToPath(import.meta.url))), "src", "main.ts");
const child = spawn(bun, [main, ...process.argv.slice(2)], { stdio: "inherit" });

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
