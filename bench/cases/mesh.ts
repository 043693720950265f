// `mesh`: two sidecars with mutual TLS and everything that they do for a request turned on.

import { startBackend } from "../backend.ts";
import { clientBootstrap, type HttpProtocol, serverBootstrap } from "../configuration/mesh.ts";
import { PATH } from "../configuration/parts.ts";
import { makeCertificates } from "../identity.ts";
import type { Lab } from "../lab.ts";
import { proveFeatures, type RunningPeer } from "../peer.ts";
import { runRate } from "../rate.ts";
import { type PairSpec, startRepeatedly } from "../sidecars.ts";
import { runWrk } from "../wrk.ts";
import type { RoundsCase } from "./case.ts";

const CONNECTIONS = 64;

/** By the protocol on the leg: Istio's sidecars speak HTTP/1.1 there for HTTP/1.1 clients. */
const PEERS: readonly (readonly [name: string, program: PairSpec["program"], protocol: HttpProtocol])[] = [
  ["heddle", "heddle", "h2"],
  ["envoy-h2", "envoy", "h2"],
  ["envoy-h1", "envoy", "http/1.1"],
];

async function startPeer(lab: Lab, spec: PairSpec): Promise<RunningPeer> {
  const { pair, readyMs, idlePrivateBytes } = await startRepeatedly(lab, spec);
  await proveFeatures(spec.name, pair.port, PATH, ["x-request-id", "x-forwarded-client-cert", "traceparent"]);
  const url = `http://127.0.0.1:${pair.port}${PATH}`;
  return {
    name: spec.name,
    proxies: pair.proxies.map(({ child }) => child),
    twin: undefined,
    accessLogs: pair.accessLogs,
    readyMs,
    idlePrivateBytes,
    load: (connections, seconds) => runWrk(lab, url, connections, seconds),
    loadAtRate: (perSecond, seconds) =>
      runRate(lab, { port: pair.port, path: PATH, connections: CONNECTIONS, perSecond }, seconds),
  };
}

export const mesh: RoundsCase = {
  kind: "rounds",
  name: "mesh",
  describes:
    "one HTTP/1.1 request through two sidecars with mutual TLS between them; CPU of both, memory of the larger",
  components: ["envoy", "nginx", "wrk", "openssl"],
  connections: CONNECTIONS,
  oneConnection: true,
  rate: { of: "envoy-h2", share: 0.7 },
  targets: [
    { peer: "envoy-h2", of: "cpu", atMost: 0.5 },
    { peer: "envoy-h1", of: "cpu", atMost: 0.35 },
    { peer: "envoy-h2", of: "p99AtRate", atMost: 1 },
    { peer: "envoy-h2", of: "p50OneConnection", atMost: 0.5 },
    { peer: "envoy-h1", of: "p50OneConnection", atMost: 0.5 },
  ],
  async start(lab) {
    const application = await startBackend(lab);
    const certificates = lab.subfolder("certificates");
    makeCertificates(lab.program("openssl"), certificates);
    const peers: RunningPeer[] = [];
    for (const [name, program, protocol] of PEERS) {
      const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, program, protocol);
      const server: PairSpec["server"] = (ports, files) => serverBootstrap(ports, files, program, "http/1.1");
      peers.push(await startPeer(lab, { name, program, client, server, certificates, application }));
    }
    return peers;
  },
};
