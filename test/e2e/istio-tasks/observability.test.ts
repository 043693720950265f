// Observability: what curl's requests to httpbin and an echo leave behind, under the objects of the pages below tasks/observability.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ByteClient } from "../../traffic/byte-client.ts";
import { eventually, type TestWorkload } from "../../traffic/mesh.ts";
import { Collector } from "../../traffic/xds/collector.ts";
import { LogReceiver } from "../../traffic/xds/log-receiver.ts";
import { tasks } from "./tasks.ts";

const meshConfig = (mesh: string) => `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    ${mesh}
---`;

const telemetry = (name: string, spec: string, namespace = "istio-system") => `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
---`;

const collectorAt = (name: string, port: number, protocol: string, to: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: istio-system}
spec:
  hosts: [${name}.istio-system.svc.cluster.local]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: main, protocol: ${protocol}}]
  endpoints: [{address: 127.0.0.1, ports: {main: ${to}}}]
---`;

const OTEL = `extensionProviders: [{name: otel, envoyOtelAls: {service: opentelemetry.istio-system.svc.cluster.local, port: 4317, logFormat: {text: "%REQ(:PATH)%", labels: {code: "%RESPONSE_CODE%", cluster: "%UPSTREAM_CLUSTER%"}}}}]`;

const HEALTH_CHECK = "Amazon-Route53-Health-Check-Service";

const EACH_SPAN_TAG = ["component", "http.method", "istio.canonical_service", "guid:x-request-id"];

tasks("observability", (lab) => {
  const logs = new LogReceiver();
  const collector = new Collector();
  let curl: TestWorkload;
  let httpbin: TestWorkload;
  let echo: TestWorkload;
  let echoAt: number;
  let asked = 0;
  beforeAll(async () => {
    echoAt = lab.mesh.book.choose(0);
    [curl, httpbin, echo] = await Promise.all([
      lab.run({ app: "curl", ports: { http: 80 }, calls: "tcp-echo:9000", callsAt: echoAt }),
      lab.run({ app: "httpbin", ports: { http: 8000 } }),
      lab.run({ app: "tcp-echo", role: "echo", ports: { tcp: 9000 } }),
    ]);
    await lab.settled();
  }, 60_000);
  afterAll(() => {
    logs.stop();
    collector.stop();
  });

  /** Of a batch of requests: path, on whose side, and its status. The client's proxy knows an outbound cluster, the server's an inbound one. */
  const recordsOf = (batch: string): readonly string[] =>
    logs.exports
      .flatMap(({ resourceLogs }) => resourceLogs)
      .flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords)
      .filter(({ body }) => String(body?.value.value).endsWith(batch))
      .map(({ body, attributes }) => {
        const label = (name: string) => String(attributes.find(({ key }) => key === name)?.value?.value.value);
        const path = String(body?.value.value).slice(0, -batch.length);
        return `${path} ${label("cluster").split("|")[0]} ${label("code")}`;
      })
      .sort();
  /** `/status/500`, which every filter here lets through, comes last: what is told before it is all that is told. */
  const batches = async (expected: readonly string[]) => {
    const batch = `?${++asked}`;
    await lab.ask(curl, { url: `http://httpbin:8000/ip${batch}`, headers: { "user-agent": HEALTH_CHECK } });
    for (const path of ["/get", "/status/404", "/status/500"])
      await lab.ask(curl, `http://httpbin:8000${path}${batch}`);
    const deadline = performance.now() + 2_500;
    while (performance.now() < deadline && !Bun.deepEquals(recordsOf(batch), expected)) await Bun.sleep(25);
    return recordsOf(batch);
  };
  const told = async (...lines: readonly string[]) => {
    const expected = [...lines].sort();
    expect(
      await eventually(
        () => batches(expected),
        (found) => Bun.deepEquals(found, expected),
      ),
    ).toEqual(expected);
  };
  const both = (path: string, code: number) => [`${path} inbound ${code}`, `${path} outbound ${code}`];

  test("access logs", async () => {
    const file = join(lab.mesh.folder, "access.log");
    await lab.follow(meshConfig(`accessLogFile: ${file}`));
    // Both proxies write once they hold 64 KiB.
    const url = `http://httpbin:8000/status/418?${"-".repeat(12_000)}`;
    const lines = async () => {
      for (let i = 0; i < 6; i++) await lab.sees(curl, url, { status: 418, by: "httpbin-v1" });
      const text = existsSync(file) ? readFileSync(file, "latin1") : "";
      return ["outbound|8000||httpbin.default.svc.cluster.local", "inbound|"].map((cluster) =>
        text.split("\n").find((line) => line.includes(cluster)),
      );
    };
    for (const line of await eventually(lines, (found) => found.every(Boolean)))
      expect(line).toMatch(
        /^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "GET \/status\/418\?-+ HTTP\/(1\.1|2)" 418 - via_upstream - "-" 0 11 \d+ \d+ "-" "[^"]+" "[-0-9a-f]{36}" "httpbin:8000" "127\.0\.0\.1:\d+" (out|in)bound\|\S+ 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ \S+ \S+$/,
      );
  });

  test("access logs by the Telemetry API, to OpenTelemetry", async () => {
    const all = [...both("/ip", 200), ...both("/get", 200), ...both("/status/404", 404), ...both("/status/500", 500)];
    const inbound = all.filter((line) => line.includes("inbound"));
    await lab.follow(meshConfig(OTEL) + collectorAt("opentelemetry", 4317, "GRPC", logs.port));
    await lab.follow(telemetry("mesh-logging-default", "{accessLogging: [{providers: [{name: otel}]}]}"));
    await told(...all);
    const of = (app: string, logging: string) =>
      telemetry(
        app,
        `{selector: {matchLabels: {app: ${app}}}, accessLogging: [{providers: [{name: otel}], ${logging}}]}`,
        "default",
      );
    await lab.follow(of("curl", "disabled: true"));
    await told(...inbound);
    await lab.follow(of("curl", "filter: {expression: response.code >= 500}"));
    await told(...inbound, "/status/500 outbound 500");
    await lab.follow(of("httpbin", "match: {mode: SERVER}, disabled: true"));
    await told("/status/500 outbound 500");
  });

  test("access logs by the Telemetry API: filters for the whole mesh", async () => {
    const filtered = (expression: string) =>
      telemetry(
        "default-exception-logging",
        `{accessLogging: [{providers: [{name: otel}], filter: {expression: "${expression}"}}]}`,
      );
    await lab.follow(meshConfig(OTEL) + collectorAt("opentelemetry", 4317, "GRPC", logs.port));
    await lab.follow(
      filtered(
        "response.code >= 400 || xds.cluster_name == 'BlackHoleCluster' || xds.cluster_name == 'PassthroughCluster'",
      ),
    );
    await told(...both("/status/404", 404), ...both("/status/500", 500));
    await lab.follow(filtered(`!has(request.useragent) || !(request.useragent.startsWith('${HEALTH_CHECK}'))`));
    await told(...both("/get", 200), ...both("/status/404", 404), ...both("/status/500", 500));
  });

  test("tracing: sampling and tags by the Telemetry API, to Zipkin", async () => {
    collector.restart();
    const tracing = (percent: number) =>
      telemetry(
        "mesh-default",
        `{tracing: [{providers: [{name: zipkin}], randomSamplingPercentage: ${percent}, customTags: {provider: {literal: {value: zipkin}}, cluster: {environment: {name: NO_SUCH_VARIABLE, defaultValue: Kubernetes}}, asked: {header: {name: x-asked, defaultValue: nobody}}}}]}`,
      );
    await lab.follow(
      meshConfig(
        "enableTracing: true\n    defaultConfig: {tracing: {}}\n    extensionProviders: [{name: zipkin, zipkin: {service: zipkin.istio-system.svc.cluster.local, port: 9411}}]",
      ) +
        collectorAt("zipkin", 9411, "HTTP", collector.httpPort) +
        tracing(100),
    );
    const sampled = { url: "http://httpbin:8000/headers", headers: { "x-asked": "me" } };
    const couple = async () => {
      for (let i = 0; i < 5; i++) await lab.ask(curl, sampled);
      const server = collector.spans.find(({ kind }) => kind === "SERVER");
      const client = collector.spans.find(({ id, kind }) => kind === "CLIENT" && id === server?.parentId);
      return server && client ? [client, server] : [];
    };
    const spans = await eventually(couple, ({ length }) => length === 2);
    expect(spans.map(({ tags }) => [tags.provider, tags.cluster, tags.asked, tags["istio.canonical_service"]])).toEqual(
      [
        ["zipkin", "Kubernetes", "me", "curl"],
        ["zipkin", "Kubernetes", "me", "httpbin"],
      ],
    );
    for (const { tags } of spans) expect(Object.keys(tags)).toEqual(expect.arrayContaining(EACH_SPAN_TAG));
    await lab.follow(tracing(0));
    await lab.sees(curl, sampled, { status: 200, text: '"x-b3-sampled":"0"' });
  });

  test("tracing: OpenTelemetry", async () => {
    collector.restart();
    await lab.follow(
      meshConfig(
        "enableTracing: true\n    extensionProviders: [{name: otel-tracing, opentelemetry: {service: opentelemetry-collector.istio-system.svc.cluster.local, port: 4317}}]",
      ) +
        collectorAt("opentelemetry-collector", 4317, "GRPC", collector.grpcPort) +
        telemetry(
          "otel-demo",
          "{tracing: [{providers: [{name: otel-tracing}], randomSamplingPercentage: 100, customTags: {my-attribute: {literal: {value: default-value}}}}]}",
        ),
    );
    const kinds = async () => {
      for (let i = 0; i < 5; i++) await lab.ask(curl, "http://httpbin:8000/headers");
      return [
        ...new Set(
          collector.spans.filter(({ tags }) => tags["my-attribute"] === "default-value").map(({ kind }) => kind),
        ),
      ].sort();
    };
    expect(await eventually(kinds, ({ length }) => length === 2)).toEqual(["CLIENT", "SERVER"]);
    await lab.sees(curl, "http://httpbin:8000/headers", {
      status: 200,
      text: /"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-01"/,
    });
  });

  test("tracing: settings of the mesh and of proxies", async () => {
    collector.restart();
    await lab.follow(
      meshConfig(
        "enableTracing: true\n    defaultConfig: {tracing: {zipkin: {address: zipkin.istio-system:9411}, sampling: 100, max_path_tag_length: 5, custom_tags: {mine: {literal: {value: literal}}}}}",
      ) + collectorAt("zipkin", 9411, "HTTP", collector.httpPort),
    );
    const urls = async () => {
      for (let i = 0; i < 5; i++) await lab.ask(curl, "http://httpbin:8000/headers");
      return collector.spans.filter(({ tags }) => tags.mine === "literal").map(({ tags }) => tags["http.url"]);
    };
    expect((await eventually(urls, ({ length }) => length > 0))[0]).toEndWith("httpbin:8000/head");
  });

  /** Series of a workload's metric, as its agent tells them. */
  const series = async ({ ports }: TestWorkload, metric: string, ...labels: readonly string[]) => {
    const text = await (await fetch(`http://127.0.0.1:${ports.status}/stats/prometheus`)).text();
    return text
      .split("\n")
      .filter((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)));
  };

  test("querying metrics, and those of TCP services", async () => {
    const service = 'destination_service="httpbin.default.svc.cluster.local"';
    for (const [workload, reporter] of [
      [curl, "source"],
      [httpbin, "destination"],
    ] as const) {
      const counted = async () => {
        await lab.ask(curl, "http://httpbin:8000/get");
        return series(
          workload,
          "istio_requests_total",
          `reporter="${reporter}"`,
          service,
          'response_code="200"',
          'source_workload="curl-v1"',
          'connection_security_policy="',
        );
      };
      expect((await eventually(counted, ({ length }) => length > 0)).length).toBeGreaterThan(0);
    }
    const client = await ByteClient.connect(echoAt);
    await client.send("hello\n").hears("tcp-echo-v1 hello");
    client.close();
    for (const [workload, reporter] of [
      [curl, "source"],
      [echo, "destination"],
    ] as const)
      for (const metric of ["connections_opened", "connections_closed", "sent_bytes", "received_bytes"]) {
        const counted = () =>
          series(
            workload,
            `istio_tcp_${metric}_total`,
            `reporter="${reporter}"`,
            'destination_service_name="tcp-echo"',
            'request_protocol="tcp"',
          );
        expect((await eventually(counted, ({ length }) => length > 0)).length).toBeGreaterThan(0);
      }
  });

  test("customizing metrics by the Telemetry API", async () => {
    // Envoy's requests are counted by the standard metrics (HED2038).
    const told = lab.arrangement === "heddle" ? [] : ["HED2038"];
    const overrides = (text: string) =>
      telemetry("metrics", `{metrics: [{providers: [{name: prometheus}], overrides: [${text}]}]}`);
    const sides = [
      ["default/curl", curl, "source"],
      ["default/httpbin", httpbin, "destination"],
    ] as const;
    const counts = async (path: string, wanted: (lines: readonly string[]) => boolean) => {
      for (const [name, workload, reporter] of sides) {
        if (!lab.isHeddle(name)) continue;
        const all = async () => {
          await lab.ask(curl, `http://httpbin:8000${path}`);
          return series(
            workload,
            "istio_requests_total",
            `reporter="${reporter}"`,
            'destination_service_name="httpbin"',
          );
        };
        expect(wanted(await eventually(all, wanted))).toBe(true);
      }
    };
    await lab.follow(
      overrides(
        "{match: {metric: REQUEST_COUNT, mode: CLIENT_AND_SERVER}, tagOverrides: {response_flags: {operation: REMOVE}, request_host: {value: request.host}, request_method: {value: request.method}}}",
      ),
      ...told,
    );
    await counts("/get", (lines) =>
      lines.some(
        (line) =>
          line.includes('request_host="httpbin:8000",request_method="GET"') && !line.includes("response_flags="),
      ),
    );
    await lab.follow(
      overrides(
        "{match: {metric: REQUEST_COUNT}, tagOverrides: {response_code: {value: \"response.code >= 200 && response.code < 300 ? '2xx' : 'other'\"}}}",
      ),
      ...told,
    );
    await counts("/get", (lines) => lines.some((line) => line.includes('response_code="2xx"')));
    const sum = async (workload: TestWorkload, reporter: string) =>
      (
        await series(workload, "istio_requests_total", `reporter="${reporter}"`, 'destination_service_name="httpbin"')
      ).reduce((all, line) => all + Number(line.split(" ").at(-1)), 0);
    await lab.follow(overrides("{match: {metric: ALL_METRICS, mode: CLIENT_AND_SERVER}, disabled: true}"), ...told);
    for (const [name, workload, reporter] of sides) {
      if (!lab.isHeddle(name)) continue;
      const before = await sum(workload, reporter);
      await lab.ask(curl, "http://httpbin:8000/get");
      expect(await sum(workload, reporter)).toBe(before);
    }
  });
});
