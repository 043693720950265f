// Statistics streamed over TLS: to a server that a file's roots know (SIMPLE), and to a workload of the mesh (ISTIO_MUTUAL).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { findComponent } from "../../scripts/components.ts";
import { AuthorityStore } from "../../src/ca/store.ts";
import { type GrpcListener, listenGrpc } from "../../src/grpc/listen.ts";
import { GrpcService } from "../../src/grpc/server.ts";
import { createTlsContext, type NativeContext } from "../../src/net/tls-context.ts";
import { bundlePem } from "../../src/pki/bundle.ts";
import { peerIdentity } from "../../src/pki/svid.ts";
import { StreamMetricsMessageSchema } from "../../src/xds/gen/envoy/service/metrics/v3/metrics_service_pb.ts";
import { type Identity, identityOf, ROOTS } from "../traffic/xds/certificates.ts";
import { Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const METHOD = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
const envoy = findComponent("envoy");
if (process.env.CI === "true" && !envoy) throw new Error("tests of the metrics service need envoy");

const PROXIES = [
  { name: "one-worker", options: ["--proxy", "heddle"], concurrency: 1 },
  { name: "two-workers", options: ["--proxy", "heddle"], concurrency: 2 },
  { name: "envoy", options: ["--proxy", "envoy"], concurrency: 1 },
] as const;

function rules(): string {
  const configs = PROXIES.map(
    ({ name, concurrency }) => `---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: ${name}, namespace: default}
spec: {selector: {matchLabels: {app: ${name}}}, concurrency: ${concurrency}}
`,
  );
  return configs.join("");
}

/** What a stream said, and what its connection proved. */
interface Told {
  readonly node: string;
  readonly names: ReadonlySet<string>;
  readonly by: string;
}

class TlsReceiver {
  readonly #listener: GrpcListener;
  readonly told: Told[] = [];
  context: NativeContext | undefined;

  constructor(clientCertificate: "required" | "none") {
    const service = new GrpcService({
      [METHOD]: ({ peer }) => {
        let node = "";
        return {
          onMessage: (bytes) => {
            const { identifier, envoyMetrics } = fromBinary(StreamMetricsMessageSchema, bytes);
            node = identifier?.node?.id ?? node;
            this.told.push({ node, names: new Set(envoyMetrics.map(({ name }) => name)), by: peer.principal });
          },
          onEnd() {},
          onCancel() {},
        };
      },
    });
    const tls = {
      context: () => this.context,
      alpn: ["h2"],
      clientCertificate,
      handshakeTimeoutMs: 5_000,
      onHandshakeFailure() {},
    };
    this.#listener = listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, tls, service, ({ tls }) => {
      const proven = tls?.peerCertificate && peerIdentity(tls.peerCertificate);
      return { principal: proven?.kind === "parsed" ? proven.value.uri : "", address: "" };
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop();
  }
}

function contextOf({ chain, key }: Identity, roots: string): NativeContext {
  return createTlsContext({ certificate: chain, key, roots }, "TLSv1.2");
}

/** The identity of the mesh's own authority, which is there once the control plane is. */
function ofMesh(heddle: Heddle): NativeContext {
  const { authority } = new AuthorityStore(join(heddle.state, "ca")).open("cluster.local", Date.now());
  return contextOf(identityOf("metrics", 86_400_000, authority), bundlePem(authority.bundle));
}

interface Mode {
  readonly mode: string;
  readonly clientCertificate: "required" | "none";
  readonly settings: (folder: string) => string;
  readonly context: (heddle: Heddle) => NativeContext;
  readonly provenBy: (name: string) => string;
}

const SERVER = "spiffe://cluster.local/ns/default/sa/metrics";
const MODES: readonly Mode[] = [
  {
    mode: "SIMPLE",
    clientCertificate: "none",
    settings: (folder) => `caCertificates: ${join(folder, "roots.pem")}, subjectAltNames: ["${SERVER}"]`,
    context: () => contextOf(identityOf("metrics"), ROOTS),
    provenBy: () => "",
  },
  {
    mode: "ISTIO_MUTUAL",
    clientCertificate: "required",
    settings: () => `subjectAltNames: ["${SERVER}"]`,
    context: ofMesh,
    provenBy: (name) => `spiffe://cluster.local/ns/default/sa/${name}`,
  },
];

for (const { mode, clientCertificate, settings, context, provenBy } of MODES)
  describe.skipIf(!envoy)(`a metrics service over TLS, ${mode}`, () => {
    const heddle = new Heddle();
    let server: TlsReceiver;

    beforeAll(async () => {
      server = new TlsReceiver(clientCertificate);
      writeFileSync(join(heddle.folder, "roots.pem"), ROOTS);
      const file = join(heddle.folder, "mesh.yaml");
      const tls = `{mode: ${mode}, ${settings(heddle.folder)}}`;
      writeFileSync(
        file,
        `defaultConfig: {envoyMetricsService: {address: "localhost:${server.port}", tlsSettings: ${tls}}}`,
      );
      await heddle.up(["--mesh-config", file]);
      server.context = context(heddle);
      expect(await heddle.call(["apply", "-f", "-"], { stdin: rules() })).toMatchObject({ code: 0 });
    }, LIMIT_MS);
    afterAll(async () => {
      await heddle.close();
      server.stop();
      expect(heddle.leftovers()).toEqual([]);
    }, LIMIT_MS);

    test.each(PROXIES.map((proxy) => [proxy.name, proxy] as const))(
      "by %s",
      async (name, { options }) => {
        const free = ["admin", "status"].flatMap((one) => [`--${one}-port`, "0"]);
        const gateway = heddle.start(["gateway", "--name", name, ...options, ...free]);
        const told = () => server.told.find(({ node }) => node.includes(name));
        await until(
          () => told() !== undefined,
          gateway.exited.then(() => false),
        );
        expect(told()?.names.has("server.live")).toBe(true);
        expect(told()?.by).toBe(provenBy(name));
      },
      LIMIT_MS,
    );
  });
