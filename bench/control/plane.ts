// `plane.ts CERTIFICATES SECURE-PORT COMMAND-PORT SIZE`: a control plane for a mesh of that size, on the port that proxies connect to, and
// a port for the benchmark's commands. Services and Pods come from memory; what people write is in an API, and its status is written there.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ControlPlane } from "../../src/control/control-plane.ts";
import type { Compilation } from "../../src/control/pipeline.ts";
import { ApiSource } from "../../src/control/source/api.ts";
import type { SourceListener } from "../../src/control/source/source.ts";
import { hasMeshStatus } from "../../src/control/status/condition.ts";
import { ObjectStatus } from "../../src/control/status/object-status.ts";
import type { SourceObject } from "../../src/dialect/object.ts";
import { listenGrpc } from "../../src/grpc/listen.ts";
import { type CallPeer, GrpcService } from "../../src/grpc/server.ts";
import { KubeApi } from "../../src/kube/api/api.ts";
import { KubeClient } from "../../src/kube/client/client.ts";
import { embeddedConnection } from "../../src/kube/client/connection.ts";
import type { KubeObject } from "../../src/kube/object.ts";
import { resource, resourceByKind } from "../../src/kube/resources.ts";
import { Store } from "../../src/kube/store/store.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import type { ByteStream } from "../../src/net/byte-stream.ts";
import { createTlsContext } from "../../src/net/tls-context.ts";
import { peerIdentity } from "../../src/pki/svid.ts";
import { certificateFiles } from "./identity.ts";
import { CHANGED_SERVICE, type MeshSize, meshObjects, namespacesOf, podObject, virtualServiceObject } from "./mesh.ts";
import { type Change, type CompilationReport, type PlaneReport, wallMs } from "./report.ts";

const HANDSHAKE_TIMEOUT_MS = 60_000;

const [folder = "", securePort = "", commandPort = "", sizeText = ""] = process.argv.slice(2);
const size: MeshSize = JSON.parse(sizeText);
/** The one without a proxy: no server names come and go with it. */
const CHANGED_REPLICA = 1;

let source: SourceListener | undefined;
const [written = [], observed = []] = [true, false].map((isWritten) =>
  meshObjects(size).filter(({ origin }) => hasMeshStatus(origin) === isWritten),
);
const compilations: CompilationReport[] = [];

function report({ tookMs }: Compilation): void {
  compilations.push({ at: wallMs() - tookMs, tookMs });
}

const api = new KubeApi({ store: Store.open(join(folder, "store.db")) });
const client = new KubeClient(embeddedConnection(api), "bench");
let statusWrites = 0;
/** Whether the status hears of what happens. */
let hasStatus = true;
const apiSource: ApiSource = new ApiSource(client, (object) => {
  statusWrites++;
  status.onWritten(object);
});
const status = new ObjectStatus({
  client,
  held: () => apiSource.held,
  proxies: () => control.discovery.progress(),
});

async function write({ origin, value }: SourceObject): Promise<void> {
  await client.apply(resourceByKind(origin.group, origin.kind)!, value as unknown as KubeObject);
}

const control: ControlPlane = new ControlPlane({
  settings: DEFAULT_SETTINGS,
  debounce: { quietMs: 100, maxMs: 1_000 },
  sources: [
    {
      name: "the benchmark",
      start(listener) {
        source = listener;
        for (const object of observed) listener.onObject(object);
        listener.onSynced();
      },
      stop() {},
    },
    apiSource,
  ],
  onConnected() {},
  onDisconnected() {},
  onCompiled(compilation) {
    report(compilation);
    if (hasStatus) status.onCompiled(compilation);
  },
  onProgress: () => hasStatus && status.touch(),
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
for (const name of namespacesOf(size))
  await client.create(resource.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
for (const object of written) await write(object);
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
async function change(what: Change): Promise<void> {
  changes++;
  if (what === "endpoint") source?.onObject(podObject(size, CHANGED_SERVICE, CHANGED_REPLICA, changes % 20));
  else await write(virtualServiceObject(size, CHANGED_SERVICE, changes % 100));
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(commandPort),
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const before = [...compilations];
    if (pathname === "/change/endpoint") await change("endpoint");
    if (pathname === "/change/virtual-service") await change("virtual-service");
    if (pathname.startsWith("/status/")) hasStatus = pathname === "/status/on";
    return Response.json({ compilations: before, statusWrites } satisfies PlaneReport);
  },
});
// A profile is written at the end of the process: by its own exit, not by a signal.
process.on("SIGTERM", () => process.exit(0));
