// What patches make of a proxy's resources, and that others share theirs as before.

import { describe, expect, test } from "bun:test";
import { create, type JsonValue, type Message } from "@bufbuild/protobuf";
import { loadMesh } from "../../dialect/load.ts";
import type { Mesh } from "../../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { unpackAs } from "../../xds/any.ts";
import { PATCHABLE } from "../../xds/envoy-types.ts";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { mergeMessage, written } from "../../xds/merge.ts";
import { decodeResource } from "../../xds/resource.ts";
import { CompileCache } from "../cache.ts";
import { compileProxy, compileShared } from "../compile.ts";
import type { ProxySnapshot } from "../proxy-snapshot.ts";

const WORLD = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 90}]}
---
${pod("web", "envoy")}
---
${pod("other", "envoy")}
---
${pod("ours", "heddle")}`;

function pod(name: string, proxy: string): string {
  return `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}, annotations: {heddle.dev/proxy: ${proxy}, heddle.dev/mesh-port: "15008", heddle.dev/capture: "true"}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.0.1.1, conditions: [{type: Ready, status: "True"}]}`;
}

interface Written {
  readonly namespace?: string;
  readonly priority?: number;
  readonly app?: string;
}

function envoyFilter(name: string, patches: string, { namespace = "shop", priority = 0, app }: Written = {}): string {
  const selector = app === undefined ? "" : `workloadSelector: {labels: {app: ${app}}}, `;
  return `---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ${name}, namespace: ${namespace}}
spec: {priority: ${priority}, ${selector}configPatches: [${patches}]}
`;
}

function lua(name: string, match = "", operation = "INSERT_BEFORE", anchor = "envoy.filters.http.router"): string {
  return `{applyTo: HTTP_FILTER, match: {${match}listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: ${anchor}}}}}}, patch: {operation: ${operation}, value: {name: ${name}, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}}}`;
}

function meshOf(...filters: readonly string[]): Mesh {
  const { mesh, diagnostics } = loadMesh(
    [{ name: "x.yaml", content: `${WORLD}\n${filters.join("")}` }],
    DEFAULT_SETTINGS,
  );
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return mesh;
}

function snapshots(mesh: Mesh, cache = new CompileCache()): Record<string, ProxySnapshot> {
  const shared = compileShared(mesh, new Map(), cache);
  return Object.fromEntries(mesh.workloads.map((workload) => [workload.name, compileProxy(shared, workload)!]));
}

function listenerOf({ resources }: ProxySnapshot, name: string): Listener {
  return decodeResource("lds", resources.lds!.get(name)!.bytes);
}

/** Of the first chain that takes requests. */
function filtersOf(snapshot: ProxySnapshot, name: string): readonly string[] {
  for (const { filters } of listenerOf(snapshot, name).filterChains)
    for (const { configType } of filters) {
      const manager =
        configType.case === "typedConfig" ? unpackAs(HttpConnectionManagerSchema, configType.value) : undefined;
      if (manager) return manager.httpFilters.map((filter) => filter.name);
    }
  return [];
}

function own(names: readonly string[]): readonly string[] {
  return names.filter((name) => /^[a-z]$/.test(name));
}

describe("order", () => {
  test("by priority, then those of the root namespace, then by age and name", () => {
    const { web } = snapshots(
      meshOf(
        envoyFilter("b", lua("d")),
        envoyFilter("a", lua("c")),
        envoyFilter("z", lua("b"), { namespace: "istio-system" }),
        envoyFilter("w", lua("e"), { namespace: "istio-system", priority: 1 }),
        envoyFilter("x", lua("a"), { priority: -1 }),
      ),
    );
    expect(own(filtersOf(web!, "meshInbound"))).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("before and after what is named, first, and beside where a filter of Istio's alone would stand", () => {
    const { web } = snapshots(
      meshOf(
        envoyFilter(
          "a",
          [
            lua("a", "", "INSERT_FIRST"),
            lua("b", "", "INSERT_AFTER", "a"),
            lua("c", "", "INSERT_BEFORE", "istio.stats"),
            lua("x", "", "INSERT_BEFORE", "nowhere"),
            lua("d", "", "REPLACE", "c"),
          ].join(", "),
        ),
      ),
    );
    expect(own(filtersOf(web!, "meshInbound"))).toEqual(["a", "b", "d"]);
    expect(filtersOf(web!, "meshInbound").at(-1)).toBe("envoy.filters.http.router");
  });
});

describe("whom a patch is for", () => {
  const contexts = (match: string) => {
    const { web } = snapshots(meshOf(envoyFilter("a", lua("a", match))));
    return ["meshInbound", "virtualInbound", "0.0.0.0_80"].filter((name) => own(filtersOf(web!, name)).length > 0);
  };

  test("inbound, outbound, gateways", () => {
    expect(contexts("context: SIDECAR_INBOUND, ")).toEqual(["meshInbound", "virtualInbound"]);
    expect(contexts("context: SIDECAR_OUTBOUND, ")).toEqual(["0.0.0.0_80"]);
    expect(contexts("context: GATEWAY, ")).toEqual([]);
    expect(contexts("")).toEqual(["meshInbound", "virtualInbound", "0.0.0.0_80"]);
  });

  test("by the version and the metadata of a proxy", () => {
    expect(contexts("proxy: {proxyVersion: '^1\\.3'}, ")).toHaveLength(3);
    expect(contexts("proxy: {proxyVersion: '^1\\.9'}, ")).toEqual([]);
    expect(contexts("proxy: {metadata: {NAMESPACE: shop}}, ")).toHaveLength(3);
    expect(contexts("proxy: {metadata: {NAMESPACE: other}}, ")).toEqual([]);
  });

  test("Heddle's proxy takes none, and who is not selected none of them", () => {
    const before = snapshots(meshOf());
    const after = snapshots(meshOf(envoyFilter("a", lua("a"), { app: "web" })));
    expect(after.ours!.version).toBe(before.ours!.version);
    expect(after.other!.version).toBe(before.other!.version);
    expect(after.web!.version).not.toBe(before.web!.version);
  });
});

describe("what is not patched is shared", () => {
  const patch = envoyFilter(
    "a",
    `{applyTo: LISTENER, match: {listener: {name: "0.0.0.0_80"}}, patch: {operation: MERGE, value: {tcp_backlog_size: 3}}}`,
  );

  test("sets that no patch changes are the sets of everybody, and what patches change is made once", () => {
    const { web, other } = snapshots(meshOf(patch));
    const before = web!.unpatched!;
    for (const kind of ["eds", "rds", "vhds"] as const) expect(web!.layers[kind]).toEqual(before.layers[kind]);
    const changed = (snapshot: ProxySnapshot) =>
      snapshot.layers.lds!.find(({ resources }) => resources.has("0.0.0.0_80"));
    expect(changed(web!)).not.toBe(changed(before));
    expect(changed(web!)).toBe(changed(other!));
    expect(web!.resources.lds!.get("virtualInbound")).toBe(before.resources.lds!.get("virtualInbound")!);
  });

  test("a second compilation of the same mesh gives the very same snapshot", () => {
    const cache = new CompileCache();
    const mesh = meshOf(patch);
    expect(snapshots(mesh, cache).web).toBe(snapshots(mesh, cache).web!);
  });

  test("with what is remembered, a changed patch gives what it would give without", () => {
    const cache = new CompileCache();
    snapshots(meshOf(patch), cache);
    const changed = meshOf(patch.replace("size: 3", "size: 4"));
    expect(snapshots(changed, cache).web!.version).toBe(snapshots(changed).web!.version);
    expect(listenerOf(snapshots(changed, cache).web!, "0.0.0.0_80").tcpBacklogSize).toBe(4);
  });
});

test("what is taken away may be put in anew, and what is there is not replaced by what is added", () => {
  const name = "outbound|80||web.shop.svc.cluster.local";
  const add = (timeout: string) =>
    `{applyTo: CLUSTER, patch: {operation: ADD, value: {name: "${name}", type: STATIC, connect_timeout: ${timeout}}}}`;
  const remove = `{applyTo: CLUSTER, match: {cluster: {name: "${name}"}}, patch: {operation: REMOVE}}`;
  const clusterOf = ({ resources }: ProxySnapshot) => decodeResource("cds", resources.cds!.get(name)!.bytes);
  const kept = snapshots(meshOf(envoyFilter("a", add("7s")))).web!;
  expect(clusterOf(kept).connectTimeout?.seconds).toBe(10n);
  const replaced = snapshots(meshOf(envoyFilter("a", `${remove}, ${add("7s")}`))).web!;
  expect(clusterOf(replaced).connectTimeout?.seconds).toBe(7n);
  const gone = snapshots(meshOf(envoyFilter("a", remove))).web!;
  expect(gone.resources.cds!.has(name)).toBe(false);
  expect([...gone.resources.cds!.keys()]).not.toContain(name);
});

describe("merging", () => {
  const merged = (before: JsonValue, patch: JsonValue, lists: "grow" | "are replaced" = "grow") => {
    const target = written(PATCHABLE.cluster, before);
    mergeMessage(PATCHABLE.cluster, target, written(PATCHABLE.cluster, patch), lists);
    return target;
  };
  const cluster = (json: JsonValue): Message => written(PATCHABLE.cluster, json);

  test("fields of the patch win, what it does not say stays", () => {
    expect(merged({ name: "a", connect_timeout: "1.5s" }, { connect_timeout: "2s" })).toEqual(
      cluster({ name: "a", connect_timeout: "2s" }),
    );
    expect(merged({ per_connection_buffer_limit_bytes: 5 }, { per_connection_buffer_limit_bytes: 0 })).toEqual(
      cluster({ per_connection_buffer_limit_bytes: 0 }),
    );
  });

  test("lists grow, or are replaced where that is asked for", () => {
    const thresholds = (...limits: number[]): JsonValue => ({
      circuit_breakers: { thresholds: limits.map((limit) => ({ max_connections: limit })) },
    });
    expect(merged(thresholds(1), thresholds(2))).toEqual(cluster(thresholds(1, 2)));
    expect(merged(thresholds(1), thresholds(2), "are replaced")).toEqual(cluster(thresholds(2)));
  });

  test("maps and structs merge by key, choices are replaced", () => {
    const metadata = (fields: JsonValue): JsonValue => ({ metadata: { filter_metadata: { istio: fields } } });
    expect(merged(metadata({ a: 1, b: { c: 1 } }), metadata({ b: { d: 2 } }))).toEqual(
      cluster(metadata({ a: 1, b: { c: 1, d: 2 } })),
    );
    expect(merged({ type: "EDS" }, { cluster_type: { name: "x" } })).toEqual(cluster({ cluster_type: { name: "x" } }));
  });

  const options = (type: string, config: object): JsonValue => ({
    transport_socket: { name: "tls", typed_config: { "@type": `type.googleapis.com/${type}`, ...config } },
  });
  const TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

  test("an extension's configuration merges into one of its type, and replaces another", () => {
    expect(merged(options(TLS, { sni: "a", allow_renegotiation: true }), options(TLS, { sni: "b" }))).toEqual(
      cluster(options(TLS, { sni: "b", allow_renegotiation: true })),
    );
    const raw = options("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", {});
    expect(merged(options(TLS, { sni: "a" }), raw)).toEqual(cluster(raw));
  });

  test("what is not known of a type that is known merges as JSON", () => {
    const struct = (value: JsonValue): JsonValue =>
      options("xds.type.v3.TypedStruct", { type_url: `type.googleapis.com/${TLS}`, value });
    expect(merged(options(TLS, { sni: "a" }), struct({ brand_new: 1 }))).toEqual(
      cluster(struct({ sni: "a", brand_new: 1 })),
    );
  });

  test("the patch stays as it is", () => {
    const patch = written(PATCHABLE.cluster, { circuit_breakers: { thresholds: [{}] } });
    const target = create(ClusterSchema);
    mergeMessage(ClusterSchema, target, patch, "grow");
    mergeMessage(ClusterSchema, target, patch, "grow");
    expect(patch).toEqual(written(PATCHABLE.cluster, { circuit_breakers: { thresholds: [{}] } }));
    expect(target.circuitBreakers?.thresholds).toHaveLength(2);
  });
});
