// `heddle run … -- command`: a program, with a sidecar beside it and a place in the mesh, for as long as it runs.

import type { Command } from "commander";
import { type Health, probeHealth } from "../agent/probe/prober.ts";
import { Registration, type WorkloadDescription } from "../agent/registration.ts";
import { type RunOptions as AgentOptions, instanceName, runSidecar } from "../agent/run.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import type { ObjectName } from "../kube/object.ts";
import { workloadLabels, workloadNameOf } from "../xds/registration.ts";
import { applicationEnvironment, untilListening } from "./application.ts";
import { type Access, accessControlPlane } from "./control-plane-access.ts";
import { loopbackMentions, warnOfLoopback } from "./loopback-mentions.ts";
import { captured, onThisHost, type Placement } from "./placement.ts";
import { drainMsOf, proxyCommand } from "./proxy-command.ts";
import { addRunOptions, type RunOptions, wantedPorts } from "./run-options.ts";
import { GRACE_MS, listeningPorts, runInFolder, settledPorts, sidecarOf, workloadOf } from "./sidecar-run.ts";
import { SignalRelay } from "./signal-relay.ts";
import { required } from "./values.ts";
import { VERSION } from "./version.ts";

const log = logger("run");

export function define(command: Command): void {
  addRunOptions(command);
  command.action((args: readonly string[], options: RunOptions) => run(args, options));
}

/** What is run, for whom, and where. */
interface Job {
  readonly command: readonly string[];
  readonly options: RunOptions;
  readonly app: string;
  readonly serviceAccount: string;
  readonly namespace: string;
  /** Of this instance. */
  readonly pod: string;
  readonly placement: Placement;
  readonly access: Access;
  readonly registration: Registration;
  readonly signals: SignalRelay;
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  const app = required(options.name ?? options.group?.name, "--name NAME");
  const namespace = options.group?.namespace ?? options.namespace;
  requireProgram(command[0]!);
  const signals = new SignalRelay();
  delete process.env.HEDDLE_TOKEN; // neither the proxy nor the program needs it
  const serviceAccount = options.serviceAccount ?? app;
  const access = await accessControlPlane(options, { namespace, name: serviceAccount });
  const pod = instanceName(options.group?.name ?? workloadNameOf({ app, version: options.version }));
  const placement = await place(options, { name: pod, namespace }, access);
  const registration = new Registration(access.controlPlane, descriptionOf(options, app, pod, placement));
  try {
    const job = { command, options, app, serviceAccount, namespace, pod, placement, access, registration, signals };
    process.exitCode = await runRegistered(job);
  } finally {
    await registration.end();
    placement.release();
  }
}

/** Looked for before anything is registered for it. */
function requireProgram(program: string): void {
  if (Bun.which(program)) return;
  throw new Failure(`there is no program ${program}`, { hint: "is it installed, on the PATH, and executable?" });
}

async function place(options: RunOptions, instance: ObjectName, { localAddress }: Access): Promise<Placement> {
  const ports = wantedPorts(options);
  if (options.capture) return captured(instance, ports);
  return onThisHost(options.address ?? localAddress, ports, options.upstream ?? []);
}

function descriptionOf(options: RunOptions, app: string, name: string, placement: Placement): WorkloadDescription {
  const { version, port, servicePort, protocol, proxy, upstream = [], group } = options;
  return {
    name,
    app,
    version,
    address: placement.address,
    ...(port !== undefined && { application: { port, servicePort, protocol } }),
    sidecar: sidecarOf(proxy, placement),
    upstreams: [...upstream],
    group: group?.name ?? "",
  };
}

/** Runs the sidecar and the program to their end; resolves with the exit code. */
async function runRegistered(job: Job): Promise<number> {
  const ended = new AbortController();
  try {
    return await runInFolder(job.options.state, job.pod, job.signals, (folder) =>
      runSidecar(agentOptions(job, folder, ended)),
    );
  } finally {
    ended.abort();
  }
}

function agentOptions(job: Job, folder: string, ended: AbortController): AgentOptions {
  const { command, options, app, serviceAccount, pod, namespace, placement, access, registration } = job;
  const { version } = options;
  const asked = { drainMs: options.drainTime, concurrency: options.concurrency };
  const labels = workloadLabels({ app, version });
  const { capture, ports } = placement;
  const env = (forwardProxy: number | undefined) =>
    applicationEnvironment(process.env, capture ? undefined : forwardProxy, options.port);
  if (capture) warnOfLoopback(loopbackMentions(command, env(undefined), ownPorts(options)));
  return {
    sidecar: {
      proxy: options.proxy,
      workload: workloadOf({ name: pod, namespace, serviceAccount, app, version, labels }, access, placement),
      ports: listeningPorts(ports),
      controlPlane: access.controlPlane,
      token: access.token,
      folder,
    },
    capture,
    version: VERSION,
    certificateTtlMs: access.certificateTtlMs,
    proxyCommand: proxyCommand(options.proxy, asked),
    application: { command, env: ({ forwardProxy }) => env(forwardProxy) },
    applicationMetricsUrl: metricsUrl(options),
    drainMs: (start) => drainMsOf(asked, start) + GRACE_MS,
    longestDrainMs: options.drainTime,
    onIdentified: async (current, trust) => {
      await registration.start(current, trust);
      return registration.proxyStart;
    },
    settlePorts: settledPorts(options.proxy, placement, registration),
    onReady: async () => void becomeReady(job, folder, ended.signal),
    onDraining() {
      ended.abort();
      return registration.set({ ready: false, reason: "Draining" });
    },
  };
}

/** On the program's loopback interface, when it has one of its own. */
function ownPorts({ port, upstream = [] }: RunOptions): readonly number[] {
  return [...(port === undefined ? [] : [port]), ...upstream.map((local) => local.port)];
}

function metricsUrl({ metricsPath, port }: RunOptions): string | undefined {
  if (metricsPath === undefined) return undefined;
  if (port === undefined || !metricsPath.startsWith("/")) {
    throw new Failure("--metrics-path needs --port, and a path such as /metrics", { exit: EXIT.usage });
  }
  return `http://127.0.0.1:${port}${metricsPath}`;
}

/** The proxy serves: once the program listens, too, the mesh may send. */
async function becomeReady(job: Job, folder: string, ended: AbortSignal): Promise<void> {
  const { options, pod, placement, registration } = job;
  const enter = <T>(work: () => T): T => (placement.capture ? placement.capture.enter(work) : work());
  if (options.port !== undefined && !(await untilListening(options.port, enter, ended))) return;
  if (ended.aborted) return;
  const { probe } = registration;
  if (probe) {
    const command = (words: readonly string[]) => placement.capture?.application(words) ?? words;
    void probeHealth(probe, { enter, command }, ended, (health) => void tell(registration, health));
  } else await tell(registration, "healthy");
  log.info("in the mesh", {
    workload: pod,
    address: `${placement.address}:${placement.ports.mesh}`,
    log: `${folder}/proxy.log`,
  });
}

function tell(registration: Registration, health: Health): Promise<void> {
  return registration
    .set(health === "healthy" ? { ready: true } : { ready: false, reason: "ProbeFailed" })
    .catch((error) => log.warn(`could not tell the mesh that this workload is ${health}, will try again`, { error }));
}
