// What `heddle run` and `heddle gateway` do alike: who the proxy stands for, where it listens, and the folder that it lives in.

import { CAPTURE_PORTS } from "../agent/capture-rules.ts";
import type { Registration, WorkloadDescription } from "../agent/registration.ts";
import type { RunningSidecar } from "../agent/run.ts";
import type { ProxyKind, ProxyStart, SidecarPorts, Workload } from "../agent/sidecar.ts";
import { type AppVersion, workloadNameOf } from "../xds/registration.ts";
import type { Access } from "./control-plane-access.ts";
import type { Placement } from "./placement.ts";
import { SidecarFolder } from "./sidecar-folder.ts";
import type { ChosenPorts } from "./sidecar-ports.ts";
import type { SignalRelay } from "./signal-relay.ts";

/** Beyond the proxy's own drain time, before it is made to end. */
export const GRACE_MS = 1_000;

/** Whose instance it is, under which name. */
export interface Instance extends AppVersion {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** As the agent describes it to the proxy. */
export function workloadOf({ app, version, ...instance }: Instance, access: Access, placement: Placement): Workload {
  return {
    ...instance,
    trustDomain: access.trustDomain,
    clusterId: access.clusterId,
    address: placement.address,
    workloadName: workloadNameOf({ app, version }),
  };
}

/** As the agent describes its sidecar to the control plane. */
export function sidecarOf(
  proxy: ProxyKind,
  { capture, ports }: Placement,
): NonNullable<WorkloadDescription["sidecar"]> {
  return {
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
  };
}

/** What its agent is to know of a sidecar's ports. */
export function listeningPorts({ admin, status, forwardProxy }: ChosenPorts): SidecarPorts {
  return { admin, status, forwardProxy };
}

/** Where proxy and agent listen once the mesh has said it; the registration says it from then on. */
export function settledPorts(
  proxy: ProxyKind,
  placement: Placement,
  registration: Registration,
): (start: ProxyStart) => SidecarPorts {
  return (start) => {
    const ports = placement.settle(start);
    registration.describe({ sidecar: sidecarOf(proxy, { ...placement, ports }) });
    return listeningPorts(ports);
  };
}

/** Runs a sidecar in a folder of its own to its end; resolves with the exit code. Only what failed leaves its log behind. */
export async function runInFolder(
  state: string | undefined,
  name: string,
  signals: SignalRelay,
  start: (folder: string) => Promise<RunningSidecar>,
): Promise<number> {
  const folder = new SidecarFolder(state, name);
  try {
    const running = await start(folder.path);
    signals.to(running);
    const code = await running.done;
    folder.remove();
    return code;
  } catch (thrown) {
    folder.removeWithoutLog();
    throw thrown;
  }
}
