// `heddle gateway …`: a proxy at the edge of the mesh, which opens what Gateways say, for as long as it runs.

import type { Command } from "commander";
import { Registration } from "../agent/registration.ts";
import { type RunOptions as AgentOptions, instanceName, runSidecar } from "../agent/run.ts";
import { logger } from "../base/log.ts";
import { gatewayLabels, workloadNameOf } from "../xds/registration.ts";
import { type Access, accessControlPlane } from "./control-plane-access.ts";
import { addGatewayOptions, type GatewayOptions } from "./gateway-options.ts";
import { onThisHost, type Placement } from "./placement.ts";
import { drainMsOf, proxyCommand } from "./proxy-command.ts";
import { GRACE_MS, listeningPorts, runInFolder, settledPorts, sidecarOf, workloadOf } from "./sidecar-run.ts";
import { SignalRelay } from "./signal-relay.ts";
import { VERSION } from "./version.ts";

const log = logger("gateway");

const REVISION = "v1";

export function define(command: Command): void {
  addGatewayOptions(command);
  command.action((options: GatewayOptions) => run(options));
}

interface Job {
  readonly options: GatewayOptions;
  readonly serviceAccount: string;
  /** Of this instance. */
  readonly pod: string;
  readonly placement: Placement;
  readonly access: Access;
  readonly registration: Registration;
}

async function run(options: GatewayOptions): Promise<void> {
  const signals = new SignalRelay();
  delete process.env.HEDDLE_TOKEN; // the proxy does not need it
  const serviceAccount = options.serviceAccount ?? options.name;
  const access = await accessControlPlane(options, { namespace: options.namespace, name: serviceAccount });
  const pod = instanceName(workloadNameOf({ app: options.name, version: REVISION }));
  const { adminPort, statusPort } = options;
  const wanted = {
    ...(adminPort === undefined ? {} : { admin: adminPort }),
    ...(statusPort === undefined ? {} : { status: statusPort }),
  };
  const placement = onThisHost(options.address ?? access.localAddress, wanted, []);
  const registration = new Registration(access.controlPlane, descriptionOf(options, pod, placement));
  try {
    const job = { options, serviceAccount, pod, placement, access, registration };
    process.exitCode = await runInFolder(options.state, pod, signals, (folder) =>
      runSidecar(agentOptions(job, folder)),
    );
  } finally {
    await registration.end();
    placement.release();
  }
}

function descriptionOf({ name: app, proxy, port = [] }: GatewayOptions, name: string, placement: Placement) {
  const sidecar = sidecarOf(proxy, placement);
  return { name, app, version: REVISION, address: placement.address, sidecar, gateway: { ports: [...port] } };
}

function agentOptions(job: Job, folder: string): AgentOptions {
  const { options, serviceAccount, pod, placement, access, registration } = job;
  const { name: app, namespace, proxy, drainTime } = options;
  const of = { app, version: REVISION };
  const asked = { drainMs: drainTime };
  return {
    sidecar: {
      role: "gateway",
      proxy,
      workload: workloadOf(
        { name: pod, namespace, serviceAccount, ...of, labels: gatewayLabels(of) },
        access,
        placement,
      ),
      ports: listeningPorts(placement.ports),
      controlPlane: access.controlPlane,
      token: access.token,
      folder,
    },
    version: VERSION,
    certificateTtlMs: access.certificateTtlMs,
    proxyCommand: proxyCommand(proxy, asked),
    application: undefined,
    applicationMetricsUrl: undefined,
    drainMs: (start) => drainMsOf(asked, start) + GRACE_MS,
    longestDrainMs: drainTime,
    onIdentified: async (current, trust) => {
      await registration.start(current, trust);
      return registration.proxyStart;
    },
    settlePorts: settledPorts(proxy, placement, registration),
    onReady: async () => {
      await registration.set({ ready: true });
      log.info("at the edge of the mesh", { workload: pod, address: placement.address, log: `${folder}/proxy.log` });
    },
    onDraining: () => registration.set({ ready: false, reason: "Draining" }),
  };
}
