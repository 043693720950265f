// EnvoyFilters, WasmPlugins and TrafficExtensions: an Envoy does what they say, Heddle's proxy goes on without them, and a filter that Envoy refuses takes nothing down.

import { afterAll, expect, test } from "bun:test";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resourceByKind } from "../../../src/kube/resources.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
const HEADERS = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";

export function patchCases(pair: Pair, clientProxy: ProxyKind): void {
  const envoyFilter = (name: string, app: string, patch: string) =>
    pair.mesh.apply(`
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: ${name}, namespace: default}
spec: {workloadSelector: {labels: {app: ${app}}}, configPatches: [${patch}]}`);
  const beforeRouter = (context: string, value: string, port = "") =>
    `{applyTo: HTTP_FILTER, match: {context: ${context}, listener: {${port}filterChain: {filter: {name: envoy.filters.network.http_connection_manager, subFilter: {name: envoy.filters.http.router}}}}}, patch: {operation: INSERT_BEFORE, value: ${value}}}`;

  const kinds = {
    EnvoyFilter: resourceByKind("networking.istio.io", "EnvoyFilter")!,
    TrafficExtension: resourceByKind("extensions.istio.io", "TrafficExtension")!,
    WasmPlugin: resourceByKind("extensions.istio.io", "WasmPlugin")!,
  };
  const remove = (kind: keyof typeof kinds, name: string) =>
    pair.mesh.controlPlane.api.delete(kinds[kind], { namespace: "default", name });

  /** What the application saw, and what the client did. An Envoy whose chains change closes their connections, and a request may meet that. */
  const seen = async () => {
    const response = await pair.get("/");
    if (response.status !== 200) return String(response.status);
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    return `${response.status} ${headers["x-client"] ?? "-"} ${response.headers.get("x-server") ?? "-"}`;
  };
  const becomes = async (ask: () => Promise<string>, expected: string) =>
    expect(await eventually(ask, (found) => found === expected)).toBe(expected);

  afterAll(async () => {
    for (const name of ["client", "server", "refused"]) await remove("EnvoyFilter", name).catch(() => {});
    await remove("WasmPlugin", "closed").catch(() => {});
    await remove("TrafficExtension", "script").catch(() => {});
  });

  test("filters of an EnvoyFilter act on Envoys: what the client sends, and what the server answers", async () => {
    const mutation = `{name: mine, typed_config: {"@type": ${HEADERS}, mutations: {request_mutations: [{append: {header: {key: x-client, value: patched}}}]}}}`;
    const script = "function envoy_on_response(handle) handle:headers():add('x-server', 'patched') end";
    await becomes(seen, "200 - -");
    await envoyFilter("client", "client", beforeRouter("SIDECAR_OUTBOUND", mutation, "portNumber: 80, "));
    await envoyFilter(
      "server",
      "golden",
      beforeRouter("SIDECAR_INBOUND", `{name: mine, typed_config: {"@type": ${LUA}, inline_code: "${script}"}}`),
    );
    const client = clientProxy === "envoy" ? "patched" : "-";
    const server = pair.serverProxy === "envoy" ? "patched" : "-";
    await becomes(seen, `200 ${client} ${server}`);
    await remove("EnvoyFilter", "client");
    await becomes(seen, `200 - ${server}`);
    await remove("EnvoyFilter", "server");
    await becomes(seen, "200 - -");
  });

  test("a filter that Envoy refuses leaves everything as it was, and other changes arrive", async () => {
    const unknown = `{name: mine, typed_config: {"@type": type.googleapis.com/com.example.NobodyKnows, a: 1}}`;
    await envoyFilter("refused", "client", beforeRouter("SIDECAR_OUTBOUND", unknown, "portNumber: 80, "));
    await pair.route("  - route: [{destination: {host: golden, subset: v2}}]");
    expect((await pair.described("/")).name).toContain("v2");
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    expect((await pair.described("/")).name).toContain("v1");
    await remove("EnvoyFilter", "refused");
  });

  test("a module that cannot be fetched refuses what it would see on an Envoy", async () => {
    const status = async () => String((await pair.get("/")).status);
    await becomes(status, "200");
    await pair.mesh.apply(`
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: closed, namespace: default}
spec: {selector: {matchLabels: {app: golden}}, url: "oci://filters.example.com/mine:v1", match: [{mode: SERVER}]}`);
    await becomes(status, pair.serverProxy === "envoy" ? "403" : "200");
    await remove("WasmPlugin", "closed");
    await becomes(status, "200");
  });

  test("a script of a TrafficExtension runs on Envoys, on the side that it is for", async () => {
    await becomes(seen, "200 - -");
    await pair.mesh.apply(`
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: {name: script, namespace: default}
spec:
  selector: {matchLabels: {app: golden}}
  match: [{mode: SERVER}]
  lua:
    inlineCode: |
      function envoy_on_request(handle) handle:headers():add("x-client", "script") end
      function envoy_on_response(handle) handle:headers():add("x-server", "script") end`);
    await becomes(seen, pair.serverProxy === "envoy" ? "200 script script" : "200 - -");
    await remove("TrafficExtension", "script");
    await becomes(seen, "200 - -");
  });
}
