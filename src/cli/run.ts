// `heddle run … -- command`: a program, with a sidecar beside it and a place in the mesh, for as long as it runs.

import type { Command } from "commander";
import { CAPTURE_PORTS } from "../agent/capture-rules.ts";
import { Registration, type WorkloadDescription } from "../agent/registration.ts";
import { type RunOptions as AgentOptions, instanceName, runSidecar } from "../agent/run.ts";
import type { Workload } from "../agent/sidecar.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { workloadLabels, workloadNameOf } from "../xds/registration.ts";
import { applicationEnvironment, untilListening } from "./application.ts";
import { type Access, accessControlPlane } from "./control-plane-access.ts";
import { loopbackMentions, warnOfLoopback } from "./loopback-mentions.ts";
import { captured, onThisHost, type Placement } from "./placement.ts";
import { proxyCommand } from "./proxy-command.ts";
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
  readonly app: string;
  readonly serviceAccount: string;
  /** Of this instance. */
  readonly pod: string;
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
  const pod = instanceName(workloadNameOf({ app, version: options.version }));
  const placement = await place(options, pod, access);
  const registration = new Registration(access.controlPlane, descriptionOf(options, app, pod, placement));
  try {
    const job = { command, options, app, serviceAccount, pod, placement, access, registration, signals };
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

async function place(options: RunOptions, pod: string, { localAddress }: Access): Promise<Placement> {
  const ports = wantedPorts(options);
  if (options.capture) return captured({ name: pod, namespace: options.namespace }, ports);
  return onThisHost(options.address ?? localAddress, ports, options.upstream ?? []);
}

function descriptionOf(options: RunOptions, app: string, name: string, placement: Placement): WorkloadDescription {
  const { version, port, servicePort, protocol, proxy, upstream = [] } = options;
  const { address, capture, ports } = placement;
  return {
    name,
    app,
    version,
    address,
    ...(port !== undefined && { application: { port, servicePort, protocol } }),
    sidecar: {
      proxy,
      meshPort: ports.mesh,
      statusPort: ports.status,
      wayIn: capture
        ? {
            case: "capture",
            value: {
              outboundPort: CAPTURE_PORTS.outbound,
              inboundPort: CAPTURE_PORTS.inbound,
              machineAddress: capture.machineAddress ?? "",
            },
          }
        : { case: "ports", value: { forwardProxy: ports.forwardProxy, inbound: ports.inbound } },
    },
    upstreams: [...upstream],
  };
}

function workloadOf({ app, serviceAccount, pod, options, placement, access }: Job): Workload {
  const { version, namespace } = options;
  return {
    name: pod,
    namespace,
    serviceAccount,
    trustDomain: access.trustDomain,
    clusterId: access.clusterId,
    address: placement.address,
    labels: workloadLabels({ app, version }),
    workloadName: workloadNameOf({ app, version }),
  };
}

/** Runs the sidecar and the program to their end; resolves with the exit code. */
async function runRegistered(job: Job): Promise<number> {
  const folder = new SidecarFolder(job.options.state, job.pod);
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
  const { command, options, placement, access, registration } = job;
  const { capture, ports } = placement;
  const env = applicationEnvironment(process.env, capture ? undefined : ports.forwardProxy, options.port);
  if (capture) warnOfLoopback(loopbackMentions(command, env, ownPorts(options)));
  return {
    sidecar: {
      proxy: options.proxy,
      workload: workloadOf(job),
      ports: { admin: ports.admin, status: ports.status },
      controlPlane: access.controlPlane,
      token: access.token,
      folder,
    },
    capture,
    version: VERSION,
    certificateTtlMs: access.certificateTtlMs,
    proxyCommand: proxyCommand(options.proxy, options.drainTime, options.concurrency),
    application: { command, env },
    applicationMetricsUrl: metricsUrl(options),
    drainMs: options.drainTime + GRACE_MS,
    onIdentified: (current) => registration.start(current),
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
  await registration
    .set({ ready: true })
    .catch((error) => log.warn("could not tell the mesh that this workload is ready, will try again", { error }));
  log.info("in the mesh", {
    workload: pod,
    address: `${placement.address}:${placement.ports.mesh}`,
    log: `${folder}/proxy.log`,
  });
}
