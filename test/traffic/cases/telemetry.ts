// What Telemetry says is told of requests: which of them are logged, by whom, which traces begin, and as what they are counted.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { eventually, type TestWorkload } from "../mesh.ts";
import type { Pair } from "../pair.ts";
import { LogReceiver } from "../xds/log-receiver.ts";

/** Both proxies write once they hold 64 KiB: a line so long comes at once. */
const PADDING = "-".repeat(66_000);

export function telemetryCases(pair: Pair, clientProxy: ProxyKind): void {
  const file = (name: string) => join(pair.mesh.folder, `${name}.log`);
  const provider = (name: string) =>
    `    - {name: ${name}, envoyFileAccessLog: {path: ${file(name)}, logFormat: {text: "%REQ(:PATH)% %RESPONSE_CODE% ${PADDING}"}}}`;
  const lines = (name: string): readonly string[] => {
    if (!existsSync(file(name))) return [];
    const text = readFileSync(file(name), "latin1");
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" ").slice(0, 2).join(" "));
  };

  const telemetry = (spec: string, name = "telemetry") =>
    pair.mesh.apply(
      `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ${name}, namespace: default}
spec: ${spec}`,
    );
  /** Asks for `path`, each time with another query, until the log has one of them. */
  const untilLogged = async (name: string, path: string) => {
    let asked = 0;
    const ask = async () => {
      await pair.get(`${path}?${asked++}`);
      return lines(name).some((line) => line.startsWith(`${path}?`));
    };
    expect(await eventually(ask, (isThere) => isThere)).toBe(true);
  };
  const receiver = new LogReceiver();
  const headers = async (init?: RequestInit) => (await pair.described("/", init)).headers;

  beforeAll(async () => {
    await pair.mesh.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}");
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    await pair.mesh.apply(
      `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
${["first", "second", "third"].map(provider).join("\n")}
    - {name: spans, zipkin: {service: golden.default.svc.cluster.local, port: 80}}
    - {name: entries, envoyHttpAls: {service: logs.test, port: 4317, logName: entries, additionalRequestHeadersToLog: [x-tenant]}}
    - {name: records, envoyOtelAls: {service: logs.test, port: 4317, logFormat: {text: "%RESPONSE_CODE%", labels: {path: "%REQ(:PATH)%"}}}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: logs, namespace: default}
spec:
  hosts: [logs.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {grpc: ${receiver.port}}}]`,
    );
  });
  afterAll(async () => {
    receiver.stop();
    const { api } = pair.mesh.controlPlane;
    await api.delete(resource.serviceEntries, { namespace: "default", name: "logs" });
    for (const name of ["telemetry", "client"]) await api.delete(resource.telemetries, { namespace: "default", name });
    await api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  test("an expression says which requests a client's proxy logs", async () => {
    await telemetry(
      `{accessLogging: [{match: {mode: CLIENT}, providers: [{name: first}], filter: {expression: "response.code >= 400 || request.url_path.startsWith('/end')"}}]}`,
    );
    await untilLogged("first", "/end-a");
    for (const path of ["/good", "/status/404", "/status/503", "/end-b"]) await pair.get(path);
    const found = await eventually(
      async () => lines("first"),
      (all) => all.includes("/end-b 200"),
    );
    expect(found.filter((line) => !line.startsWith("/end-a"))).toEqual([
      "/status/404 404",
      "/status/503 503",
      "/end-b 200",
    ]);
  });

  test("what is disabled for a workload is not logged, and another provider of its own is", async () => {
    await telemetry("{accessLogging: [{match: {mode: CLIENT}, providers: [{name: second}]}]}");
    await untilLogged("second", "/before");
    await telemetry(
      "{selector: {matchLabels: {app: client}}, accessLogging: [{providers: [{name: second}], disabled: true}, {match: {mode: CLIENT}, providers: [{name: third}]}]}",
      "client",
    );
    await untilLogged("third", "/after");
    await pair.get("/quiet");
    expect(
      await eventually(
        async () => lines("third"),
        (all) => all.includes("/quiet 200"),
      ),
    ).toContain("/quiet 200");
    expect(lines("second").filter((line) => line.startsWith("/quiet"))).toEqual([]);
  });

  test("access logs are streamed to a service of the mesh, in Envoy's form and in OTLP's", async () => {
    await telemetry(
      "{selector: {matchLabels: {app: client}}, accessLogging: [{match: {mode: CLIENT}, providers: [{name: entries}, {name: records}]}]}",
      "client",
    );
    const told = await eventually(
      async () => {
        await pair.described("/streamed", { headers: { "x-tenant": "one" } });
        const records = receiver.exports.flatMap(({ resourceLogs }) =>
          resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
        );
        return { entry: receiver.http.find(({ request }) => request?.path === "/streamed"), record: records[0] };
      },
      ({ entry, record }) => entry !== undefined && record !== undefined,
    );
    expect(told.entry?.request?.requestHeaders).toEqual({ "x-tenant": "one" });
    expect(told.entry?.response?.responseCode).toBe(200);
    expect(receiver.messages[0]?.identifier?.logName).toBe("entries");
    expect(told.record?.body?.value).toEqual({ case: "stringValue", value: "200" });
    expect(told.record?.attributes.map(({ key, value }) => [key, value?.value.value])).toEqual([["path", "/streamed"]]);
  });

  test("a trace begins at the client's proxy, sampled as often as is said, and one that came is carried on", async () => {
    expect((await headers())["x-b3-traceid"]).toBeUndefined();
    const becomes = async (percent: number, sampled: string) => {
      await telemetry(
        `{tracing: [{match: {mode: CLIENT}, providers: [{name: spans}], randomSamplingPercentage: ${percent}}]}`,
      );
      // The server's listener changes too, and Envoy, that drains for no time here, cuts the requests of the old one.
      const asked = () => headers().catch((): Record<string, string> => ({}));
      const found = await eventually(asked, (now) => now["x-b3-sampled"] === sampled);
      expect(found["x-b3-sampled"]).toBe(sampled);
      expect(found["x-b3-traceid"]).toMatch(/^[0-9a-f]{32}$/);
      expect(found["x-b3-spanid"]).toMatch(/^[0-9a-f]{16}$/);
    };
    await becomes(100, "1");
    await becomes(0, "0");
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const context = { "x-b3-traceid": trace, "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1" };
    const found = await headers({ headers: context });
    expect(found).toMatchObject({ "x-b3-traceid": trace, "x-b3-sampled": "1" });
    expect(found["x-b3-spanid"]).not.toBe(context["x-b3-spanid"]);
    expect(found["x-b3-parentspanid"]).toBe(context["x-b3-spanid"]);
  });

  test("metrics are left out, lose labels and get others, where Heddle's proxy counts them", async () => {
    const counted = async (workload: TestWorkload, name: string, reporter: string) => {
      const text = await (await fetch(`http://127.0.0.1:${workload.ports.status}/stats/prometheus`)).text();
      return text.split("\n").filter((line) => line.startsWith(`${name}{reporter="${reporter}"`));
    };
    const sum = async (...asked: Parameters<typeof counted>) =>
      (await counted(...asked)).reduce((all, line) => all + Number(line.split(" ").at(-1)), 0);
    await telemetry(
      `{metrics: [{overrides: [{match: {metric: REQUEST_SIZE}, disabled: true}, {match: {metric: REQUEST_COUNT}, tagOverrides: {source_principal: {operation: REMOVE}, team: {value: "'golden'"}, path: {value: request.url_path}}}]}]}`,
    );
    for (const [workload, proxy, reporter] of [
      [pair.client, clientProxy, "source"],
      [pair.v1, pair.serverProxy, "destination"],
    ] as const) {
      const overridden = (lines: readonly string[]) =>
        lines.filter((line) => line.includes('path="/counted",team="golden"'));
      if (proxy === "envoy") continue;
      const found = await eventually(
        async () => {
          await pair.get("/counted?a=b");
          return overridden(await counted(workload, "istio_requests_total", reporter));
        },
        (lines) => lines.length > 0,
      );
      expect(found).toHaveLength(1);
      expect(found[0]).not.toContain("source_principal=");
      expect(found[0]).toContain('source_workload="client-v1"');
      const [sizes, responses] = [
        await sum(workload, "istio_request_bytes_count", reporter),
        await sum(workload, "istio_response_bytes_count", reporter),
      ];
      await pair.get("/counted");
      await eventually(
        () => sum(workload, "istio_response_bytes_count", reporter),
        (now) => now > responses,
      );
      expect(await sum(workload, "istio_response_bytes_count", reporter)).toBeGreaterThan(responses);
      expect(await sum(workload, "istio_request_bytes_count", reporter)).toBe(sizes);
    }
    if (clientProxy === "envoy") {
      await pair.get("/counted");
      const names = await eventually(
        () => counted(pair.client, "istio_requests_total", "source"),
        (lines) => lines.length > 0,
      );
      expect(names.every((line) => line.includes("source_principal="))).toBe(true);
    }
  });
}
