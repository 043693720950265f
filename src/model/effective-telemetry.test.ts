import { expect, test } from "bun:test";
import { buildMesh } from "./build.ts";
import { telemetryOf } from "./effective-telemetry.ts";
import { NO_PARTS } from "./mesh.ts";
import { origin } from "./sample.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "./settings.ts";
import type { LogRule, MetricOverride, Telemetry, TraceRule } from "./telemetry.ts";
import type { WorkloadScope } from "./workload-scope.ts";

const MESH: WorkloadScope = { kind: "mesh", labels: {} };
const SHOP: WorkloadScope = { kind: "namespace", namespace: "shop", labels: {} };
const WEB: WorkloadScope = { kind: "namespace", namespace: "shop", labels: { app: "web" } };

function log(changes: Partial<LogRule>): LogRule {
  return { side: undefined, providers: [], disabled: false, filter: undefined, ...changes };
}

function trace(changes: Partial<TraceRule>): TraceRule {
  const none = { provider: undefined, samplingPercent: undefined, disabled: undefined };
  const unsaid = { tags: undefined, byRequestId: undefined, istioTags: undefined, keepsContext: undefined };
  return { side: undefined, ...none, ...unsaid, ...changes };
}

function telemetry(name: string, scope: WorkloadScope, changes: Partial<Telemetry>, createdAt = 0): Telemetry {
  return {
    origin: origin("Telemetry", name, "shop"),
    createdAt,
    scope,
    logging: [],
    tracing: [],
    metrics: [],
    ...changes,
  };
}

const RECEIVER = { port: 1, timeoutMs: 0, headers: [], maxTagLength: undefined } as const;

const SETTINGS: MeshSettings = {
  ...DEFAULT_SETTINGS,
  providers: [
    { kind: "access-log", name: "file", log: { kind: "text", path: "/tmp/log" }, omitsEmpty: false },
    { kind: "zipkin", name: "zip", host: "z.example.com", path: "/", wideIds: true, passesW3c: false, ...RECEIVER },
    { kind: "opentelemetry", name: "otel", host: "o.example.com", httpPath: undefined, detectors: [], ...RECEIVER },
  ],
};

function effective(telemetries: readonly Telemetry[], changes: Partial<MeshSettings> = {}, app = "web") {
  const mesh = buildMesh({ ...SETTINGS, ...changes }, { ...NO_PARTS, telemetries });
  return telemetryOf(mesh, { namespace: "shop", labels: { app } });
}

function logs(telemetries: readonly Telemetry[], changes: Partial<MeshSettings> = {}, app = "web") {
  const found = effective(telemetries, changes, app);
  const names = (side: "client" | "server") =>
    found?.[side].logs?.map(({ provider, filter }) =>
      [provider.name, ...(filter === undefined ? [] : [filter])].join(": "),
    );
  return { client: names("client"), server: names("server") };
}

const ENVOY_BY_DEFAULT = { defaultProviders: { logging: ["envoy"], tracing: [] } };

test("nobody said anything: the mesh's own settings hold", () => {
  expect(effective([])).toBeUndefined();
  expect(logs([telemetry("t", MESH, { tracing: [trace({ provider: "zip" })] })])).toEqual({
    client: undefined,
    server: undefined,
  });
});

test("default providers hold where no Telemetry speaks of logs", () => {
  expect(logs([], ENVOY_BY_DEFAULT)).toEqual({ client: ["envoy"], server: ["envoy"] });
});

test("a level without providers speaks of those of the level above", () => {
  const mesh = telemetry("mesh", MESH, { logging: [log({ providers: ["file"] })] });
  const filtered = telemetry("shop", SHOP, { logging: [log({ filter: "response.code >= 400" })] });
  expect(logs([mesh, filtered])).toEqual({
    client: ["file: response.code >= 400"],
    server: ["file: response.code >= 400"],
  });
});

test("a level with providers replaces those of the level above", () => {
  const mesh = telemetry("mesh", MESH, { logging: [log({ providers: ["file"] })] });
  const own = telemetry("shop", SHOP, { logging: [log({ providers: ["ENVOY".toLowerCase()] })] });
  expect(logs([mesh, own])).toEqual({ client: ["envoy"], server: ["envoy"] });
});

test("what is disabled for a side goes on at the other; a rule for one side alone leaves the other without a log", () => {
  const mesh = telemetry("mesh", MESH, { logging: [log({ providers: ["file"] })] });
  const quiet = telemetry("web", WEB, { logging: [log({ side: "client", disabled: true })] });
  expect(logs([mesh, quiet])).toEqual({ client: [], server: ["file"] });
  expect(logs([mesh, quiet], {}, "api")).toEqual({ client: ["file"], server: ["file"] });
  const server = telemetry("mesh", MESH, { logging: [log({ side: "server", providers: ["file"] })] });
  expect(logs([server], ENVOY_BY_DEFAULT)).toEqual({ client: [], server: ["file"] });
});

test("of several at one level the oldest counts", () => {
  const old = telemetry("z", SHOP, { logging: [log({ providers: ["file"] })] }, 1);
  const young = telemetry("a", SHOP, { logging: [log({ providers: ["envoy"] })] }, 2);
  expect(logs([young, old]).server).toEqual(["file"]);
});

test("an unknown provider is nobody", () => {
  expect(logs([telemetry("t", SHOP, { logging: [log({ providers: ["nobody"] })] })])).toEqual({
    client: [],
    server: [],
  });
});

test("tracing is merged field by field, the last to speak of a field", () => {
  const mesh = telemetry("mesh", MESH, { tracing: [trace({ provider: "zip", samplingPercent: 10 })] });
  const tags = { a: { kind: "literal", value: "x" } } as const;
  const shop = telemetry("shop", SHOP, { tracing: [trace({ tags, byRequestId: false, istioTags: false })] });
  const web = telemetry("web", WEB, {
    tracing: [trace({ side: "client", provider: "otel" }), trace({ side: "server", disabled: true })],
  });
  const found = effective([mesh, shop, web]);
  expect(found?.client.tracing).toMatchObject({ samplingPercent: 10, tags, byRequestId: false, istioTags: false });
  expect(found?.client.tracing?.provider.name).toBe("otel");
  expect(found?.server.tracing).toBeUndefined();
  expect(found?.origins.map(({ name }) => name)).toEqual(["mesh", "shop", "web"]);
  expect(effective([mesh], {}, "api")?.server.tracing).toMatchObject({
    samplingPercent: 10,
    tags: {},
    byRequestId: true,
    istioTags: true,
  });
});

test("1 % is sampled where nobody says it, and nothing is traced without a provider", () => {
  const bare = telemetry("t", SHOP, { tracing: [trace({ tags: {} })] });
  expect(effective([bare])?.client.tracing).toBeUndefined();
  const byDefault = { defaultProviders: { logging: [], tracing: ["zip"] } };
  expect(effective([], byDefault)?.client.tracing?.samplingPercent).toBe(1);
});

const RECEIVER_OF_THE_MESH = {
  kind: "zipkin",
  name: "mesh",
  host: "m",
  path: "/",
  wideIds: true,
  passesW3c: false,
} as const;
const TRACED_BY_DEFAULT: Partial<MeshSettings> = {
  tracing: {
    samplingPercent: 5,
    tags: { a: { kind: "literal", value: "a" } },
    istioTags: false,
    maxTagLength: 9,
    receiver: { ...RECEIVER_OF_THE_MESH, ...RECEIVER },
    naming: "canonical",
  },
};

test("a service that the mesh's settings name is told beside the mesh's own log, where nobody says who is", () => {
  const headers = { request: [], response: [], trailers: [] };
  const service = {
    kind: "log-service",
    name: "als",
    host: "als.example.com",
    port: 1,
    logName: "l",
    protocol: { kind: "http", filterState: [], headers },
  } as const;
  const both = ["accessLogFile", "als"];
  expect(logs([], { logServices: [service] })).toEqual({ client: both, server: both });
  expect(
    logs([telemetry("t", MESH, { logging: [log({ providers: ["file"] })] })], { logServices: [service] }).client,
  ).toEqual(["file"]);
});

test("the mesh's settings of traces hold where no Telemetry says it", () => {
  const of = (rules: readonly TraceRule[], changes = TRACED_BY_DEFAULT) => {
    const found = effective(rules.length > 0 ? [telemetry("t", SHOP, { tracing: rules })] : [], changes)?.client
      .tracing;
    return (
      found && [
        found.provider.name,
        found.samplingPercent,
        Object.keys(found.tags),
        found.istioTags,
        found.maxTagLength,
      ]
    );
  };
  expect(of([])).toEqual(["mesh", 5, ["a"], false, 9]);
  // Who writes of traces names whom they are told to.
  expect(of([trace({ samplingPercent: 7 })])).toBeUndefined();
  expect(of([trace({ provider: "zip" })])).toEqual(["zip", 5, ["a"], true, 9]);
  const tags = { b: { kind: "literal", value: "b" } } as const;
  expect(of([trace({ provider: "zip", samplingPercent: 7, tags })])).toEqual(["zip", 7, ["b"], true, 9]);
  expect(of([], { ...TRACED_BY_DEFAULT, defaultProviders: { logging: [], tracing: ["otel"] } })?.slice(0, 2)).toEqual([
    "otel",
    5,
  ]);
});

function override(changes: Partial<MetricOverride>): MetricOverride {
  return { side: undefined, metrics: [], disabled: undefined, labels: {}, ...changes };
}

function metrics(scope: WorkloadScope, overrides: readonly MetricOverride[], providers: readonly string[] = []) {
  return telemetry(JSON.stringify(scope), scope, { metrics: [{ providers, overrides, reportMs: undefined }] });
}

const REMOVED = { kind: "removed" } as const;
const SET = { kind: "set", expression: "'x'" } as const;

test("overrides of metrics are merged metric by metric and label by label, the last to speak", () => {
  const mesh = metrics(MESH, [
    override({ disabled: true }),
    override({ metrics: ["requests_total"], disabled: false, labels: { b: SET, a: REMOVED } }),
  ]);
  const shop = metrics(SHOP, [override({ metrics: ["requests_total", "request_bytes"], labels: { b: REMOVED } })]);
  const web = metrics(WEB, [override({ side: "server", disabled: false })]);
  const found = effective([mesh, shop, web]);
  expect(found?.server.metrics).toEqual([
    {
      metric: "requests_total",
      disabled: false,
      labels: [
        ["a", REMOVED],
        ["b", REMOVED],
      ],
    },
    { metric: "request_bytes", disabled: false, labels: [["b", REMOVED]] },
  ]);
  expect(found?.client.metrics).toHaveLength(10);
  expect(found?.client.metrics.filter(({ disabled }) => !disabled).map(({ metric }) => metric)).toEqual([
    "requests_total",
  ]);
  expect(effective([web])?.server.metrics).toEqual([]);
});

test("the last to say how often byte streams are counted counts, of those whom Prometheus hears", () => {
  const every = (scope: WorkloadScope, reportMs: number | undefined, providers: readonly string[] = []) =>
    telemetry(JSON.stringify(scope), scope, { metrics: [{ providers, overrides: [], reportMs }] });
  expect(effective([every(MESH, 1), every(SHOP, undefined), every(WEB, 2)])?.server.reportMs).toBe(2);
  expect(effective([every(MESH, 1), every(SHOP, undefined)])?.client.reportMs).toBe(1);
  expect(effective([every(MESH, 1, ["stackdriver"])])?.client.reportMs).toBeUndefined();
});

test("overrides for others than Prometheus change nothing; those without providers are for whom the rule before is for", () => {
  const count = (telemetries: readonly Telemetry[]) => effective(telemetries)?.client.metrics.length;
  const off = [override({ disabled: true, metrics: ["request_bytes"] })];
  expect(count([metrics(MESH, off, ["prometheus"])])).toBe(1);
  expect(count([metrics(MESH, off, ["stackdriver"])])).toBe(0);
  expect(count([metrics(MESH, [], ["stackdriver"]), metrics(SHOP, off)])).toBe(0);
  expect(count([metrics(MESH, off, ["stackdriver"]), metrics(SHOP, off, ["prometheus"])])).toBe(1);
});
