// Whatever way traffic comes to a workload, its policies are asked there: no filter chain of a sidecar or a gateway lacks them.

import { describe, expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { messagesOf } from "../xds/resource-json.ts";
import { compileProxy, compileShared } from "./compile.ts";

const PROXIES = ["heddle", "envoy"] as const;
const MODES = ["STRICT", "PERMISSIVE", "DISABLE"] as const;
const PORTS = ["http", "http2", "grpc", "tcp", "tls", "https", "mongo", "any"];

const pod = (name: string, annotations: string, app = name) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${app}}, annotations: {${annotations}}}
spec: {serviceAccountName: ${name}, containers: [{name: app}]}
status: {podIP: 10.0.0.${name.length}, conditions: [{type: Ready, status: "True"}]}
---`;

/** A service with a port of each protocol, behind a proxy that captures, or whose ports stand in for the application's. */
function sidecar(proxy: string, mode: string, capture: boolean, sidecarSpec = ""): string {
  const ports = PORTS.map(
    (name, i) => `{name: ${name === "any" ? "x" : name}, port: ${80 + i}, targetPort: ${8080 + i}}`,
  );
  return `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [${ports.join(", ")}, {name: udp, port: 53, protocol: UDP}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: web, namespace: shop}
spec: {mtls: {mode: ${mode}}}
---${pod("web", `heddle.dev/proxy: ${proxy}${capture ? ', heddle.dev/capture: "true"' : ""}`)}
${sidecarSpec}`;
}

const INGRESS = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, namespace: shop}
spec:
  workloadSelector: {labels: {app: web}}
  ingress:
  - {port: {number: 9443, name: https, protocol: HTTPS}, defaultEndpoint: "127.0.0.1:9080", tls: {mode: SIMPLE, serverCertificate: /a.pem, privateKey: /a.key}}
  - {port: {number: 9081, name: http, protocol: HTTP}, defaultEndpoint: "127.0.0.1:9080"}
  - {port: {number: 9082, name: tcp, protocol: TCP}, defaultEndpoint: "0.0.0.0:9082"}
  - {port: {number: 9083, name: x}, defaultEndpoint: "127.0.0.1:9083"}
---`;

const SECRET = `
apiVersion: v1
kind: Secret
metadata: {name: cert, namespace: shop}
type: kubernetes.io/tls
data: {tls.crt: QQ==, tls.key: QQ==}
---`;

function gateway(proxy: string): string {
  return `${pod("web", `heddle.dev/proxy: ${proxy}, heddle.dev/gateway: "true"`)}
apiVersion: v1
kind: Service
metadata: {name: inner, namespace: shop}
spec: {clusterIP: 10.96.0.2, selector: {app: inner}, ports: [{name: http, port: 80}, {name: tls, port: 443}, {name: tcp, port: 90}]}
---${pod("inner", `heddle.dev/proxy: ${proxy}`)}
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {app: web}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.plain.test"]}
  - {port: {number: 81, name: redirect, protocol: HTTP}, hosts: ["*.plain.test"], tls: {httpsRedirect: true}}
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.secure.test], tls: {mode: SIMPLE, credentialName: cert}}
  - {port: {number: 443, name: https-mesh, protocol: HTTPS}, hosts: [b.secure.test], tls: {mode: ISTIO_MUTUAL}}
  - {port: {number: 443, name: through, protocol: TLS}, hosts: [c.secure.test], tls: {mode: PASSTHROUGH}}
  - {port: {number: 443, name: ended, protocol: TLS}, hosts: [d.secure.test], tls: {mode: SIMPLE, credentialName: cert}}
  - {port: {number: 15443, name: legs, protocol: TLS}, hosts: ["*.local"], tls: {mode: AUTO_PASSTHROUGH}}
  - {port: {number: 9000, name: tcp, protocol: TCP}, hosts: ["*"]}
  - {port: {number: 9001, name: tcp-mesh, protocol: TLS}, hosts: ["*"], tls: {mode: ISTIO_MUTUAL}}
  - {port: {number: 0, name: pipe, protocol: HTTP}, bind: "unix:///run/edge.sock", hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{route: [{destination: {host: inner, port: {number: 80}}}]}]
  tcp: [{route: [{destination: {host: inner, port: {number: 90}}}]}]
  tls:
  - {match: [{sniHosts: [c.secure.test]}], route: [{destination: {host: inner, port: {number: 443}}}]}
---${SECRET}`;
}

interface Chain {
  readonly listener: string;
  readonly name: string;
  /** Names of network filters, and of HTTP filters where requests are read. */
  readonly filters: readonly string[];
  readonly isHttp: boolean;
  readonly text: string;
}

/** JSON of what Envoy's types make of the resource: the test looks at what is sent, not at what was planned. */
interface ListenerJson {
  readonly name: string;
  readonly traffic_direction?: string;
  readonly filter_chains?: readonly FilterChainJson[];
  readonly default_filter_chain?: FilterChainJson;
}

interface FilterChainJson {
  readonly name?: string;
  readonly filters: readonly FilterJson[];
}

interface FilterJson {
  readonly name: string;
  readonly typed_config?: { readonly http_filters?: readonly FilterJson[] };
}

function chainsOf(documents: string, isGateway: boolean): readonly Chain[] {
  const { mesh, diagnostics } = loadMesh([{ name: "mesh.yaml", content: documents }], DEFAULT_SETTINGS);
  expect(diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([]);
  const workload = mesh.workloads.find(({ name }) => name === "web")!;
  const snapshot = compileProxy(compileShared(mesh, new Map()), workload)!;
  return [...messagesOf(snapshot, "lds", envoyRegistry()).values()].flatMap((message) => {
    const listener = message as unknown as ListenerJson;
    if (!isGateway && listener.traffic_direction !== "INBOUND") return [];
    const chains = [
      ...(listener.filter_chains ?? []),
      ...(listener.default_filter_chain ? [listener.default_filter_chain] : []),
    ];
    return chains.map((chain): Chain => {
      const inner = chain.filters.flatMap(({ typed_config }) => typed_config?.http_filters ?? []);
      return {
        listener: listener.name,
        name: chain.name ?? "",
        filters: [...chain.filters, ...inner].map(({ name }) => name),
        isHttp: inner.length > 0,
        text: JSON.stringify(chain),
      };
    });
  });
}

/** An application's ports of which none is on the leg are stood in for by ports that registration tells, and files do not. */
const isReached = (mode: string, capture: boolean) => capture || mode !== "DISABLE";

interface Place {
  readonly place: string;
  readonly proxy: (typeof PROXIES)[number];
  readonly documents: string;
  readonly isGateway: boolean;
}

const PLACES = PROXIES.flatMap((proxy): Place[] => [
  ...MODES.flatMap((mode) =>
    [true, false].flatMap((capture): Place[] => {
      const place = `${proxy}, ${mode}, ${capture ? "captured" : "on the leg"}`;
      return isReached(mode, capture)
        ? [{ place, proxy, documents: sidecar(proxy, mode, capture), isGateway: false }]
        : [];
    }),
  ),
  {
    place: `${proxy}, ports of a Sidecar`,
    proxy,
    documents: sidecar(proxy, "PERMISSIVE", true, INGRESS),
    isGateway: false,
  },
  { place: `${proxy}, gateway`, proxy, documents: gateway(proxy), isGateway: true },
]);

const SCOPES = ["a workload", "its namespace", "the mesh"] as const;
type Scope = (typeof SCOPES)[number];

function policy(group: string, kind: string, scope: Scope, fields: string): string {
  const selector = scope === "a workload" ? "selector: {matchLabels: {app: web}}, " : "";
  return `
apiVersion: ${group}.istio.io/v1
kind: ${kind}
metadata: {name: asked, namespace: ${scope === "the mesh" ? "istio-system" : "shop"}}
spec: {${selector}${fields}}
---`;
}

const PROVIDERS = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
    - {name: asked, envoyExtAuthzGrpc: {service: authorizer.shop.svc.cluster.local, port: 9000}}
    - {name: told, envoyFileAccessLog: {path: /dev/told}}
---
apiVersion: v1
kind: Service
metadata: {name: authorizer, namespace: shop}
spec: {clusterIP: 10.96.0.3, ports: [{name: grpc, port: 9000}]}
---`;

const JWKS = JSON.stringify({
  keys: [
    {
      kty: "EC",
      crv: "P-256",
      x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
      y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    },
  ],
});
const FROM = "rules: [{from: [{source: {ipBlocks: [203.0.113.7]}}]}]";

interface Asked {
  readonly what: string;
  readonly documents: (scope: Scope) => string;
  /** Whether a chain has it, on a proxy that can ask; on Heddle's, which verifies no tokens and asks nobody yet, who would have to be asked is refused. */
  readonly has: (chain: Chain, proxy: Place["proxy"]) => boolean;
}

const isRefused = ({ filters }: Chain) => filters.some((name) => name.endsWith(".rbac"));

const ASKED: readonly Asked[] = [
  ...["DENY", "ALLOW"].map(
    (action): Asked => ({
      what: action,
      documents: (scope) => policy("security", "AuthorizationPolicy", scope, `action: ${action}, ${FROM}`),
      has: ({ text }) => text.includes("203.0.113.7"),
    }),
  ),
  {
    what: "CUSTOM",
    documents: (scope) =>
      `${PROVIDERS}${policy("security", "AuthorizationPolicy", scope, `action: CUSTOM, provider: {name: asked}, ${FROM}`)}`,
    has: (chain, proxy) =>
      proxy === "envoy" ? chain.filters.some((name) => name.endsWith(".ext_authz")) : isRefused(chain),
  },
  {
    what: "a token's verification",
    documents: (scope) =>
      policy("security", "RequestAuthentication", scope, `jwtRules: [{issuer: ours, jwks: '${JWKS}'}]`),
    has: (chain, proxy) =>
      !chain.isHttp ||
      (proxy === "envoy" ? chain.filters.some((name) => name.endsWith(".jwt_authn")) : isRefused(chain)),
  },
  {
    what: "an access log",
    documents: (scope) =>
      `${PROVIDERS}${policy("telemetry", "Telemetry", scope, "accessLogging: [{providers: [{name: told}]}]")}`,
    has: ({ text }) => text.includes("/dev/told"),
  },
];

for (const { place, proxy, documents, isGateway } of PLACES)
  describe(place, () => {
    test("has chains to look at", () => {
      expect(chainsOf(documents, isGateway).length).toBeGreaterThan(5);
    });

    for (const { what, documents: asked, has } of ASKED)
      for (const scope of SCOPES)
        test(`${what} for ${scope} is in every chain`, () => {
          const chains = chainsOf(`${asked(scope)}${documents}`, isGateway);
          const without = chains.filter((chain) => !has(chain, proxy));
          expect(without.map(({ listener, name }) => `${listener} ${name}`)).toEqual([]);
        });
  });
