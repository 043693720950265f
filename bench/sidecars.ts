// A pair of sidecars with mutual TLS between them, of one program.

import { join } from "node:path";
import type { SidecarFiles, SidecarPorts } from "./configuration/mesh.ts";
import type { Message } from "./configuration/parts.ts";
import type { Lab } from "./lab.ts";
import { bootstrapCommand, type StartedProxy, startProxy } from "./peer.ts";
import { memory } from "./proc.ts";

/** Starts are short and scatter, so that one is not enough. */
const STARTS = 3;
/** What a program that has just started still does by itself: Bun's collector gives memory back within this time. */
const SETTLE_MS = 1_000;

type Configure = (ports: SidecarPorts, files: SidecarFiles) => Message;

export interface PairSpec {
  readonly name: string;
  readonly program: "heddle" | "envoy";
  readonly client: Configure;
  readonly server: Configure;
  readonly certificates: string;
  /** Port of the application. */
  readonly application: number;
}

export interface Pair {
  readonly proxies: readonly [StartedProxy, StartedProxy];
  /** Where the client's sidecar listens. */
  readonly port: number;
  /** Where the server's sidecar ends the leg. */
  readonly mesh: number;
  readonly accessLogs: readonly string[];
}

export async function startPair(lab: Lab, spec: PairSpec): Promise<Pair> {
  const [port = 0, clientAdmin = 0, mesh = 0, serverAdmin = 0] = lab.ports(4);
  const start = async (side: "client" | "server", configure: Configure, ports: SidecarPorts) => {
    const name = `${spec.name}-${side}`;
    const accessLog = join(lab.folder, `${name}.log`);
    const message = configure(ports, { accessLog, certificates: spec.certificates });
    const command = bootstrapCommand(lab, spec.program, name, message);
    return { proxy: await startProxy(lab, { name, command, adminPort: ports.admin }), accessLog };
  };
  const server = await start("server", spec.server, { listen: mesh, admin: serverAdmin, next: spec.application });
  const client = await start("client", spec.client, { listen: port, admin: clientAdmin, next: mesh });
  return {
    proxies: [client.proxy, server.proxy],
    port,
    mesh,
    accessLogs: [client.accessLog, server.accessLog],
  };
}

export interface Start {
  readonly pair: Pair;
  /** Of every proxy that was started. */
  readonly readyMs: readonly number[];
  readonly idlePrivateBytes: number;
}

/** Starts the pair several times for the time that takes, and keeps the last. */
export async function startRepeatedly(lab: Lab, spec: PairSpec): Promise<Start> {
  const readyMs: number[] = [];
  for (let i = 1; ; i++) {
    const pair = await startPair(lab, spec);
    readyMs.push(...pair.proxies.map((proxy) => proxy.readyMs));
    const children = pair.proxies.map(({ child }) => child);
    if (i === STARTS) {
      await Bun.sleep(SETTLE_MS);
      return { pair, readyMs, idlePrivateBytes: memory(children.map(({ pid }) => pid)).privateBytes };
    }
    await lab.stop(children);
  }
}
