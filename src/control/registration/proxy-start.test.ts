import { describe, expect, test } from "bun:test";
import { resource } from "../../kube/resources.ts";
import { buildMesh } from "../../model/build.ts";
import type { EnvoyPatch, EnvoyPatches } from "../../model/envoy-patch.ts";
import { NO_PARTS } from "../../model/mesh.ts";
import type { ProxyStartRule } from "../../model/proxy-start.ts";
import type { ServiceNaming } from "../../model/service-naming.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import type { Standing } from "../standing.ts";
import { proxyStart } from "./proxy-start.ts";
import type { RegisteredWorkload } from "./workload.ts";

const origin = (kind: string, name: string) => ({ group: "networking.istio.io", kind, namespace: "shop", name });

const RULE: ProxyStartRule = {
  origin: origin("ProxyConfig", "web"),
  createdAt: 0,
  scope: { kind: "namespace", namespace: "shop", labels: { app: "web" } },
  start: { concurrency: 2, environment: { A: "rule", B: "rule" } },
};

function filter(name: string, ...patches: readonly Partial<EnvoyPatch>[]): EnvoyPatches {
  return {
    origin: origin("EnvoyFilter", name),
    createdAt: 0,
    scope: { kind: "namespace", namespace: "shop", labels: {} },
    priority: 0,
    patches: patches.map((patch, i) => ({
      target: "bootstrap",
      operation: "merge",
      context: "any",
      value: { stats_flush_interval: `${i + 1}s` },
      path: "",
      ...patch,
    })),
  };
}

function workload(kind: "heddle" | "envoy", gateway = false): RegisteredWorkload {
  return {
    namespace: "shop",
    serviceAccount: "web",
    name: "web-v1-abcde",
    app: "web",
    version: "v1",
    workloadName: "web-v1",
    address: "127.0.0.1",
    application: undefined,
    proxy: { kind, meshPort: 1, statusPort: 2, wayIn: { kind: "ports", forwardProxy: 3, inbound: 4 } },
    upstreams: [],
    gateway: gateway ? { ports: [] } : undefined,
    group: undefined,
  };
}

function standing(annotations: Readonly<Record<string, string>> = {}): Standing {
  const metadata = { name: "web-v1-abcde", namespace: "shop", labels: { app: "web" }, annotations };
  return { type: resource.pods, object: { apiVersion: "v1", kind: "Pod", metadata, spec: {} } };
}

test("spans are of the service that the mesh's settings name", () => {
  const named = (naming: ServiceNaming, labels: Readonly<Record<string, string>>) => {
    const settings = { ...DEFAULT_SETTINGS, tracing: { ...DEFAULT_SETTINGS.tracing, naming } };
    const { object, type } = standing();
    const metadata = { ...object.metadata, labels };
    const { bootstrap } = proxyStart(buildMesh(settings, NO_PARTS), workload("heddle"), {
      type,
      object: { ...object, metadata },
    });
    return bootstrap.map(({ json }) => JSON.parse(json).node.cluster);
  };
  const canonical = { app: "web", "service.istio.io/canonical-name": "front" };
  expect(named("canonical-and-namespace", canonical)).toEqual([]);
  expect(named("canonical", canonical)).toEqual(["front"]);
  expect(named("app-and-namespace", canonical)).toEqual(["web.shop"]);
  expect(named("app-and-namespace", {})).toEqual(["web-v1.shop"]);
});

const mesh = buildMesh(DEFAULT_SETTINGS, {
  ...NO_PARTS,
  proxyStarts: [RULE],
  envoyPatches: [
    filter(
      "boot",
      {},
      { context: "gateway" },
      { context: "inbound", operation: "merge-replacing-lists" },
      { target: "listener" },
      { proxy: { metadata: { WORKLOAD_NAME: "other" } } },
    ),
  ],
});

describe("what an agent is told before it starts its proxy", () => {
  test("is what rules say of the workload's labels, and last what its own annotation says", () => {
    const said = proxyStart(mesh, workload("heddle"), standing());
    expect([said.concurrency, said.environment]).toEqual([2, { A: "rule", B: "rule" }]);
    const own = "concurrency: 0\nproxyMetadata: {B: own, C: 1}";
    const overruled = proxyStart(mesh, workload("heddle"), standing({ "proxy.istio.io/config": own }));
    expect([overruled.concurrency, overruled.environment]).toEqual([0, { A: "rule", B: "own" }]);
    const unreadable = proxyStart(mesh, workload("heddle"), standing({ "proxy.istio.io/config": "[" }));
    expect(unreadable.concurrency).toBe(2);
  });

  test("is how long its proxy drains, which statistics it tells and its runtime: the workload's word before the mesh's", () => {
    const defaults = {
      ...DEFAULT_SETTINGS.defaults,
      proxyStart: {
        environment: {},
        listenerDrainMs: 20_000,
        terminationDrainMs: 15_000,
        logFlushMs: 500,
        logFlushKb: 0,
        maxConnections: 7,
        adminPort: 15_900,
        statistics: { prefixes: ["a."], suffixes: ["b"], regexes: ["c.*"] },
        runtime: { flag: "true", number: "5", text: "x", nothing: "" },
      },
    };
    const settled = buildMesh({ ...DEFAULT_SETTINGS, defaults }, NO_PARTS);
    const said = proxyStart(settled, workload("heddle"), standing());
    expect([said.listenerDrain?.seconds, said.terminationDrain?.seconds]).toEqual([20n, 15n]);
    expect([said.adminPort, said.statusPort]).toEqual([15_900, 0]);
    expect([said.logFlushInterval?.nanos, said.logFlushMinKb]).toEqual([500_000_000, 0]);
    const bootstrap = Object.assign({}, ...said.bootstrap.map(({ json }) => JSON.parse(json)));
    const { patterns } = bootstrap.stats_config.stats_matcher.inclusion_list;
    expect(patterns).toEqual(
      expect.arrayContaining([{ prefix: "a." }, { suffix: "b" }, { safe_regex: { regex: "c.*" } }]),
    );
    expect(patterns).toContainEqual({ prefix: "server" });
    expect(bootstrap.overload_manager.resource_monitors).toMatchObject([
      {
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: { max_active_downstream_connections: 7 },
      },
    ]);
    expect(bootstrap.layered_runtime.layers).toEqual([
      { name: "mesh", static_layer: { flag: true, number: 5, text: "x" } },
      { name: "admin", admin_layer: {} },
    ]);
    const own = "{terminationDrainDuration: 1s, drainDuration: never, proxyStatsMatcher: {inclusionSuffixes: [own]}}";
    const overruled = proxyStart(settled, workload("envoy"), standing({ "proxy.istio.io/config": own }));
    expect([overruled.listenerDrain?.seconds, overruled.terminationDrain?.seconds]).toEqual([20n, 1n]);
    expect(overruled.bootstrap[0]?.json).toContain('{"suffix":"own"}');
    expect(overruled.bootstrap[0]?.json).not.toContain('{"suffix":"b"}');
  });

  test("is what is captured of a program whose annotations say it", () => {
    const annotations = {
      "traffic.sidecar.istio.io/excludeOutboundPorts": "5432",
      "traffic.sidecar.istio.io/includeInboundPorts": "8080",
    };
    const { capture } = proxyStart(mesh, workload("envoy"), standing(annotations));
    expect(capture).toMatchObject({ excludedOutboundPorts: [5432], inboundPorts: { ports: [8080] } });
    expect(capture?.outboundRanges).toBeUndefined();
    expect(proxyStart(mesh, workload("envoy"), standing()).capture).toBeUndefined();
  });

  test("has the roots that it trusts beside the mesh's, each once", () => {
    const defaults = { ...DEFAULT_SETTINGS.defaults, proxyStart: { environment: {}, trustAnchors: ["b", "a"] } };
    const settled = buildMesh({ ...DEFAULT_SETTINGS, trustAnchors: ["a"], defaults }, NO_PARTS);
    expect(proxyStart(settled, workload("envoy"), standing()).trustAnchors).toBe("a\nb");
    expect(proxyStart(mesh, workload("envoy"), standing()).trustAnchors).toBe("");
    expect(proxyStart(mesh, workload("envoy"), standing()).trustDomains).toEqual([]);
    const limited = buildMesh(
      { ...DEFAULT_SETTINGS, trustDomainAliases: ["old"], trustDomainAnchors: { far: ["c", "c"], old: ["d"] } },
      NO_PARTS,
    );
    expect(proxyStart(limited, workload("heddle"), standing()).trustDomains).toMatchObject([
      { trustDomain: "cluster.local", isOwn: true, anchors: "" },
      { trustDomain: "old", isOwn: true, anchors: "d" },
      { trustDomain: "far", isOwn: false, anchors: "c" },
    ]);
  });

  test("is told where it is and that it has fellows where proxyMetadata asks for it, whichever its proxy", () => {
    const asks = (value: string, kind: "heddle" | "envoy", object: Partial<Standing["object"]> = {}) => {
      const own = standing({
        "proxy.istio.io/config": `proxyMetadata: {ISTIO_META_ENABLE_SELF_DISCOVERY: "${value}"}`,
      });
      const patches = proxyStart(buildMesh(DEFAULT_SETTINGS, NO_PARTS), workload(kind), {
        ...own,
        object: { ...own.object, ...object },
      }).bootstrap;
      return patches.map(({ json, origin }) => ({ origin, ...JSON.parse(json) }));
    };
    for (const kind of ["heddle", "envoy"] as const)
      expect(asks("true", kind)).toMatchObject([
        {
          origin: "Pod shop/web-v1-abcde",
          node: { locality: { region: "", zone: "", sub_zone: "" } },
          cluster_manager: { local_cluster_name: "local_cluster" },
          static_resources: { clusters: [{ name: "local_cluster", type: "EDS" }] },
        },
      ]);
    expect(asks("false", "heddle")).toEqual([]);
    const labels = { "istio-locality": "us.a.x" };
    const metadata = { name: "web-v1-abcde", namespace: "shop", labels };
    const annotations = { "proxy.istio.io/config": "proxyMetadata: {ISTIO_META_ENABLE_SELF_DISCOVERY: 'true'}" };
    expect(asks("true", "heddle", { metadata: { ...metadata, annotations } })).toMatchObject([
      { node: { locality: { region: "us", zone: "a", sub_zone: "x" } } },
    ]);
    const entry = (spec: object) =>
      proxyStart(buildMesh(DEFAULT_SETTINGS, NO_PARTS), workload("heddle"), {
        type: resource.workloadEntries,
        object: {
          apiVersion: "networking.istio.io/v1",
          kind: "WorkloadEntry",
          metadata: { ...metadata, labels: {}, annotations },
          spec,
        },
      }).bootstrap.map(({ json }) => JSON.parse(json).node.locality);
    expect(entry({ locality: "eu/b" })).toEqual([{ region: "eu", zone: "b", sub_zone: "" }]);
    expect(entry({ labels })).toEqual([{ region: "us", zone: "a", sub_zone: "x" }]);
  });

  test("has the patches of EnvoyFilters to the bootstrap that are for it, and none for Heddle's proxy", () => {
    const patches = (kind: "heddle" | "envoy", gateway = false) =>
      proxyStart(mesh, workload(kind, gateway), standing()).bootstrap.map(
        ({ json, replacesLists, origin }) => `${origin} ${json} ${replacesLists}`,
      );
    const told = (seconds: number, replaces: boolean) =>
      `EnvoyFilter shop/boot {"stats_flush_interval":"${seconds}s"} ${replaces}`;
    expect(patches("heddle")).toEqual([]);
    expect(patches("envoy")).toEqual([told(1, false), told(3, true)]);
    expect(patches("envoy", true)).toEqual([told(1, false), told(2, false)]);
  });
});
