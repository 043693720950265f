// Programs of the system that do one thing and end: iproute2's, iptables.

import { Failure } from "../base/failure.ts";

const TIMEOUT_MS = 10_000;

/** What a program prints. @throws Failure with its complaint when it fails. */
export function runTool(command: readonly string[], input = ""): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: TIMEOUT_MS,
  });
  if (exitCode === 0) return stdout.toString();
  const complaint = stderr.toString().trim().split("\n")[0] ?? "";
  throw new Failure(`${command.join(" ")} failed: ${complaint || `exit code ${exitCode}`}`, {
    hint: /permitted|denied/i.test(complaint) ? "a container needs CAP_NET_ADMIN and CAP_SYS_ADMIN for this" : "",
  });
}
