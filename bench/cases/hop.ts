// `hop`: one plaintext hop, beside proxies that people know.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startBackend } from "../backend.ts";
import { type HopPorts, haproxyHop, hopBootstrap, nginxHop } from "../configuration/hop.ts";
import { PATH } from "../configuration/parts.ts";
import type { Lab } from "../lab.ts";
import { bootstrapCommand, type ProxySpec, proveFeatures, type RunningPeer, startProxy } from "../peer.ts";
import { runWrk } from "../wrk.ts";
import type { RoundsCase } from "./case.ts";

const PEERS = ["heddle", "envoy", "nginx", "haproxy"] as const;
type PeerName = (typeof PEERS)[number];

function specOf(lab: Lab, peer: PeerName, name: string, ports: HopPorts, log: string): ProxySpec {
  const adminPort = ports.admin;
  const file = join(lab.folder, `${name}.conf`);
  switch (peer) {
    case "heddle":
    case "envoy":
      return { name, adminPort, command: bootstrapCommand(lab, peer, name, hopBootstrap(ports, log, peer)) };
    case "nginx": {
      const folder = lab.subfolder(name);
      writeFileSync(file, nginxHop(ports, log, folder));
      return { name, adminPort, command: [lab.program("nginx"), "-e", join(folder, "error.log"), "-c", file] };
    }
    case "haproxy":
      writeFileSync(file, haproxyHop(ports));
      return { name, adminPort, command: [lab.program("haproxy"), "-db", "-f", file], output: log };
  }
}

async function startPeer(lab: Lab, peer: PeerName, backend: number): Promise<RunningPeer> {
  const [listen = 0, admin = 0, twinListen = 0, twinAdmin = 0] = lab.ports(4);
  const log = join(lab.folder, `${peer}.log`);
  const proxy = await startProxy(lab, specOf(lab, peer, peer, { listen, admin, backend }, log));
  const twinPorts = { listen: twinListen, admin: twinAdmin, backend };
  const twin = await startProxy(lab, specOf(lab, peer, `${peer}-twin`, twinPorts, `${log}.twin`));
  // A twin that has served holds the pages of serving, as any second proxy of a machine does.
  await runWrk(lab, `http://127.0.0.1:${twinListen}${PATH}`, 64, 1);
  await proveFeatures(peer, listen, PATH, ["x-request-id", "traceparent"]);
  const url = `http://127.0.0.1:${listen}${PATH}`;
  return {
    name: peer,
    proxies: [proxy.child],
    twin: twin.child,
    accessLogs: [log],
    readyMs: [proxy.readyMs],
    idlePrivateBytes: undefined,
    load: (connections, seconds) => runWrk(lab, url, connections, seconds),
  };
}

export const hop: RoundsCase = {
  kind: "rounds",
  name: "hop",
  describes: "one HTTP/1.1 request through one proxy, in plaintext",
  components: ["envoy", "nginx", "haproxy", "wrk"],
  connections: 64,
  oneConnection: false,
  targets: [
    { peer: "envoy", of: "cpu", atMost: 0.65 },
    { peer: "haproxy", of: "cpu", atMost: 2 },
  ],
  async start(lab) {
    const backend = await startBackend(lab);
    const peers: RunningPeer[] = [];
    for (const peer of PEERS) peers.push(await startPeer(lab, peer, backend));
    return peers;
  },
};
