// `proxies.ts CERTIFICATES SECURE-PORT COMMAND-PORT SIZE`: the proxies of a mesh but the first, which is a real one; each has a connection and
// proves its identity. They connect at the command `/connect`, all at once. The real one's agent is here, too.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serveLocally } from "../../src/agent/local-service.ts";
import { SDS_PATH, SecretService } from "../../src/agent/sds.ts";
import { Secret } from "../../src/base/secret.ts";
import { ClientCall } from "../../src/grpc/client.ts";
import { CLIENT_LIMITS } from "../../src/grpc/client-limits.ts";
import { GrpcService } from "../../src/grpc/server.ts";
import { Http2ClientConnection } from "../../src/http/h2/client-connection.ts";
import { type ClientTls, connect } from "../../src/net/connect.ts";
import { createTlsContext, encodeAlpn } from "../../src/net/tls-context.ts";
import { peerIdentity } from "../../src/pki/svid.ts";
import { ADS_PATH } from "../discovery.ts";
import { certificateFiles, SERVER_IDENTITY } from "./identity.ts";
import { type MeshSize, namespacesOf, type Pod, proxiedPods } from "./mesh.ts";
import type { ProxiesReport } from "./report.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";

const CONNECT_TIMEOUT_MS = 60_000;

const [folder = "", securePort = "", commandPort = "", sizeText = ""] = process.argv.slice(2);
const size: MeshSize = JSON.parse(sizeText);
const pem = (path: string) => readFileSync(path, "utf8");
const failures: string[] = [];

function tlsOf(namespace: string): ClientTls {
  const files = certificateFiles(folder, namespace);
  return {
    context: createTlsContext(
      { certificate: pem(files.certificate), key: pem(files.key), roots: pem(files.roots) },
      "TLSv1.3",
    ),
    serverName: "heddle.heddle-system.svc",
    alpn: encodeAlpn(["h2"]),
    verifyChain: true,
    verifyName(certificate) {
      const proven = certificate && peerIdentity(certificate);
      return proven?.kind === "parsed" && proven.value.uri === SERVER_IDENTITY ? undefined : "not the control plane";
    },
  };
}

const identities = new Map(namespacesOf(size).map((namespace) => [namespace, tlsOf(namespace)]));
const [real, ...simulated] = proxiedPods(size);
const proxies = simulated.map((pod) => ({ pod, proxy: new SimulatedProxy(pod) }));

function open({ pod, proxy }: { readonly pod: Pod; readonly proxy: SimulatedProxy }): void {
  const fail = (reason: string) => failures.push(`${pod.name}: ${reason}`);
  const address = { kind: "tcp", host: "127.0.0.1", port: Number(securePort) } as const;
  connect(address, identities.get(pod.namespace)!, CONNECT_TIMEOUT_MS, {
    onConnected(transport) {
      const connection = new Http2ClientConnection(
        transport,
        { onAvailable() {}, onDraining() {}, onClosed: () => fail("the connection was closed") },
        CLIENT_LIMITS,
      );
      transport.listener = connection;
      const call = new ClientCall(
        connection,
        ADS_PATH,
        { authority: "heddle", scheme: "https" },
        {
          onMessage: (message) => proxy.onMessage(message),
          onWritable() {},
          onStatus: ({ code, message }) => fail(`${code}: ${message}`),
        },
      );
      proxy.open(call);
    },
    onConnectFailure: fail,
  });
}

function report(): ProxiesReport {
  return {
    synced: proxies.filter(({ proxy }) => proxy.synced).length,
    lastAt: Math.max(...proxies.map(({ proxy }) => proxy.lastAt)),
    responses: proxies.reduce((sum, { proxy }) => sum + proxy.responses, 0),
    bytes: proxies.reduce((sum, { proxy }) => sum + proxy.bytes, 0),
    failures: failures.slice(0, 5),
  };
}

function serveSecrets({ namespace }: Pod): void {
  const secrets = new SecretService();
  const files = certificateFiles(folder, namespace);
  const roots = pem(files.roots);
  secrets.update({
    chain: pem(files.certificate),
    key: new Secret(pem(files.key)),
    roots,
    notAfterMs: Number.MAX_SAFE_INTEGER,
  });
  serveLocally(join(folder, "agent.sock"), new GrpcService({ [SDS_PATH]: secrets.method }));
}

if (real) serveSecrets(real);
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(commandPort),
  fetch(request) {
    if (new URL(request.url).pathname === "/connect") for (const each of proxies) open(each);
    return Response.json(report());
  },
});
// A profile is written at the end of the process: by its own exit, not by a signal.
process.on("SIGTERM", () => process.exit(0));
