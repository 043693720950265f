// `mesh`: two sidecars with mutual TLS and everything that they do for a request turned on.

import { startBackend } from "../backend.ts";
import { clientBootstrap, serverBootstrap } from "../configuration/mesh.ts";
import { PATH } from "../configuration/parts.ts";
import { makeCertificates } from "../identity.ts";
import type { Lab } from "../lab.ts";
import { proveFeatures, type RunningPeer } from "../peer.ts";
import { type PairSpec, startRepeatedly } from "../sidecars.ts";
import { runWrk } from "../wrk.ts";
import type { Case } from "./case.ts";

type LegProtocol = "h2" | "http/1.1";

/** By the protocol on the leg: Istio's sidecars speak HTTP/1.1 there for HTTP/1.1 clients. */
const PEERS: readonly (readonly [name: string, program: PairSpec["program"], protocol: LegProtocol])[] = [
  ["heddle", "heddle", "h2"],
  ["envoy-h2", "envoy", "h2"],
  ["envoy-h1", "envoy", "http/1.1"],
];

async function startPeer(lab: Lab, spec: PairSpec): Promise<RunningPeer> {
  const { pair, readyMs, idlePrivateBytes } = await startRepeatedly(lab, spec);
  await proveFeatures(spec.name, pair.port, PATH, ["x-request-id", "x-forwarded-client-cert"]);
  const url = `http://127.0.0.1:${pair.port}${PATH}`;
  return {
    name: spec.name,
    proxies: pair.proxies.map(({ child }) => child),
    twin: undefined,
    accessLogs: pair.accessLogs,
    readyMs,
    idlePrivateBytes,
    load: (connections, seconds) => runWrk(lab, url, connections, seconds),
  };
}

export const mesh: Case = {
  name: "mesh",
  describes:
    "one HTTP/1.1 request through two sidecars with mutual TLS between them; CPU of both, memory of the larger",
  components: ["envoy", "nginx", "wrk", "openssl"],
  connections: 64,
  oneConnection: true,
  async start(lab) {
    const application = await startBackend(lab);
    const certificates = lab.subfolder("certificates");
    makeCertificates(lab.program("openssl"), certificates);
    const peers: RunningPeer[] = [];
    for (const [name, program, protocol] of PEERS) {
      const client: PairSpec["client"] = (ports, files) => clientBootstrap(ports, files, protocol);
      peers.push(await startPeer(lab, { name, program, client, server: serverBootstrap, certificates, application }));
    }
    return peers;
  },
};
