// `http-1m`: responses of 1 MiB over HTTP/1.1, through two sidecars with mutual TLS.

import { LARGE_PATH, startBackend } from "../backend.ts";
import { clientBootstrap, serverBootstrap } from "../configuration/mesh.ts";
import { PATH } from "../configuration/parts.ts";
import { makeCertificates } from "../identity.ts";
import type { Lab } from "../lab.ts";
import { proveFeatures, type RunningPeer } from "../peer.ts";
import { type PairSpec, startPair } from "../sidecars.ts";
import { runWrk } from "../wrk.ts";
import type { RoundsCase } from "./case.ts";

async function startPeer(lab: Lab, spec: PairSpec): Promise<RunningPeer> {
  const { proxies, port, accessLogs } = await startPair(lab, spec);
  await proveFeatures(spec.name, port, PATH, ["x-request-id", "x-forwarded-client-cert", "traceparent"]);
  const url = `http://127.0.0.1:${port}${LARGE_PATH}`;
  return {
    name: spec.name,
    proxies: proxies.map(({ child }) => child),
    twin: undefined,
    accessLogs,
    readyMs: proxies.map(({ readyMs }) => readyMs),
    idlePrivateBytes: undefined,
    load: (connections, seconds) => runWrk(lab, url, connections, seconds),
  };
}

export const http: RoundsCase = {
  kind: "rounds",
  name: "http-1m",
  describes:
    "one response of 1 MiB to HTTP/1.1 through two sidecars with mutual TLS and HTTP/2 between them; CPU of both, memory of the larger",
  components: ["envoy", "nginx", "wrk", "openssl"],
  connections: 16,
  oneConnection: false,
  targets: [{ peer: "envoy", of: "cpu", atMost: 1 }],
  async start(lab) {
    const application = await startBackend(lab);
    const certificates = lab.subfolder("certificates");
    makeCertificates(lab.program("openssl"), certificates);
    const peers: RunningPeer[] = [];
    for (const program of ["heddle", "envoy"] as const) {
      const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, program, "h2");
      const server: PairSpec["server"] = (ports, files) => serverBootstrap(ports, files, program, "http/1.1");
      peers.push(await startPeer(lab, { name: program, program, client, server, certificates, application }));
    }
    return peers;
  },
};
