import type { KindWords } from "../words.ts";

const PROXIES =
  "Envoys act on it. Heddle's proxy takes none of it: HED1560 names the workloads; external processing is the way there ([envoyfilter.md](../envoyfilter.md)).";

/** Where an extension stands, and what it is for. */
const PLACE: KindWords["fields"] = {
  "spec.phase": { says: "Before which of the mesh's filters it stands", default: "at the end, before the router" },
  "spec.priority": { says: "Order in its phase: the highest is first", default: "0" },
  "spec.match": { says: "Traffic that it is for", default: "all" },
  "match.mode": { says: "The client's side, the server's, or both", default: "CLIENT_AND_SERVER" },
  "match.ports": { says: "Ports that it is for", default: "all" },
  "ports.number": "Number of the port",
};

/** Of a module; `at`: the record that has its fields. */
function moduleWords(at: "spec" | "wasm"): KindWords["fields"] {
  return {
    [`${at}.url`]: "Where the module is: file:///path, an address of the web, or an image (oci://)",
    [`${at}.sha256`]: "SHA-256 of the module",
    [`${at}.imagePullPolicy`]: {
      says: "When an image is fetched again",
      default: "Always for latest, else IfNotPresent",
    },
    [`${at}.imagePullSecret`]: "Secret for pulling the image",
    [`${at}.verificationKey`]: "Key that the image is signed by",
    [`${at}.pluginConfig`]: "Configuration that the module gets",
    [`${at}.pluginName`]: "Name that the module gets for its configuration",
    [`${at}.failStrategy`]: {
      says: "What happens to requests when the module fails",
      default: "FAIL_CLOSE: they are refused",
    },
    [`${at}.vmConfig`]: "The machine that the module runs in",
    "vmConfig.env": "Its environment",
    "env.name": "Name of the variable",
    "env.valueFrom": { says: "Where the value comes from: here, or the proxy's environment", default: "INLINE" },
    "env.value": "The value",
    [`${at}.type`]: { says: "Whether it reads HTTP or bytes", default: "HTTP" },
  };
}

export const WASM_PLUGIN: KindWords = {
  about: "A filter in WebAssembly that requests pass",
  proxies: PROXIES,
  fields: { ...PLACE, ...moduleWords("spec") },
  example: `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: stamp
  namespace: shop
spec:
  selector:
    matchLabels: {app: web}
  url: file:///opt/filters/stamp.wasm
  phase: AUTHN
  pluginConfig: {header: x-stamp}
`,
};

export const TRAFFIC_EXTENSION: KindWords = {
  about: "A filter in WebAssembly or Lua that requests pass",
  proxies: PROXIES,
  fields: {
    ...PLACE,
    "spec.wasm": "A module of WebAssembly; this or lua",
    ...moduleWords("wasm"),
    "spec.lua": "A script; this or wasm",
    "lua.inlineCode": "The script, with envoy_on_request, envoy_on_response or both",
  },
  example: `apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata:
  name: stamp
  namespace: shop
spec:
  selector:
    matchLabels: {app: web}
  match:
  - mode: SERVER
  lua:
    inlineCode: |
      function envoy_on_request(request)
        request:headers():add("x-stamp", "seen")
      end
`,
};
