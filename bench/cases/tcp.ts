// `tcp-1m`: bodies of 1 MiB as bytes, through two sidecars with mutual TLS.

import { join } from "node:path";
import { tcpClientBootstrap, tcpServerBootstrap } from "../configuration/mesh.ts";
import { makeCertificates } from "../identity.ts";
import type { Lab } from "../lab.ts";
import type { LoadResult } from "../measurement.ts";
import type { RunningPeer } from "../peer.ts";
import { type PairSpec, startPair } from "../sidecars.ts";
import type { RoundsCase } from "./case.ts";

const LOAD = join(import.meta.dir, "..", "tcp-load.ts");
const BACKEND = join(import.meta.dir, "..", "tcp-backend.ts");

async function runLoad(lab: Lab, port: number, connections: number, seconds: number): Promise<LoadResult> {
  const command = [process.execPath, LOAD, String(port), String(connections), String(seconds)];
  return JSON.parse(await lab.output(command));
}

async function startBackend(lab: Lab): Promise<number> {
  const [port = 0, ready = 0] = lab.ports(2);
  const child = lab.start("backend", [process.execPath, BACKEND, String(port), String(ready)], { core: "client" });
  await lab.ready("backend", child, `http://127.0.0.1:${ready}/`);
  return port;
}

async function startPeer(lab: Lab, spec: PairSpec): Promise<RunningPeer> {
  const { proxies, port, accessLogs } = await startPair(lab, spec);
  return {
    name: spec.name,
    proxies: proxies.map(({ child }) => child),
    twin: undefined,
    accessLogs,
    readyMs: proxies.map(({ readyMs }) => readyMs),
    idlePrivateBytes: undefined,
    load: (connections, seconds) => runLoad(lab, port, connections, seconds),
  };
}

export const tcp: RoundsCase = {
  kind: "rounds",
  name: "tcp-1m",
  describes: "one body of 1 MiB over TCP through two sidecars with mutual TLS; CPU of both, memory of the larger",
  components: ["envoy", "openssl"],
  connections: 16,
  oneConnection: false,
  targets: [{ peer: "envoy", of: "cpu", atMost: 0.9 }],
  async start(lab) {
    const application = await startBackend(lab);
    const certificates = lab.subfolder("certificates");
    makeCertificates(lab.program("openssl"), certificates);
    const peers: RunningPeer[] = [];
    for (const program of ["heddle", "envoy"] as const) {
      const sides = { client: tcpClientBootstrap, server: tcpServerBootstrap };
      peers.push(await startPeer(lab, { name: program, program, ...sides, certificates, application }));
    }
    return peers;
  },
};
