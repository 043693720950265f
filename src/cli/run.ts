// `heddle run … -- command`: a program, with a sidecar beside it and a place in the mesh, for as long as it runs.

import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { instanceName, runSidecar } from "../agent/run.ts";
import type { ProxyKind, Workload } from "../agent/sidecar.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { type ApiOptions, apiOptions, namespaceOption, openApi } from "./api-client.ts";
import { applicationEnvironment, untilListening } from "./application.ts";
import { type Access, accessControlPlane } from "./control-plane-access.ts";
import { type ApplicationProtocol, labelsOf, type PodPlan, PROTOCOLS } from "./pod.ts";
import { proxyCommand } from "./proxy-command.ts";
import { Registration } from "./registration.ts";
import { choosePorts, portBook, type WantedPorts } from "./sidecar-ports.ts";
import { SignalRelay } from "./signal-relay.ts";
import { stateFolder, statePaths } from "./state-folder.ts";
import { duration, type HostPort, hostPort, name, port, required, type UpstreamOption, upstream } from "./values.ts";
import { VERSION } from "./version.ts";

interface RunOptions extends ApiOptions {
  readonly name?: string;
  readonly version: string;
  readonly namespace: string;
  readonly serviceAccount?: string;
  readonly port?: number;
  readonly servicePort: number;
  readonly protocol: ApplicationProtocol;
  readonly upstream?: readonly UpstreamOption[];
  readonly proxy: ProxyKind;
  readonly address: string;
  readonly metricsPath?: string;
  readonly drainTime: number;
  readonly token?: string;
  readonly controlPlane?: HostPort;
  readonly adminPort?: number;
  readonly inboundPort?: number;
  readonly meshPort?: number;
  readonly statusPort?: number;
  readonly forwardProxyPort?: number;
}

/** Beyond the proxy's own drain time, before it is made to end. */
const GRACE_MS = 1_000;
/** Paths of Unix sockets have 107 bytes (unix(7)). */
const MAX_SOCKET_PATH = 100;

function portOption(flag: string, what: string): Option {
  return new Option(`${flag} <port>`, `${what}, 0 for any free one`).argParser(port(flag, "free"));
}

export function define(command: Command): void {
  command
    .argument("<command...>", "the program and its arguments, after --")
    .option("--name <name>", "of the service that the program is an instance of", name("--name"))
    .option("--version <version>", "label that subsets choose it by", "v1")
    .addOption(namespaceOption())
    .option("--service-account <name>", "its identity in the mesh (default: the name)", name("--service-account"))
    .addOption(
      new Option("--port <port>", "where the program listens, on loopback; it is given it as PORT").argParser(
        port("--port"),
      ),
    )
    .addOption(
      new Option("--service-port <port>", "under which others call it").argParser(port("--service-port")).default(80),
    )
    .addOption(new Option("--protocol <protocol>", "that it speaks").choices(PROTOCOLS).default("http"))
    .addOption(
      new Option("--upstream <port=host:port>", "a local port that leads to a service; may be repeated").argParser(
        upstream("--upstream"),
      ),
    )
    .addOption(new Option("--proxy <kind>", "what stands beside it").choices(["heddle", "envoy"]).default("heddle"))
    .option("--address <ip>", "by which its peers reach it", "127.0.0.1")
    .option("--metrics-path <path>", "where it serves metrics, which are then merged with the sidecar's")
    .addOption(
      new Option("--drain-time <duration>", "for what is under way at the end")
        .argParser(duration("--drain-time", 0))
        .default(5_000, "5s"),
    )
    .addOption(
      new Option("--control-plane <host:port>", "a remote one (default: the one that runs here)").argParser(
        hostPort("--control-plane"),
      ),
    )
    .addOption(new Option("--token <token>", "join token, for a remote control plane").env("HEDDLE_TOKEN"))
    .addOption(portOption("--mesh-port", "takes the mesh's traffic"))
    .addOption(portOption("--inbound-port", "takes plaintext for the program, where policy allows it"))
    .addOption(portOption("--forward-proxy-port", "HTTP proxy for the program"))
    .addOption(portOption("--status-port", "health and metrics"))
    .addOption(portOption("--admin-port", "admin interface of the proxy"));
  for (const option of apiOptions()) command.addOption(option);
  command.addHelpText("after", "\nExample: heddle run --name golden-signal --version v1 --port 8080 -- node server.js");
  command.action((args: readonly string[], options: RunOptions) => run(args, options));
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  requireProgram(command[0]!);
  delete process.env.HEDDLE_TOKEN; // neither the proxy nor the program needs it
  const app = required(options.name, "--name NAME");
  const serviceAccount = options.serviceAccount ?? app;
  const access = await accessControlPlane(options, { namespace: options.namespace, name: serviceAccount });
  const { client } = await openApi(options, "heddle-run");
  const book = portBook(options.address);
  try {
    const plan = planOf(options, app, serviceAccount, choosePorts(book, wantedPorts(options), options.upstream ?? []));
    const registration = new Registration(client, plan);
    await registration.start();
    try {
      process.exitCode = await runRegistered(command, options, plan, access, registration);
    } finally {
      await registration.end();
    }
  } finally {
    book.release();
  }
}

/** Looked for before anything is registered for it. */
function requireProgram(program: string): void {
  if (Bun.which(program)) return;
  throw new Failure(`there is no program ${program}`, { hint: "is it installed, on the PATH, and executable?" });
}

function wantedPorts(options: RunOptions): WantedPorts {
  const { adminPort, inboundPort, meshPort, statusPort, forwardProxyPort } = options;
  return {
    ...(adminPort === undefined ? {} : { admin: adminPort }),
    ...(inboundPort === undefined ? {} : { inbound: inboundPort }),
    ...(meshPort === undefined ? {} : { mesh: meshPort }),
    ...(statusPort === undefined ? {} : { status: statusPort }),
    ...(forwardProxyPort === undefined ? {} : { forwardProxy: forwardProxyPort }),
  };
}

function planOf(options: RunOptions, app: string, serviceAccount: string, ports: PodPlan["ports"]): PodPlan {
  const workloadName = `${app}-${options.version}`;
  return {
    app,
    version: options.version,
    name: instanceName(workloadName),
    namespace: options.namespace,
    serviceAccount,
    workloadName,
    address: options.address,
    port: options.port,
    servicePort: options.servicePort,
    protocol: options.protocol,
    proxy: options.proxy,
    ports,
    upstreams: options.upstream ?? [],
  };
}

function workloadOf(plan: PodPlan, { trustDomain, clusterId }: Access): Workload {
  const { name: pod, namespace, serviceAccount, workloadName, address } = plan;
  return {
    name: pod,
    namespace,
    serviceAccount,
    trustDomain,
    clusterId,
    address,
    labels: labelsOf(plan),
    workloadName,
  };
}

/** In the state folder, or where the path of a socket can be short. */
function sidecarFolder(options: RunOptions, pod: string): string {
  const folder = join(statePaths(stateFolder(options.state)).sidecars, pod);
  return folder.length + "/agent.sock".length <= MAX_SOCKET_PATH ? folder : join(tmpdir(), `heddle-${pod}`);
}

/** Runs the sidecar and the program to their end; resolves with the exit code. */
async function runRegistered(
  command: readonly string[],
  options: RunOptions,
  plan: PodPlan,
  access: Access,
  registration: Registration,
): Promise<number> {
  const folder = sidecarFolder(options, plan.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ended = new AbortController();
  const signals = new SignalRelay();
  const running = await runSidecar({
    sidecar: {
      proxy: plan.proxy,
      workload: workloadOf(plan, access),
      ports: { admin: plan.ports.admin, status: plan.ports.status },
      controlPlane: access.controlPlane,
      token: access.token,
      folder,
    },
    version: VERSION,
    certificateTtlMs: access.certificateTtlMs,
    proxyCommand: proxyCommand(plan.proxy, options.drainTime),
    application: { command, env: applicationEnvironment(process.env, plan.ports.forwardProxy, plan.port) },
    applicationMetricsUrl: metricsUrl(options),
    drainMs: options.drainTime + GRACE_MS,
    onReady: async () => void becomeReady(plan, registration, ended.signal),
    onDraining() {
      ended.abort();
      return registration.set({ ready: false, reason: "Draining" });
    },
  });
  signals.to(running);
  const code = await running.done;
  ended.abort();
  rmSync(folder, { recursive: true, force: true });
  return code;
}

function metricsUrl({ metricsPath, port: applicationPort }: RunOptions): string | undefined {
  if (metricsPath === undefined) return undefined;
  if (applicationPort === undefined || !metricsPath.startsWith("/")) {
    throw new Failure("--metrics-path needs --port, and a path such as /metrics", { exit: EXIT.usage });
  }
  return `http://127.0.0.1:${applicationPort}${metricsPath}`;
}

/** The proxy serves: once the program listens, too, the mesh may send. */
async function becomeReady(plan: PodPlan, registration: Registration, ended: AbortSignal): Promise<void> {
  if (plan.port !== undefined && !(await untilListening(plan.port, ended))) return;
  if (!ended.aborted) await registration.set({ ready: true });
}
