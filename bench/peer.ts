// A proxy, or a pair of them, that is measured: how it is started and what is asked of it afterwards.

import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { Failure } from "../src/base/failure.ts";
import { type Message, PROXY_ENVIRONMENT, type Program } from "./configuration/parts.ts";
import type { Lab } from "./lab.ts";
import type { LoadResult } from "./measurement.ts";
import { heddleCommand } from "./program.ts";
import type { RateResult } from "./rate-load.ts";

export interface RunningPeer {
  readonly name: string;
  /** The proxies that a request passes. */
  readonly proxies: readonly Subprocess[];
  /** Another run of the same program that only shares its pages, where one proxy is all that a case needs. */
  readonly twin: Subprocess | undefined;
  readonly accessLogs: readonly string[];
  /** From the start of each proxy to LIVE. */
  readonly readyMs: readonly number[];
  /** Of the larger proxy, before its first request. */
  readonly idlePrivateBytes: number | undefined;
  load(connections: number, seconds: number): Promise<LoadResult>;
  loadAtRate?(perSecond: number, seconds: number): Promise<RateResult>;
}

export interface StartedProxy {
  readonly child: Subprocess;
  readonly readyMs: number;
}

export interface ProxySpec {
  /** Of the process and its files. */
  readonly name: string;
  readonly command: readonly string[];
  readonly adminPort: number;
  /** File that takes the standard output. */
  readonly output?: string;
  readonly core?: "both";
  /** See StartOptions. */
  readonly descriptors?: number;
}

/** Starts a proxy on the proxies' core and waits until its /ready answers 200. */
export async function startProxy(lab: Lab, spec: ProxySpec): Promise<StartedProxy> {
  const startedAt = performance.now();
  const { core = "proxy", output, descriptors } = spec;
  const options = {
    ...(output === undefined ? {} : { output }),
    ...(descriptors === undefined ? {} : { descriptors }),
  };
  const child = lab.start(spec.name, spec.command, { core, environment: PROXY_ENVIRONMENT, ...options });
  await lab.ready(spec.name, child, `http://127.0.0.1:${spec.adminPort}/ready`);
  return { child, readyMs: performance.now() - startedAt };
}

/** The command of either proxy for a bootstrap, which becomes `<name>.json`. One process or thread unless `concurrency` says otherwise. */
export function bootstrapCommand(
  lab: Lab,
  program: Program,
  name: string,
  message: Message,
  concurrency?: number,
): string[] {
  const file = join(lab.folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(message, null, 1));
  const processes = concurrency === undefined ? [] : ["--concurrency", String(concurrency)];
  if (program === "heddle") return [...heddleCommand(), "proxy", "--drain-time", "100ms", ...processes, "-c", file];
  return [
    lab.program("envoy"),
    "-c",
    file,
    "--concurrency",
    String(concurrency ?? 1),
    "--disable-hot-restart",
    "--log-level",
    "warning",
  ];
}

/** Empties the access logs, so that a fast disk is not filled; gives what they held. The proxies append. */
export function takeLogs(peer: RunningPeer): number[] {
  return peer.accessLogs.map((path) => {
    const { size } = statSync(path);
    truncateSync(path);
    return size;
  });
}

/** @throws Failure when a feature that every peer must have on is off: then the figures would not be comparable. */
export async function proveFeatures(
  name: string,
  port: number,
  path: string,
  features: readonly string[],
): Promise<void> {
  const get = async (target: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${target}`, { keepalive: false });
    return { status: response.status, body: await response.text() };
  };
  const refused = await get("/forbidden");
  if (refused.status !== 403) throw new Failure(`${name}: the access policy is not in force: ${refused.status}`);
  const seen = await get(`${path}/seen`);
  if (seen.status !== 200) throw new Failure(`${name}: ${seen.status} instead of 200: ${seen.body.trim()}`);
  const headers: Readonly<Record<string, string>> = JSON.parse(seen.body);
  for (const feature of features)
    if (!headers[feature]) throw new Failure(`${name}: the application did not get ${feature}`);
}
