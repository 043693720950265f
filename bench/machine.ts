// What the figures were measured on and with: without it they cannot be compared.

import { cpus, release, totalmem } from "node:os";
import type { ComponentName } from "../scripts/components.ts";
import { VERSION } from "../src/cli/version.ts";
import type { Lab } from "./lab.ts";
import type { Noise } from "./noise.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly date: string;
  readonly noise: Noise;
}

export function describeMachine(noise: Noise): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
    date: new Date().toISOString(),
    noise,
  };
}

const VERSION_FLAG: Partial<Record<ComponentName, string>> = {
  nginx: "-v",
  haproxy: "-v",
  wrk: "-v",
  openssl: "version",
};

/** "1.40.0" of whatever a program prints about itself. */
export function findVersion(output: string): string {
  return /\d+\.\d+(?:\.\d+)?(?:-\d+)?/.exec(output.replace(/\b[0-9a-f]{40}\//, ""))?.[0] ?? "unknown";
}

export function versions(lab: Lab, components: readonly ComponentName[]): Record<string, string> {
  const found: Record<string, string> = { heddle: VERSION, bun: Bun.version };
  for (const name of components) {
    const command = [lab.program(name), VERSION_FLAG[name] ?? "--version"];
    const { stdout, stderr } = Bun.spawnSync(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    found[name] = findVersion(`${stdout}${stderr}`);
  }
  return found;
}
