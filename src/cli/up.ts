// `heddle up`: the control plane in this terminal, until a signal.

import { statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { formatDuration } from "../base/duration.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { DEFAULT_KEEPALIVE } from "../grpc/listen.ts";
import type { AccessLog } from "../model/access-log.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../model/settings.ts";
import { stateOption } from "./api-client.ts";
import { DEFAULT_PORTS, type RunningControlPlane, startControlPlane } from "./control-plane.ts";
import { controlPlaneIdentity } from "./control-plane-identity.ts";
import { FindingsLog } from "./findings-log.ts";
import { meshConfigOption, settingsOfFile } from "./mesh-settings.ts";
import { checkout } from "./self.ts";
import { untilAskedToEnd } from "./shutdown.ts";
import { type ControlPlaneNote, removeNote, stateFolder, writeNote } from "./state-folder.ts";
import { print, type Style, styleOf } from "./terminal.ts";
import { trustDomainName } from "./trust-domain.ts";
import { duration, port } from "./values.ts";
import { VERSION } from "./version.ts";

interface UpOptions {
  readonly state?: string;
  readonly config?: string;
  readonly host: string;
  readonly apiPort: number;
  readonly discoveryPort: number;
  readonly metricsPort: number;
  readonly dashboardPort: number;
  readonly trustDomain?: string;
  readonly meshConfig?: string;
  readonly certTtl: number;
  readonly keepaliveInterval: number;
  readonly keepaliveTimeout: number;
  readonly accessLog?: "text" | "json" | "off";
  readonly output: "text" | "json";
}

/** A day, as Istio and Linkerd. */
const DEFAULT_TTL_MS = 86_400_000;
/** Shorter, and a certificate would be renewed more often than a proxy can be told. */
const MIN_TTL_MS = 10_000;

/** Shorter, and a busy peer would be taken for a dead one. */
const MIN_KEEPALIVE_MS = 1_000;

function portOption(flag: string, what: string, standard: number): Option {
  return new Option(`${flag} <port>`, `${what}, 0 for a free one`).argParser(port(flag, "free")).default(standard);
}

export function define(command: Command): void {
  command
    .addOption(stateOption())
    .option("--config <folder>", "folder of YAML files, watched, besides what is applied")
    .option(
      "--host <address>",
      "address of the discovery port, by which other machines come; all others are loopback",
      "127.0.0.1",
    )
    .addOption(portOption("--api-port", "Kubernetes API", DEFAULT_PORTS.api))
    .addOption(portOption("--discovery-port", "discovery, certificates and registration, TLS", DEFAULT_PORTS.secure))
    .addOption(portOption("--metrics-port", "metrics of the control plane", DEFAULT_PORTS.metrics))
    .addOption(portOption("--dashboard-port", "dashboard and its API", DEFAULT_PORTS.dashboard))
    .addOption(
      new Option(
        "--trust-domain <name>",
        `first part of every identity (default: ${DEFAULT_SETTINGS.trustDomain})`,
      ).argParser(trustDomainName("--trust-domain")),
    )
    .addOption(
      new Option("--cert-ttl <duration>", "lifetime of workload certificates")
        .argParser(duration("--cert-ttl", MIN_TTL_MS))
        .default(DEFAULT_TTL_MS, "24h"),
    )
    .addOption(
      new Option("--keepalive-interval <duration>", "between PINGs to proxies and agents")
        .argParser(duration("--keepalive-interval", MIN_KEEPALIVE_MS))
        .default(DEFAULT_KEEPALIVE.keepaliveIntervalMs, "30s"),
    )
    .addOption(
      new Option("--keepalive-timeout <duration>", "silence after a PING that ends the connection")
        .argParser(duration("--keepalive-timeout", MIN_KEEPALIVE_MS))
        .default(DEFAULT_KEEPALIVE.keepaliveTimeoutMs, "10s"),
    )
    .addOption(meshConfigOption())
    .addOption(new Option("--access-log <form>", "of every proxy (default: text)").choices(["text", "json", "off"]))
    .addOption(
      new Option("-o, --output <form>", "of what is said once it runs").choices(["text", "json"]).default("text"),
    )
    .action((options: UpOptions) => up(options));
}

/** What the command line says counts, then the file, then what is usual. */
function settingsOf(options: UpOptions): MeshSettings {
  const { trustDomain = DEFAULT_SETTINGS.trustDomain, accessLog, meshConfig } = options;
  const usual = { ...DEFAULT_SETTINGS, trustDomain };
  const said =
    meshConfig === undefined
      ? usual
      : settingsOfFile(meshConfig, usual, options.trustDomain === undefined ? "open" : "made", "warnings");
  return accessLog === undefined ? said : { ...said, accessLog: accessLogOf(accessLog) };
}

function accessLogOf(form: "text" | "json" | "off"): AccessLog {
  return form === "off" ? { kind: "off" } : { kind: form, path: "/dev/stdout" };
}

async function up(options: UpOptions): Promise<void> {
  const state = stateFolder(options.state);
  const settings = settingsOf(options);
  if (options.config !== undefined) requireFolder(options.config);
  const end = untilAskedToEnd();
  const findings = new FindingsLog(styleOf(process.stderr));
  const running = await startControlPlane({
    state,
    version: VERSION,
    host: options.host,
    ports: {
      api: options.apiPort,
      secure: options.discoveryPort,
      metrics: options.metricsPort,
      dashboard: options.dashboardPort,
    },
    settings,
    config: options.config,
    certificateTtlMs: options.certTtl,
    keepalive: { keepaliveIntervalMs: options.keepaliveInterval, keepaliveTimeoutMs: options.keepaliveTimeout },
    dashboard: join(checkout ?? "", "dashboard", "dist"),
    onCompiled: (compilation) => findings.show(compilation),
  });
  const note = noteOf(options, settings, running);
  writeNote(state, note);
  await print(options.output === "json" ? JSON.stringify(note) : greeting(note, state, styleOf(process.stdout)));
  await end;
  removeNote(state);
  await running.stop();
}

/** Before a store and an authority are made for a control plane that cannot start. */
function requireFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  throw new Failure(`--config ${path}: ${found ? "it is no folder" : "there is no such folder"}`, {
    hint: "--config names a folder of YAML files",
    exit: EXIT.data,
  });
}

function noteOf(
  { host, meshConfig, config, certTtl }: UpOptions,
  { trustDomain }: MeshSettings,
  { ports, roots }: RunningControlPlane,
): ControlPlaneNote {
  return {
    pid: process.pid,
    version: VERSION,
    trustDomain,
    ...(meshConfig === undefined ? {} : { meshConfig: resolve(meshConfig) }),
    ...(config === undefined ? {} : { config: resolve(config) }),
    clusterId: DEFAULT_SETTINGS.cluster,
    identity: controlPlaneIdentity(trustDomain).uri,
    api: `http://127.0.0.1:${ports.api}`,
    dashboard: `http://127.0.0.1:${ports.dashboard}`,
    metrics: `http://127.0.0.1:${ports.metrics}/metrics`,
    discovery: { host: reachableAddress(host), port: ports.secure },
    certificateTtlMs: certTtl,
    roots,
  };
}

/** Of all addresses, one by which other machines reach this one. */
function reachableAddress(host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return host;
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid);
  const found = external.find(({ family }) => family === "IPv4") ?? external[0];
  return found?.address ?? "127.0.0.1";
}

function greeting(note: ControlPlaneNote, state: string, style: Style): string {
  const { host, port: discoveryPort } = note.discovery;
  return [
    `${style.bold(`Heddle ${note.version}`)} is up: trust domain ${note.trustDomain}, certificates for ${formatDuration(note.certificateTtlMs)}`,
    `  dashboard   ${style.cyan(note.dashboard)}`,
    `  API         ${style.cyan(note.api)}   (kubectl --server ${note.api})`,
    `  metrics     ${style.cyan(note.metrics)}`,
    `  discovery   ${host}:${discoveryPort}`,
    `  state       ${state}`,
    style.dim("Ctrl-C ends it; proxies keep the configuration that they have."),
  ].join("\n");
}
