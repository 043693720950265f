// Branch by branch of Istio's validation (pkg/config/validation/validation.go of 1.27 and envoyfilter/envoyfilter.go): kinds about proxies rather than traffic.

import { judge, type Spec } from "./verdict-fixture.ts";

function traced(tracing: Spec): Spec {
  return { tracing: [{ ...tracing }] };
}

function tag(tagOverrides: Spec): Spec {
  return { metrics: [{ overrides: [{ tagOverrides }] }] };
}

judge("Telemetry", [
  { name: "nothing", spec: {}, istio: "ok" },
  {
    name: "selector and targetRefs",
    spec: { selector: { matchLabels: { app: "web" } }, targetRefs: [{ kind: "Service", name: "web" }] },
    istio: "error",
  },
  { name: "sampling of 101 %", spec: traced({ randomSamplingPercentage: 101 }), istio: "error" },
  {
    name: "two tracings",
    spec: { tracing: [{ randomSamplingPercentage: 1 }, { randomSamplingPercentage: 2 }] },
    istio: "warning",
  },
  { name: "a tag without a name", spec: traced({ customTags: { "": { literal: { value: "a" } } } }), istio: "error" },
  { name: "sampling of -1 %", spec: traced({ randomSamplingPercentage: -1 }), istio: "error" },
  { name: "two providers of traces", spec: traced({ providers: [{ name: "a" }, { name: "b" }] }), istio: "warning" },
  { name: "a provider of traces without a name", spec: traced({ providers: [{ name: "" }] }), istio: "error" },
  { name: "a tag that is null", spec: traced({ customTags: { a: null } }), istio: "error" },
  { name: "a log's provider without a name", spec: { accessLogging: [{ providers: [{}] }] }, istio: "error" },
  { name: "a bad filter", spec: { accessLogging: [{ filter: { expression: "a ==" } }] }, istio: "error" },
  {
    name: "a filter",
    spec: { accessLogging: [{ filter: { expression: "response.code >= 500" } }] },
    istio: "ok",
  },
  { name: "an override that is null", spec: { metrics: [{ overrides: [null] }] }, istio: "error" },
  { name: "a tag of a metric that is null", spec: tag({ a: null }), istio: "error" },
  {
    name: "a tag of a metric without a name",
    spec: tag({ "": { value: "'b'" } }),
    istio: "warning",
    here: ["error", "no metric has a label without a name"],
  },
  { name: "a tag set by no operation", spec: tag({ a: { value: "'b'" } }), istio: "ok" },
  { name: "a tag set to nothing by no operation", spec: tag({ a: {} }), istio: "error" },
  { name: "an empty literal", spec: traced({ customTags: { a: { literal: { value: "" } } } }), istio: "error" },
  {
    name: "a header tag without a name",
    spec: traced({ customTags: { a: { header: { defaultValue: "b" } } } }),
    istio: "error",
  },
  {
    name: "an environment tag without a name",
    spec: traced({ customTags: { a: { environment: { defaultValue: "b" } } } }),
    istio: "error",
  },
  { name: "a provider without a name", spec: { metrics: [{ providers: [{}] }] }, istio: "error" },
  { name: "a tag set to nothing", spec: tag({ a: { operation: "UPSERT" } }), istio: "error" },
  { name: "a tag removed with a value", spec: tag({ a: { operation: "REMOVE", value: "b" } }), istio: "error" },
  {
    name: "an empty custom metric",
    spec: { metrics: [{ overrides: [{ match: { customMetric: "" } }] }] },
    istio: "error",
  },
]);

judge("ProxyConfig", [
  { name: "concurrency", spec: { concurrency: 2 }, istio: "ok" },
  { name: "concurrency below 0", spec: { concurrency: -1 }, istio: "error" },
  {
    name: "a selector with a wildcard",
    spec: { selector: { matchLabels: { app: "w*" } }, concurrency: 1 },
    istio: "error",
  },
  { name: "concurrency of null", spec: { concurrency: null }, istio: "ok" },
  { name: "a selector without labels", spec: { selector: {} }, istio: "warning" },
  { name: "a label without a name", spec: { selector: { matchLabels: { "": "a" } } }, istio: "error" },
  {
    name: "an image",
    spec: { image: { imageType: "distroless" } },
    istio: "ok",
    here: ["warning", "the agent starts the proxy that comes with it"],
  },
  { name: "a variable with a dot", spec: { environmentVariables: { "A.B": "c" } }, istio: "ok" },
]);

function wasm(fields: Spec): Spec {
  return { url: "https://example.com/a.wasm", ...fields };
}

judge("WasmPlugin", [
  { name: "an address", spec: wasm({}), istio: "ok", here: ["warning", "Heddle's proxy does not run it"] },
  { name: "no address", spec: {}, istio: "error" },
  { name: "an address of ftp", spec: { url: "ftp://example.com/a" }, istio: "error" },
  { name: "an address that is none", spec: { url: "https://exa mple.com/a" }, istio: "error" },
  { name: "an address that is empty", spec: { url: "" }, istio: "error" },
  { name: "an address of a control character", spec: wasm({ url: "https://example.com/\u007f" }), istio: "error" },
  { name: "a file", spec: wasm({ url: "file:///opt/a.wasm" }), istio: "ok" },
  {
    name: "an image without a scheme",
    spec: wasm({ url: "example.com:5000/a:latest" }),
    istio: "ok",
    here: ["warning", "images are not fetched"],
  },
  { name: "a hash of other letters", spec: wasm({ sha256: "g".repeat(64) }), istio: "error" },
  { name: "a selector with a wildcard", spec: wasm({ selector: { matchLabels: { app: "w*" } } }), istio: "error" },
  { name: "a selector without labels", spec: wasm({ selector: {} }), istio: "warning" },
  {
    name: "a variable that is null",
    spec: wasm({ vmConfig: { env: [null] } }),
    istio: "ok",
    here: ["error", "it is a slip of the pen"],
  },
  {
    name: "a variable with a long name",
    spec: wasm({ vmConfig: { env: [{ name: "a".repeat(257) }] } }),
    istio: "error",
  },
  { name: "traffic that is null", spec: wasm({ match: [null] }), istio: "error" },
  { name: "a port that is null", spec: wasm({ match: [{ ports: [null] }] }), istio: "error" },
  { name: "port 65536", spec: wasm({ match: [{ ports: [{ number: 65_536 }] }] }), istio: "error" },
  { name: "a short hash", spec: wasm({ sha256: "abc" }), istio: "error" },
  {
    name: "a hash in capitals",
    spec: wasm({ sha256: "A".repeat(64) }),
    istio: "error",
    here: ["ok", "it is the same digest"],
  },
  { name: "a variable without a name", spec: wasm({ vmConfig: { env: [{ value: "a" }] } }), istio: "error" },
  {
    name: "a variable twice",
    spec: wasm({
      vmConfig: {
        env: [
          { name: "a", value: "b" },
          { name: "a", value: "c" },
        ],
      },
    }),
    istio: "error",
  },
  {
    name: "a variable of the host with a value",
    spec: wasm({ vmConfig: { env: [{ name: "a", valueFrom: "HOST", value: "b" }] } }),
    istio: "error",
  },
  { name: "port 0", spec: wasm({ match: [{ ports: [{ number: 0 }] }] }), istio: "error" },
  { name: "a long secret", spec: wasm({ imagePullSecret: "a".repeat(254) }), istio: "error" },
  { name: "a long name", spec: wasm({ pluginName: "a".repeat(257) }), istio: "error" },
  {
    name: "selector and targetRefs",
    spec: wasm({ selector: { matchLabels: { app: "web" } }, targetRefs: [{ kind: "Service", name: "web" }] }),
    istio: "error",
  },
]);

/** Of every kind with `targetRefs`. */
function targeting(target: Spec): Spec {
  return { targetRefs: [target] };
}

for (const kind of ["AuthorizationPolicy", "RequestAuthentication", "Telemetry"])
  judge(kind, [
    {
      name: "a Service of another group",
      spec: targeting({ group: "apps", kind: "Service", name: "web" }),
      istio: "error",
    },
    {
      name: "a ServiceEntry of no group",
      spec: targeting({ kind: "ServiceEntry", name: "web" }),
      istio: "error",
    },
    { name: "a Gateway of no group", spec: targeting({ kind: "Gateway", name: "web" }), istio: "error" },
    {
      name: "a Gateway of Istio's",
      spec: targeting({ group: "networking.istio.io", kind: "Gateway", name: "web" }),
      istio: "error",
    },
    { name: "a target without a name", spec: targeting({ kind: "Service", name: "" }), istio: "error" },
    {
      name: "a target's namespace",
      spec: targeting({ kind: "Service", name: "web", namespace: "ns" }),
      istio: "error",
    },
    {
      name: "a Service",
      spec: targeting({ group: "core", kind: "Service", name: "web" }),
      istio: "ok",
      here: ["warning", "it is a target of waypoints"],
    },
    {
      name: "a ServiceEntry",
      spec: targeting({ group: "networking.istio.io", kind: "ServiceEntry", name: "web" }),
      istio: "ok",
      here: ["warning", "it is a target of waypoints"],
    },
  ]);

const LUA = { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" };
const MANAGER = "envoy.filters.network.http_connection_manager";
const INSERT = { operation: "INSERT_FIRST", value: { name: "lua", typed_config: LUA } };

/** Besides istiod warns of every EnvoyFilter that it is bound to a version of Envoy; here it is told where Heddle's proxy takes none of it. */
function patched(patch: unknown, rest: Spec = {}): Spec {
  return { configPatches: [patch], ...rest };
}

function filter(fields: Spec): Spec {
  return patched({ applyTo: "HTTP_FILTER", patch: INSERT, ...fields });
}

function found(applyTo: string, filter: Spec): Spec {
  return patched({
    applyTo,
    match: { listener: { filterChain: { filter } } },
    patch: applyTo === "HTTP_FILTER" ? INSERT : { operation: "MERGE", value: {} },
  });
}

function merged(applyTo: string, match: Spec): Spec {
  return patched({ applyTo, match, patch: { operation: "MERGE", value: {} } });
}

function cluster(value: Spec): Spec {
  return patched({ applyTo: "CLUSTER", patch: { operation: "MERGE", value } });
}

judge("EnvoyFilter", [
  { name: "a filter", spec: filter({}), istio: "ok" },
  { name: "no patches", spec: {}, istio: "ok" },
  { name: "a patch that is null", spec: patched(null), istio: "error" },
  { name: "a patch of nothing", spec: patched({ patch: INSERT }), istio: "error" },
  { name: "a patch of INVALID", spec: filter({ applyTo: "INVALID" }), istio: "error" },
  { name: "no patch", spec: patched({ applyTo: "HTTP_FILTER" }), istio: "error" },
  { name: "no operation", spec: filter({ patch: { value: INSERT.value } }), istio: "error" },
  { name: "the operation INVALID", spec: filter({ patch: { ...INSERT, operation: "INVALID" } }), istio: "error" },
  { name: "no value", spec: filter({ patch: { operation: "INSERT_FIRST" } }), istio: "error" },
  { name: "no value to remove", spec: filter({ patch: { operation: "REMOVE" } }), istio: "ok" },
  { name: "a bad version", spec: filter({ match: { proxy: { proxyVersion: "(" } } }), istio: "error" },
  { name: "a version", spec: filter({ match: { proxy: { proxyVersion: "^1\\.2" } } }), istio: "ok" },
  { name: "a filter found by routes", spec: filter({ match: { routeConfiguration: {} } }), istio: "error" },
  { name: "a listener found by clusters", spec: merged("LISTENER", { cluster: {} }), istio: "error" },
  { name: "a chain found by clusters", spec: merged("FILTER_CHAIN", { cluster: {} }), istio: "error" },
  {
    name: "a network filter found by routes",
    spec: merged("NETWORK_FILTER", { routeConfiguration: {} }),
    istio: "error",
  },
  { name: "routes found by a listener", spec: merged("ROUTE_CONFIGURATION", { listener: {} }), istio: "error" },
  { name: "a virtual host found by a listener", spec: merged("VIRTUAL_HOST", { listener: {} }), istio: "error" },
  { name: "a route found by a cluster", spec: merged("HTTP_ROUTE", { cluster: {} }), istio: "error" },
  { name: "a cluster found by a listener", spec: merged("CLUSTER", { listener: {} }), istio: "error" },
  {
    name: "a waypoint elsewhere",
    spec: filter({ match: { context: "GATEWAY", waypoint: { portNumber: 80 } } }),
    istio: "error",
  },
  { name: "a waypoint of no context", spec: filter({ match: { waypoint: {} } }), istio: "error" },
  { name: "waypoints by nothing", spec: filter({ match: { context: "WAYPOINT" } }), istio: "error" },
  {
    name: "port 0 of a waypoint",
    spec: filter({ match: { context: "WAYPOINT", waypoint: { portNumber: 0 } } }),
    istio: "error",
  },
  {
    name: "a waypoint",
    spec: filter({
      match: {
        context: "WAYPOINT",
        waypoint: { filter: { name: MANAGER, subFilter: { name: "a" } }, route: { name: "b" } },
      },
    }),
    istio: "ok",
    here: ["warning", "there are no waypoints"],
  },
  { name: "two ways to find it", spec: filter({ match: { listener: {}, cluster: {} } }), istio: "error" },
  { name: "port 0 of a listener", spec: filter({ match: { listener: { portNumber: 0 } } }), istio: "ok" },
  { name: "port 0 of routes", spec: merged("HTTP_ROUTE", { routeConfiguration: { portNumber: 0 } }), istio: "ok" },
  { name: "port 0 of a cluster", spec: merged("CLUSTER", { cluster: { portNumber: 0 } }), istio: "ok" },
  { name: "a listener by a filter", spec: found("LISTENER", { name: MANAGER }), istio: "warning", code: "HED1735" },
  { name: "a chain by a filter", spec: found("FILTER_CHAIN", { name: MANAGER }), istio: "warning", code: "HED1735" },
  { name: "a filter without a name", spec: found("NETWORK_FILTER", {}), istio: "error" },
  { name: "a listener by a filter without a name", spec: found("LISTENER", {}), istio: "error" },
  {
    name: "a network filter within another",
    spec: found("NETWORK_FILTER", { name: MANAGER, subFilter: { name: "a" } }),
    istio: "error",
  },
  {
    name: "an HTTP filter within another than HTTP's",
    spec: found("HTTP_FILTER", { name: "envoy.filters.network.tcp_proxy", subFilter: { name: "a" } }),
    istio: "error",
  },
  {
    name: "an HTTP filter without a name",
    spec: found("HTTP_FILTER", { name: MANAGER, subFilter: {} }),
    istio: "error",
  },
  {
    name: "an HTTP filter",
    spec: found("HTTP_FILTER", { name: MANAGER, subFilter: { name: "envoy.filters.http.router" } }),
    istio: "ok",
  },
  {
    name: "a filter by its former name",
    spec: found("HTTP_FILTER", { name: "envoy.http_connection_manager" }),
    istio: "warning",
    code: "HED1736",
  },
  {
    name: "an HTTP filter by its former name",
    spec: found("HTTP_FILTER", { name: MANAGER, subFilter: { name: "envoy.router" } }),
    istio: "warning",
    code: "HED1736",
  },
  { name: "a value of another type", spec: cluster({ lb_policy: 1.5 }), istio: "error" },
  {
    name: "an unknown field",
    spec: cluster({ quite_unheard_of: 1 }),
    istio: "warning",
    here: ["error", "no Envoy takes what it does not know there"],
  },
  {
    name: "a field that is nearly right",
    spec: cluster({ conect_timeout: "1s" }),
    istio: "warning",
    here: ["error", "it is misspelt, and no Envoy takes it"],
  },
  {
    name: "an unknown type",
    spec: filter({
      patch: { ...INSERT, value: { name: "a", typed_config: { "@type": "type.googleapis.com/a.b.C" } } },
    }),
    istio: "error",
    here: ["ok", "it is passed on: an Envoy with extensions of its own knows it"],
  },
  {
    name: "a type of the second API",
    spec: filter({
      patch: {
        ...INSERT,
        value: {
          name: "lua",
          typed_config: { "@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua", inlineCode: "" },
        },
      },
    }),
    istio: "error",
    code: "HED1738",
  },
  {
    name: "a filter without its configuration",
    spec: filter({ patch: { ...INSERT, value: { name: "envoy.filters.http.lua" } } }),
    istio: "warning",
    code: "HED1737",
  },
  {
    name: "a filter that is discovered",
    spec: filter({
      patch: {
        ...INSERT,
        value: { name: "lua", config_discovery: { config_source: { ads: {} }, type_urls: [LUA["@type"]] } },
      },
    }),
    istio: "ok",
  },
  {
    name: "a selector with a wildcard",
    spec: patched({ applyTo: "HTTP_FILTER", patch: INSERT }, { workloadSelector: { labels: { a: "w*" } } }),
    istio: "error",
  },
  {
    name: "a selector without labels",
    spec: patched({ applyTo: "HTTP_FILTER", patch: INSERT }, { workloadSelector: {} }),
    istio: "warning",
  },
]);
