// `heddle bench`: the measurements of bench/, which need the checkout that they are in.

import { join } from "node:path";
import type { Command } from "commander";
import { Failure } from "../base/failure.ts";
import { checkout } from "./self.ts";

export function define(command: Command): void {
  command
    .argument("[arguments...]", "hop, mesh, tcp-1m; --json")
    .allowUnknownOption()
    .action((args: readonly string[]) => bench(args));
}

async function bench(args: readonly string[]): Promise<void> {
  if (checkout === undefined) {
    throw new Failure("bench runs from a checkout only: it measures the sources beside nginx, HAProxy and Envoy", {
      hint: "npm run bench -- mesh, in a checkout",
    });
  }
  const child = Bun.spawn([process.execPath, join(checkout, "bench", "main.ts"), ...args], {
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exitCode = await child.exited;
}
