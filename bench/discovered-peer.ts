// A proxy whose routes a control plane of the benchmark's own gives it, as the cases use it that change them.

import { join } from "node:path";
import type { Resource } from "../src/xds/resource.ts";
import { type DiscoveredPorts, discoveredBootstrap } from "./configuration/discovered.ts";
import { PATH, type Program } from "./configuration/parts.ts";
import { Discovery, snapshotOf } from "./discovery.ts";
import type { Lab } from "./lab.ts";
import { bootstrapCommand, type RunningPeer, startProxy } from "./peer.ts";
import { runWrk } from "./wrk.ts";

export interface DiscoveredPeer extends RunningPeer {
  readonly discovery: Discovery;
  readonly port: number;
  /** Of the listener that answers by itself. */
  readonly probe: number;
}

/** Ready, with `resources` in force. `script`: of wrk, for the load. */
export async function startDiscovered(
  lab: Lab,
  name: string,
  program: Program,
  backend: number,
  resources: readonly Resource[],
  script: string,
): Promise<DiscoveredPeer> {
  const discovery = new Discovery(snapshotOf(resources, "1"));
  const [listen = 0, probe = 0, admin = 0] = lab.ports(3);
  const ports: DiscoveredPorts = { listen, probe, admin, backend, discovery: discovery.port };
  const accessLog = join(lab.folder, `${name}.log`);
  const command = bootstrapCommand(lab, program, name, discoveredBootstrap(ports, accessLog, program));
  const proxy = await startProxy(lab, { name, command, adminPort: admin });
  await discovery.synced();
  return {
    name,
    discovery,
    port: listen,
    probe,
    proxies: [proxy.child],
    twin: undefined,
    accessLogs: [accessLog],
    readyMs: [proxy.readyMs],
    idlePrivateBytes: undefined,
    load: (connections, seconds) => runWrk(lab, `http://127.0.0.1:${listen}${PATH}`, connections, seconds, { script }),
  };
}
