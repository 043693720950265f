// The programs that capture stands on, and what is asked of a machine before the first of them is run.

import { Failure } from "../base/failure.ts";

/** Where distributions keep programs of the administrator; an ordinary PATH leaves them out. */
const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
const TIMEOUT_MS = 10_000;

const PACKAGES = { ip: "iproute2", "iptables-restore": "iptables", setpriv: "util-linux" } as const;
export type Tool = keyof typeof PACKAGES;
export type Tools = Readonly<Record<Tool, string>>;

/** @throws Failure where connections cannot be captured, saying which ways into the mesh work instead. */
export function captureTools(): Tools {
  const instead = "without --capture a program reaches the mesh by http_proxy, which is set for it, and by --upstream";
  if (process.platform !== "linux")
    throw new Failure("--capture redirects connections with Linux's packet filter, which this system does not have", {
      hint: instead,
    });
  if (process.geteuid?.() !== 0) throw new Failure("--capture needs root", { hint: `use sudo; ${instead}` });
  const found = Object.keys(PACKAGES).map((tool) => [tool, Bun.which(tool, { PATH })] as const);
  const missing = found.filter(([, path]) => path === null).map(([tool]) => tool as Tool);
  if (missing.length > 0)
    throw new Failure(`--capture needs ${missing.join(", ")}, which is not installed`, {
      hint: `install the packages ${missing.map((tool) => PACKAGES[tool]).join(" ")}; ${instead}`,
    });
  return Object.fromEntries(found) as Tools;
}

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
