// `heddle up` writes gigabytes of TLS to its proxies, and glibc takes its tunables at the start of a process alone: the process begins anew
// with them, under the same id and with the same terminal, before anything of the control plane is loaded.

import { COPY_BY_LOOP } from "../base/copy-by-loop.ts";
import { LIFELINE_VARIABLE } from "./lifeline.ts";
import { selfCommand } from "./self.ts";

/** Returns where there is nothing to gain, or a descriptor to lose. Who set tunables keeps them. */
export function copyByLoop(): void {
  const { GLIBC_TUNABLES: own, [LIFELINE_VARIABLE]: lifeline } = process.env;
  // Bun closes all but the standard streams on the way.
  if (own !== undefined || lifeline !== undefined) return;
  if (process.platform !== "linux" || process.arch !== "x64") return;
  const [program = process.execPath, ...script] = selfCommand();
  const command = [program, ...process.execArgv, ...script, ...process.argv.slice(2)];
  process.execve?.(program, command, { ...process.env, ...COPY_BY_LOOP });
}
