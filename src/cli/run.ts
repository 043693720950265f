// `heddle run … -- command`: a program, with a sidecar beside it and a place in the mesh, for as long as it runs.

import type { Command } from "commander";
import { type RunOptions as AgentOptions, instanceName, runSidecar } from "../agent/run.ts";
import type { Workload } from "../agent/sidecar.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { openApi } from "./api-client.ts";
import { applicationEnvironment, untilListening } from "./application.ts";
import { type Access, accessControlPlane } from "./control-plane-access.ts";
import { loopbackMentions, warnOfLoopback } from "./loopback-mentions.ts";
import { captured, onThisHost, type Placement } from "./placement.ts";
import { labelsOf, type PodPlan } from "./pod.ts";
import { proxyCommand } from "./proxy-command.ts";
import { Registration } from "./registration.ts";
import { addRunOptions, type RunOptions, wantedPorts } from "./run-options.ts";
import { SidecarFolder } from "./sidecar-folder.ts";
import { SignalRelay } from "./signal-relay.ts";
import { required } from "./values.ts";
import { VERSION } from "./version.ts";

const log = logger("run");

/** Beyond the proxy's own drain time, before it is made to end. */
const GRACE_MS = 1_000;

export function define(command: Command): void {
  addRunOptions(command);
  command.action((args: readonly string[], options: RunOptions) => run(args, options));
}

/** What is run, for whom, and where. */
interface Job {
  readonly command: readonly string[];
  readonly options: RunOptions;
  readonly plan: PodPlan;
  readonly placement: Placement;
  readonly access: Access;
  readonly registration: Registration;
  readonly signals: SignalRelay;
}

async function run(command: readonly string[], options: RunOptions): Promise<void> {
  const app = required(options.name, "--name NAME");
  requireProgram(command[0]!);
  const signals = new SignalRelay();
  delete process.env.HEDDLE_TOKEN; // neither the proxy nor the program needs it
  const serviceAccount = options.serviceAccount ?? app;
  const access = await accessControlPlane(options, { namespace: options.namespace, name: serviceAccount });
  const { client } = await openApi(options, "heddle-run");
  const workloadName = `${app}-${options.version}`;
  const pod = instanceName(workloadName);
  const placement = await place(options, pod, access);
  try {
    const plan = planOf(options, { app, serviceAccount, workloadName, name: pod }, placement);
    const registration = new Registration(client, plan);
    await registration.start();
    try {
      process.exitCode = await runRegistered({ command, options, plan, placement, access, registration, signals });
    } finally {
      await registration.end();
    }
  } finally {
    placement.release();
  }
}

/** Looked for before anything is registered for it. */
function requireProgram(program: string): void {
  if (Bun.which(program)) return;
  throw new Failure(`there is no program ${program}`, { hint: "is it installed, on the PATH, and executable?" });
}

async function place(options: RunOptions, pod: string, { localAddress }: Access): Promise<Placement> {
  const ports = wantedPorts(options);
  if (options.capture) return captured({ name: pod, namespace: options.namespace }, ports);
  return onThisHost(options.address ?? localAddress, ports, options.upstream ?? []);
}

type Names = Pick<PodPlan, "app" | "serviceAccount" | "workloadName" | "name">;

function planOf(options: RunOptions, names: Names, { address, ports, capture }: Placement): PodPlan {
  const { version, namespace, port, servicePort, protocol, proxy, upstream = [] } = options;
  return {
    ...names,
    version,
    namespace,
    address,
    port,
    servicePort,
    protocol,
    proxy,
    captured: capture !== undefined,
    machineAddress: capture?.machineAddress,
    ports,
    upstreams: upstream,
  };
}

function workloadOf(plan: PodPlan, { trustDomain, clusterId }: Access): Workload {
  const { name, namespace, serviceAccount, workloadName, address } = plan;
  return { name, namespace, serviceAccount, trustDomain, clusterId, address, labels: labelsOf(plan), workloadName };
}

/** Runs the sidecar and the program to their end; resolves with the exit code. */
async function runRegistered(job: Job): Promise<number> {
  const folder = new SidecarFolder(job.options.state, job.plan.name);
  const ended = new AbortController();
  try {
    const running = await runSidecar(agentOptions(job, folder.path, ended));
    job.signals.to(running);
    const code = await running.done;
    folder.remove();
    return code;
  } catch (thrown) {
    folder.removeWithoutLog();
    throw thrown;
  } finally {
    ended.abort();
  }
}

function agentOptions(job: Job, folder: string, ended: AbortController): AgentOptions {
  const { command, options, plan, placement, access, registration } = job;
  const forwardProxy = plan.captured ? undefined : plan.ports.forwardProxy;
  const env = applicationEnvironment(process.env, forwardProxy, plan.port);
  if (plan.captured) warnOfLoopback(loopbackMentions(command, env, ownPorts(plan)));
  return {
    sidecar: {
      proxy: plan.proxy,
      workload: workloadOf(plan, access),
      ports: { admin: plan.ports.admin, status: plan.ports.status },
      controlPlane: access.controlPlane,
      token: access.token,
      folder,
    },
    capture: placement.capture,
    version: VERSION,
    certificateTtlMs: access.certificateTtlMs,
    proxyCommand: proxyCommand(plan.proxy, options.drainTime),
    application: { command, env },
    applicationMetricsUrl: metricsUrl(options),
    drainMs: options.drainTime + GRACE_MS,
    onReady: async () => void becomeReady(job, folder, ended.signal),
    onDraining() {
      ended.abort();
      return registration.set({ ready: false, reason: "Draining" });
    },
  };
}

/** On the program's loopback interface, when it has one of its own. */
function ownPorts({ port, upstreams }: PodPlan): readonly number[] {
  return [...(port === undefined ? [] : [port]), ...upstreams.map((upstream) => upstream.port)];
}

function metricsUrl({ metricsPath, port }: RunOptions): string | undefined {
  if (metricsPath === undefined) return undefined;
  if (port === undefined || !metricsPath.startsWith("/")) {
    throw new Failure("--metrics-path needs --port, and a path such as /metrics", { exit: EXIT.usage });
  }
  return `http://127.0.0.1:${port}${metricsPath}`;
}

/** The proxy serves: once the program listens, too, the mesh may send. */
async function becomeReady({ plan, placement, registration }: Job, folder: string, ended: AbortSignal): Promise<void> {
  const enter = <T>(work: () => T): T => (placement.capture ? placement.capture.enter(work) : work());
  if (plan.port !== undefined && !(await untilListening(plan.port, enter, ended))) return;
  if (ended.aborted) return;
  await registration.set({ ready: true });
  log.info("in the mesh", {
    workload: plan.name,
    address: `${plan.address}:${plan.ports.mesh}`,
    log: `${folder}/proxy.log`,
  });
}
