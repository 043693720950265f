// `plane.ts CERTIFICATES SECURE-PORT COMMAND-PORT SIZE`: a control plane for a mesh of that size, on the port that proxies connect to, and
// a port for the benchmark's commands. Objects come from memory; everything after that is the product's.

import { readFileSync } from "node:fs";
import { ControlPlane } from "../../src/control/control-plane.ts";
import type { Compilation } from "../../src/control/pipeline.ts";
import type { SourceListener } from "../../src/control/source/source.ts";
import { listenGrpc } from "../../src/grpc/listen.ts";
import { type CallPeer, GrpcService } from "../../src/grpc/server.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import type { ByteStream } from "../../src/net/byte-stream.ts";
import { createTlsContext } from "../../src/net/tls-context.ts";
import { peerIdentity } from "../../src/pki/svid.ts";
import { certificateFiles } from "./identity.ts";
import { CHANGED_SERVICE, type MeshSize, meshObjects, podObject, virtualServiceObject } from "./mesh.ts";
import { type Change, type CompilationReport, wallMs } from "./report.ts";

const HANDSHAKE_TIMEOUT_MS = 60_000;

const [folder = "", securePort = "", commandPort = "", sizeText = ""] = process.argv.slice(2);
const size: MeshSize = JSON.parse(sizeText);
/** The one without a proxy: no server names come and go with it. */
const CHANGED_REPLICA = 1;

let source: SourceListener | undefined;
const objects = meshObjects(size);
const compilations: CompilationReport[] = [];

function report({ tookMs }: Compilation): void {
  compilations.push({ at: wallMs() - tookMs, tookMs });
}

const control = new ControlPlane({
  settings: DEFAULT_SETTINGS,
  debounce: { quietMs: 100, maxMs: 1_000 },
  sources: [
    {
      name: "the benchmark",
      start(listener) {
        source = listener;
        for (const object of objects) listener.onObject(object);
        listener.onSynced();
      },
      stop() {},
    },
  ],
  onConnected() {},
  onDisconnected() {},
  onCompiled: report,
});

function peerOf(stream: ByteStream): CallPeer {
  const certificate = stream.tls?.peerCertificate;
  const identity = certificate && peerIdentity(certificate);
  const principal = identity?.kind === "parsed" ? identity.value.uri : "";
  return { principal, address: `${stream.remote.address}:${stream.remote.port}`, certificate };
}

const files = certificateFiles(folder, "control-plane");
const pem = (path: string) => readFileSync(path, "utf8");
const context = createTlsContext(
  { certificate: pem(files.certificate), key: pem(files.key), roots: pem(files.roots) },
  "TLSv1.3",
);
await control.start();
listenGrpc(
  { kind: "tcp", host: "127.0.0.1", port: Number(securePort) },
  {
    context: () => context,
    alpn: ["h2"],
    clientCertificate: "required",
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    handshakesAtOnce: true,
    onHandshakeFailure: (detail) => process.stderr.write(`handshake: ${detail}\n`),
  },
  new GrpcService(control.methods),
  peerOf,
);

let changes = 0;
function change(what: Change): void {
  changes++;
  if (what === "endpoint") source?.onObject(podObject(size, CHANGED_SERVICE, CHANGED_REPLICA, changes % 20));
  else source?.onObject(virtualServiceObject(size, CHANGED_SERVICE, changes % 100));
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(commandPort),
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/change/endpoint") change("endpoint");
    if (pathname === "/change/virtual-service") change("virtual-service");
    return Response.json({ compilations });
  },
});
// A profile is written at the end of the process: by its own exit, not by a signal.
process.on("SIGTERM", () => process.exit(0));
