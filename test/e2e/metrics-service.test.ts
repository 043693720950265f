// Statistics that both proxies tell: streamed to a service (envoyMetricsService), and as lines of statsd (statsdUdpAddress).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { findComponent } from "../../scripts/components.ts";
import { patchedBootstrap } from "../../src/agent/bootstrap-patch.ts";
import { metricsSink, statsdSink } from "../../src/control/registration/metrics-sink.ts";
import { type GrpcListener, listenGrpc } from "../../src/grpc/listen.ts";
import { GrpcService } from "../../src/grpc/server.ts";
import type { ClientTls } from "../../src/model/client-policy.ts";
import { testRoot } from "../../src/pki/certificate-fixtures.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { checkCluster, describeRejections } from "../../src/table/accept/resource.ts";
import {
  type StreamMetricsMessage,
  StreamMetricsMessageSchema,
} from "../../src/xds/gen/envoy/service/metrics/v3/metrics_service_pb.ts";
import { MetricType } from "../../src/xds/gen/io/prometheus/client/metrics_pb.ts";
import { Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const METHOD = "/envoy.service.metrics.v3.MetricsService/StreamMetrics";
const heddle = new Heddle();
const envoy = findComponent("envoy");
if (process.env.CI === "true" && !envoy) throw new Error("tests of the metrics service need envoy");

const PROXIES = [
  { name: "metrics-heddle", options: ["--proxy", "heddle"], concurrency: 1 },
  { name: "metrics-workers", options: ["--proxy", "heddle"], concurrency: 2 },
  { name: "metrics-envoy", options: ["--proxy", "envoy"], concurrency: 1 },
] as const;

/** One stream of one proxy. */
class Received {
  readonly messages: StreamMetricsMessage[] = [];

  /** Who says it, in the first message alone. */
  get who(): string {
    return this.messages[0]?.identifier?.node?.id ?? "";
  }

  /** As it was told last. */
  value(name: string, type: MetricType): number | undefined {
    const families = this.messages.at(-1)?.envoyMetrics ?? [];
    const [metric] = families.find((family) => family.name === name && family.type === type)?.metric ?? [];
    return metric?.counter?.value ?? metric?.gauge?.value;
  }
}

const streams: Received[] = [];

function receiver(): GrpcListener {
  const service = new GrpcService({
    [METHOD]: () => {
      const stream = new Received();
      streams.push(stream);
      return {
        onMessage: (bytes) => void stream.messages.push(fromBinary(StreamMetricsMessageSchema, bytes)),
        onEnd() {},
        onCancel() {},
      };
    },
  });
  return listenGrpc({ kind: "tcp", host: "127.0.0.1", port: 0 }, undefined, service, () => ({}) as never);
}

function rules(): string {
  const configs = PROXIES.map(
    ({ name, concurrency }) => `---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: ${name}, namespace: default}
spec: {selector: {matchLabels: {app: ${name}}}, concurrency: ${concurrency}}
`,
  );
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {selector: {}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: default}
spec: {hosts: [a.test], gateways: [edge], http: [{directResponse: {status: 200}}]}
${configs.join("")}`;
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  listener.stop(true);
  return listener.port;
}

describe.skipIf(!envoy)("a metrics service", () => {
  let server: GrpcListener;
  let statsd: Bun.udp.Socket<"buffer">;
  const lines: string[] = [];

  beforeAll(async () => {
    server = receiver();
    const socket = { data: (_: unknown, data: Buffer) => void lines.push(...data.toString().split("\n")) };
    statsd = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket });
    const file = join(heddle.folder, "mesh.yaml");
    writeFileSync(
      file,
      `defaultConfig: {envoyMetricsService: {address: "127.0.0.1:${server.port}", tcpKeepalive: {time: 60s}}, statsdUdpAddress: "127.0.0.1:${statsd.port}"}`,
    );
    await heddle.up(["--mesh-config", file]);
    expect(await heddle.call(["apply", "-f", "-"], { stdin: rules() })).toMatchObject({ code: 0 });
  }, LIMIT_MS);
  afterAll(async () => {
    await heddle.close();
    server.stop();
    statsd.close();
    expect(heddle.leftovers()).toEqual([]);
  }, LIMIT_MS);

  for (const { name, options } of PROXIES) {
    test(
      `is told by ${name} who it is, and what it counts`,
      async () => {
        const port = freePort();
        lines.length = 0;
        const free = ["admin", "status"].flatMap((one) => [`--${one}-port`, "0"]);
        heddle.start(["gateway", "--name", name, ...options, "--port", `80=${port}`, ...free]);
        const ask = () =>
          fetch(`http://127.0.0.1:${port}/`, { headers: { host: "a.test" } }).then(
            ({ ok }) => ok,
            () => false,
          );
        await until(ask);
        for (let i = 0; i < 10; i++) expect(await ask()).toBe(true);
        const of = () => streams.find(({ who }) => who.includes(name));
        const requests = () => {
          const { envoyMetrics = [] } = of()?.messages.at(-1) ?? {};
          const isOurs = ({ name: stat }: { readonly name: string }) =>
            stat.startsWith("http.outbound_") && stat.endsWith(".downstream_rq_total");
          const family = envoyMetrics.find(isOurs);
          return family?.metric[0]?.counter?.value ?? 0;
        };
        await until(async () => requests() >= 11);
        expect(
          of()!
            .messages.slice(1)
            .every(({ identifier }) => identifier === undefined),
        ).toBe(true);
        expect(of()!.value("server.live", MetricType.GAUGE)).toBeGreaterThanOrEqual(1);
        const isRequest = /^envoy\.http\.outbound_.*\.downstream_rq_total:[1-9]\d*\|c$/;
        await until(async () => lines.some((line) => isRequest.test(line)));
        expect(streams.filter(({ who }) => who.includes(name))).toHaveLength(1);
      },
      LIMIT_MS,
    );
  }
});

const TLS: Readonly<Record<string, ClientTls | undefined>> = {
  none: undefined,
  simple: {
    kind: "simple",
    sni: "metrics.test",
    subjectAltNames: ["metrics.test"],
    caFile: "roots.pem",
    skipVerify: false,
  },
  mesh: { kind: "mesh", subjectAltNames: ["spiffe://cluster.local/ns/default/sa/metrics"] },
};

test.each(Object.keys(TLS))("its cluster is one that both proxies take: TLS %s", async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-metrics-"));
  writeFileSync(join(folder, "roots.pem"), testRoot(Date.now(), { uris: [] }).pem);
  const found = TLS[kind];
  const tls = found?.kind === "simple" ? { ...found, caFile: join(folder, "roots.pem") } : found;
  const value = metricsSink({ host: "metrics.test", port: 15_000, tls, keepalive: { probes: 3, idleMs: 1_500 } });
  const agent = {
    name: "sds-grpc",
    type: "STATIC",
    load_assignment: {
      cluster_name: "sds-grpc",
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: join(folder, "a.sock") } } } }] }],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
  const made = patchedBootstrap({ node: { id: "a", cluster: "a" }, static_resources: { clusters: [agent] } }, [
    { json: JSON.stringify(value), replacesLists: false, origin: "test" },
    { json: JSON.stringify(statsdSink({ address: "127.0.0.1", port: 8125 })), replacesLists: false, origin: "test" },
  ]);
  const file = join(folder, "bootstrap.json");
  writeFileSync(file, JSON.stringify(made));
  const { staticResources, statsSinks } = await readBootstrap(file);
  expect(statsSinks).toHaveLength(2);
  for (const cluster of staticResources?.clusters ?? []) {
    const accepted = checkCluster(cluster);
    expect(accepted.kind === "accepted" ? "" : describeRejections(accepted.rejections)).toBe("");
  }
  if (envoy) {
    const child = Bun.spawn([envoy, "--mode", "validate", "-c", file, "-l", "error"], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const log = await new Response(child.stderr).text();
    expect(`${await child.exited} ${log}`).toBe("0 ");
  }
  rmSync(folder, { recursive: true, force: true });
});
