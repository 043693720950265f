// `grpc`: unary calls, 32 at once over 4 connections, through two sidecars with mutual TLS.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { frameMessage } from "../../src/grpc/message.ts";
import { clientBootstrap, serverBootstrap } from "../configuration/mesh.ts";
import { PATH } from "../configuration/parts.ts";
import { callOnce } from "../grpc-call.ts";
import { runH2load } from "../h2load.ts";
import { makeCertificates } from "../identity.ts";
import type { Lab } from "../lab.ts";
import type { RunningPeer } from "../peer.ts";
import { type PairSpec, startPair } from "../sidecars.ts";
import type { RoundsCase } from "./case.ts";

const BACKEND = join(import.meta.dir, "..", "grpc-backend.ts");
/** A service below the path that the access policy allows. */
const METHOD = `${PATH}.Greeter/SayHello`;
const REFUSED_METHOD = "/forbidden.Greeter/SayHello";
const MESSAGE = "golden-signal";
const CONNECTIONS = 4;
const STREAMS = 8;

async function startBackend(lab: Lab): Promise<number> {
  const [port = 0, ready = 0] = lab.ports(2);
  const command = [process.execPath, BACKEND, String(port), String(ready), METHOD];
  const child = lab.start("backend", command, { core: "client" });
  await lab.ready("backend", child, `http://127.0.0.1:${ready}/`);
  return port;
}

/** @throws Failure when a call does not come back as it should, or one that must be refused is not. */
async function proveCalls(name: string, port: number): Promise<void> {
  const { status, message } = await callOnce(port, METHOD, MESSAGE);
  if (status.code !== "OK" || message !== MESSAGE)
    throw new Failure(`${name}: the call ended with ${status.code} ${status.message}`);
  const refused = await callOnce(port, REFUSED_METHOD, MESSAGE);
  if (refused.status.code !== "PERMISSION_DENIED")
    throw new Failure(`${name}: the access policy is not in force: ${refused.status.code}`);
}

async function startPeer(lab: Lab, spec: PairSpec, body: string): Promise<RunningPeer> {
  const { proxies, port, accessLogs } = await startPair(lab, spec);
  await proveCalls(spec.name, port);
  const headers = ["content-type: application/grpc", "te: trailers"];
  const url = `http://127.0.0.1:${port}${METHOD}`;
  return {
    name: spec.name,
    proxies: proxies.map(({ child }) => child),
    twin: undefined,
    accessLogs,
    readyMs: proxies.map(({ readyMs }) => readyMs),
    idlePrivateBytes: undefined,
    load: (connections, seconds) => runH2load(lab, { url, connections, streams: STREAMS, body, headers }, seconds),
  };
}

export const grpc: RoundsCase = {
  kind: "rounds",
  name: "grpc",
  describes: `one unary call through two sidecars with mutual TLS, ${CONNECTIONS * STREAMS} at once over ${CONNECTIONS} connections; CPU of both, memory of the larger`,
  components: ["envoy", "h2load", "openssl"],
  connections: CONNECTIONS,
  oneConnection: false,
  targets: [{ peer: "envoy", of: "cpu", atMost: 0.6 }],
  async start(lab) {
    const application = await startBackend(lab);
    const certificates = lab.subfolder("certificates");
    makeCertificates(lab.program("openssl"), certificates);
    const body = join(lab.folder, "message");
    writeFileSync(body, frameMessage(Buffer.from(MESSAGE)));
    const peers: RunningPeer[] = [];
    for (const program of ["heddle", "envoy"] as const) {
      const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, program, "h2");
      const server: PairSpec["server"] = (ports, files) => serverBootstrap(ports, files, program, "h2");
      peers.push(await startPeer(lab, { name: program, program, client, server, certificates, application }, body));
    }
    return peers;
  },
};
