// Objects that Istio's definitions refuse (kubernetes/customresourcedefinitions.gen.yaml of istio.io/api): bounds, patterns and rules in CEL, each by a spec that breaks it.

type Spec = Readonly<Record<string, unknown>>;

export interface BrokenRule {
  readonly kind: string;
  /** What the definition says. */
  readonly rule: string;
  readonly spec: Spec;
}

function many<T>(count: number, item: (i: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, i) => item(i));
}

function entries<T>(count: number, value: T): Readonly<Record<string, T>> {
  return Object.fromEntries(many(count, (i) => [`k${i}`, value]));
}

const LONG = { 63: "a".repeat(64), 64: "a".repeat(65), 253: "a".repeat(254), 256: "a".repeat(257) } as const;
const VERY_LONG = "a".repeat(2_049);

/** Of a `selector` and others of its form. */
function selectors(kind: string, around: (selector: Spec) => Spec): readonly BrokenRule[] {
  const of = (rule: string, matchLabels: Spec) => ({ kind, rule, spec: around({ matchLabels }) });
  return [
    of("no wildcard in a label's value", { app: "w*" }),
    of("no wildcard in a label's name", { "app*": "web" }),
    of("a label has a name", { "": "web" }),
    of("a label's value has 63 characters", { app: LONG[63] }),
    of("4096 labels", entries(4_097, "a")),
  ];
}

/** Of a `workloadSelector` of the older form. */
function labels(kind: string, around: (selector: Spec) => Spec): readonly BrokenRule[] {
  return [
    { kind, rule: "no wildcard in a label's value", spec: around({ labels: { app: "w*" } }) },
    { kind, rule: "a label's value has 63 characters", spec: around({ labels: { app: LONG[63] } }) },
    { kind, rule: "256 labels", spec: around({ labels: entries(257, "a") }) },
  ];
}

const SERVICE = { kind: "Service", name: "web" };

function targets(kind: string, rest: Spec = {}): readonly BrokenRule[] {
  const of = (rule: string, target: Spec) => ({
    kind,
    rule,
    spec: { ...rest, targetRefs: [{ ...SERVICE, ...target }] },
  });
  return [
    of("a target's group is a name", { group: "A_b" }),
    of("a target's group has 253 characters", { group: LONG[253] }),
    of("a target's kind is a name", { kind: "a b" }),
    of("a target's kind is there", { kind: "" }),
    of("a target's kind has 63 characters", { kind: LONG[63] }),
    of("a target's name is there", { name: "" }),
    of("a target's name has 253 characters", { name: LONG[253] }),
    of("a target has no namespace", { namespace: "ns" }),
    { kind, rule: "16 targets", spec: { ...rest, targetRefs: many(17, () => SERVICE) } },
  ];
}

function selectorAndTarget(kind: string, rest: Spec = {}): BrokenRule {
  return { kind, rule: "a selector or targets", spec: { ...rest, selector: {}, targetRefs: [SERVICE] } };
}

function policy(fields: Spec): Spec {
  return { host: "web", trafficPolicy: fields };
}

const SHORT = "0.5ms";
const POOL = { tcp: {}, http: {} };

function durations(): readonly BrokenRule[] {
  const of = (spec: Spec): BrokenRule => ({ kind: "DestinationRule", rule: "a duration of 1 ms", spec });
  return [
    of(policy({ connectionPool: { ...POOL, tcp: { connectTimeout: SHORT } } })),
    of(policy({ connectionPool: { ...POOL, tcp: { maxConnectionDuration: SHORT } } })),
    of(policy({ connectionPool: { ...POOL, tcp: { tcpKeepalive: { time: SHORT } } } })),
    of(policy({ connectionPool: { ...POOL, tcp: { tcpKeepalive: { interval: SHORT } } } })),
    of(policy({ outlierDetection: { interval: SHORT } })),
    of(policy({ outlierDetection: { baseEjectionTime: SHORT } })),
    of(policy({ loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: SHORT } } })),
    of(policy({ loadBalancer: { simple: "ROUND_ROBIN", warmupDurationSecs: SHORT } })),
  ];
}

const DESTINATION_RULES: readonly BrokenRule[] = [
  ...selectors("DestinationRule", (workloadSelector) => ({ host: "web", workloadSelector })),
  ...durations(),
  {
    kind: "DestinationRule",
    rule: "4096 ports",
    spec: policy({
      portLevelSettings: many(4_097, (i) => ({ port: { number: i + 1 }, loadBalancer: { simple: "RANDOM" } })),
    }),
  },
  { kind: "DestinationRule", rule: "100 % of retries", spec: policy({ retryBudget: { percent: 101 } }) },
  {
    kind: "DestinationRule",
    rule: "100 % of warm-up",
    spec: policy({ loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "1s", minimumPercent: 101 } } }),
  },
  {
    kind: "DestinationRule",
    rule: "one balancer",
    spec: policy({ loadBalancer: { simple: "RANDOM", consistentHash: { useSourceIp: true } } }),
  },
  {
    kind: "DestinationRule",
    rule: "one key",
    spec: policy({ loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderName: "a" } } }),
  },
  {
    kind: "DestinationRule",
    rule: "one way of hashing",
    spec: policy({ loadBalancer: { consistentHash: { useSourceIp: true, ringHash: {}, maglev: { tableSize: 11 } } } }),
  },
];

function route(fields: Spec): Spec {
  return { hosts: ["web"], http: [{ route: [{ destination: { host: "web" } }], ...fields }] };
}

const VIRTUAL_SERVICES: readonly BrokenRule[] = [
  { kind: "VirtualService", rule: "a duration of 1 ms", spec: route({ timeout: SHORT }) },
  {
    kind: "VirtualService",
    rule: "a duration of 1 ms",
    spec: route({ retries: { attempts: 1, perTryTimeout: SHORT } }),
  },
  { kind: "VirtualService", rule: "a duration of 1 ms", spec: route({ retries: { attempts: 1, backoff: SHORT } }) },
  { kind: "VirtualService", rule: "a duration of 1 ms", spec: route({ corsPolicy: { maxAge: "0s" } }) },
  { kind: "VirtualService", rule: "a duration of 1 ms", spec: route({ fault: { delay: { fixedDelay: SHORT } } }) },
  {
    kind: "VirtualService",
    rule: "one string match",
    spec: route({ match: [{ uri: { exact: "/a", prefix: "/b" } }] }),
  },
  {
    kind: "VirtualService",
    rule: "one error",
    spec: route({ fault: { abort: { httpStatus: 500, grpcStatus: "NOT_FOUND" } } }),
  },
  {
    kind: "VirtualService",
    rule: "one body",
    spec: { hosts: ["web"], http: [{ directResponse: { status: 200, body: { string: "a", bytes: "YQ==" } } }] },
  },
  {
    kind: "VirtualService",
    rule: "a port or how it is derived",
    spec: { hosts: ["web"], http: [{ redirect: { port: 80, derivePort: "FROM_REQUEST_PORT" } }] },
  },
];

function served(tls: Spec): Spec {
  const port = { number: 443, name: "https", protocol: "HTTPS" };
  return { selector: { istio: "edge" }, servers: [{ port, hosts: ["*"], tls: { mode: "SIMPLE", ...tls } }] };
}

const PAIR = { serverCertificate: "/a", privateKey: "/b" };

const GATEWAYS: readonly BrokenRule[] = [
  { kind: "Gateway", rule: "a name of a credential", spec: served({ credentialNames: [] }) },
  { kind: "Gateway", rule: "2 credentials", spec: served({ credentialNames: ["a", "b", "c"] }) },
  { kind: "Gateway", rule: "a certificate", spec: served({ tlsCertificates: [] }) },
  { kind: "Gateway", rule: "2 certificates", spec: served({ tlsCertificates: [PAIR, PAIR, PAIR] }) },
  {
    kind: "Gateway",
    rule: "credentialNames or tlsCertificates",
    spec: served({ credentialNames: ["a"], tlsCertificates: [PAIR] }),
  },
  {
    kind: "Gateway",
    rule: "credentialName or credentialNames",
    spec: served({ credentialName: "a", credentialNames: ["b"] }),
  },
];

function entry(fields: Spec): Spec {
  return {
    hosts: ["a.example.com"],
    ports: [{ number: 80, name: "http", protocol: "HTTP" }],
    resolution: "STATIC",
    ...fields,
  };
}

function endpoint(fields: Spec): Spec {
  return entry({ endpoints: [{ address: "10.1.1.1", ...fields }] });
}

/** Of a WorkloadEntry, wherever it stands. */
function workloads(kind: string, around: (fields: Spec) => Spec): readonly BrokenRule[] {
  const of = (rule: string, fields: Spec) => ({ kind, rule, spec: around(fields) });
  return [
    of("a socket's absolute path", { address: "unix://a" }),
    of("a socket is no folder", { address: "unix:///a/" }),
    of("a socket has no ports", { address: "unix:///a", ports: { http: 80 } }),
    of("an address of 256 characters", { address: LONG[256] }),
    of("256 labels", { labels: entries(257, "a") }),
    of("a locality of 2048 characters", { locality: VERY_LONG }),
    of("a network of 2048 characters", { network: VERY_LONG }),
    of("a service account of 253 characters", { serviceAccount: LONG[253] }),
    of("128 ports", { ports: entries(129, 80) }),
    of("a port from 1 to 65535", { ports: { http: 0 } }),
    of("a port's name", { ports: { "a b": 80 } }),
  ];
}

const SERVICE_ENTRIES: readonly BrokenRule[] = [
  ...labels("ServiceEntry", (workloadSelector) => entry({ workloadSelector })),
  ...workloads("ServiceEntry", endpoint),
  { kind: "ServiceEntry", rule: "an address or a network", spec: entry({ endpoints: [{}] }) },
  { kind: "ServiceEntry", rule: "256 addresses", spec: entry({ addresses: many(257, () => "10.1.1.1") }) },
  { kind: "ServiceEntry", rule: "an address of 64 characters", spec: entry({ addresses: [LONG[64]] }) },
  {
    kind: "ServiceEntry",
    rule: "4096 endpoints",
    spec: entry({ endpoints: many(4_097, (i) => ({ address: `10.1.${i >> 8}.${i & 255}` })) }),
  },
  { kind: "ServiceEntry", rule: "a host", spec: entry({ hosts: [] }) },
  { kind: "ServiceEntry", rule: "256 hosts", spec: entry({ hosts: many(257, (i) => `a${i}.example.com`) }) },
  { kind: "ServiceEntry", rule: "not every host", spec: entry({ hosts: ["*"] }) },
  {
    kind: "ServiceEntry",
    rule: "256 ports",
    spec: entry({ ports: many(257, (i) => ({ number: i + 1, name: `p${i}`, protocol: "HTTP" })) }),
  },
  { kind: "ServiceEntry", rule: "a port from 1", spec: entry({ ports: [{ number: 0, name: "a" }] }) },
  {
    kind: "ServiceEntry",
    rule: "a target port to 65535",
    spec: entry({ ports: [{ number: 1, name: "a", targetPort: 65_536 }] }),
  },
  {
    kind: "ServiceEntry",
    rule: "a protocol of 256 characters",
    spec: entry({ ports: [{ number: 1, name: "a", protocol: LONG[256] }] }),
  },
  {
    kind: "ServiceEntry",
    rule: "a port's name once",
    spec: entry({
      ports: [
        { number: 1, name: "a" },
        { number: 2, name: "a" },
      ],
    }),
  },
  {
    kind: "ServiceEntry",
    rule: "a port once",
    spec: entry({
      ports: [
        { number: 1, name: "a" },
        { number: 1, name: "b" },
      ],
    }),
  },
  {
    kind: "ServiceEntry",
    rule: "a selector or endpoints",
    spec: entry({ endpoints: [{ address: "10.1.1.1" }], workloadSelector: { labels: { app: "web" } } }),
  },
  {
    kind: "ServiceEntry",
    rule: "ranges of NONE and STATIC alone",
    spec: entry({ resolution: "DNS", addresses: ["10.0.0.0/8"] }),
  },
  {
    kind: "ServiceEntry",
    rule: "no endpoints of NONE",
    spec: entry({ resolution: "NONE", endpoints: [{ address: "10.1.1.1" }] }),
  },
  {
    kind: "ServiceEntry",
    rule: "no endpoints of no resolution",
    spec: { hosts: ["a.example.com"], ports: [{ number: 80, name: "http" }], endpoints: [{ address: "10.1.1.1" }] },
  },
  {
    kind: "ServiceEntry",
    rule: "one endpoint of DNS_ROUND_ROBIN",
    spec: entry({ resolution: "DNS_ROUND_ROBIN", endpoints: [{ address: "a.com" }, { address: "b.com" }] }),
  },
];

const GROUP = { template: { serviceAccount: "a" } };

function probe(fields: Spec): Spec {
  return { ...GROUP, probe: fields };
}

const WORKLOADS: readonly BrokenRule[] = [
  ...workloads("WorkloadEntry", (fields) => ({ address: "10.1.1.1", ...fields })),
  { kind: "WorkloadEntry", rule: "an address or a network", spec: { labels: { app: "web" } } },
  ...workloads("WorkloadGroup", (template) => ({ template })),
  { kind: "WorkloadGroup", rule: "256 labels", spec: { ...GROUP, metadata: { labels: entries(257, "a") } } },
  { kind: "WorkloadGroup", rule: "256 annotations", spec: { ...GROUP, metadata: { annotations: entries(257, "a") } } },
  { kind: "WorkloadGroup", rule: "one probe", spec: probe({ tcpSocket: { port: 80 }, grpc: { port: 80 } }) },
  { kind: "WorkloadGroup", rule: "a port from 1", spec: probe({ grpc: { port: 0 } }) },
  { kind: "WorkloadGroup", rule: "a port to 65535", spec: probe({ tcpSocket: { port: 65_536 } }) },
  { kind: "WorkloadGroup", rule: "HTTP or HTTPS", spec: probe({ httpGet: { port: 80, scheme: "ftp" } }) },
  {
    kind: "WorkloadGroup",
    rule: "a header's name",
    spec: probe({ httpGet: { port: 80, httpHeaders: [{ name: "a.b", value: "c" }] } }),
  },
  { kind: "WorkloadGroup", rule: "words of a command", spec: probe({ exec: { command: [""] } }) },
  { kind: "WorkloadGroup", rule: "no seconds below 0", spec: probe({ tcpSocket: { port: 80 }, timeoutSeconds: -1 }) },
];

function source(fields: Spec): Spec {
  return { rules: [{ from: [{ source: fields }] }] };
}

const SOURCE = { source: { principals: ["a"] } };

function jwt(fields: Spec): Spec {
  return { jwtRules: [{ issuer: "https://a.example.com", jwksUri: "https://a.example.com/keys", ...fields }] };
}

const RULE = { issuer: "https://a.example.com", jwksUri: "https://a.example.com/keys" };

const SECURITY: readonly BrokenRule[] = [
  ...["AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication"].flatMap((kind) =>
    selectors(kind, (selector) => ({ selector })),
  ),
  ...["AuthorizationPolicy", "RequestAuthentication"].flatMap((kind) => [...targets(kind), selectorAndTarget(kind)]),
  { kind: "AuthorizationPolicy", rule: "512 rules", spec: { rules: many(513, () => ({ from: [SOURCE] })) } },
  { kind: "AuthorizationPolicy", rule: "512 sources", spec: { rules: [{ from: many(513, () => SOURCE) }] } },
  {
    kind: "AuthorizationPolicy",
    rule: "service accounts alone",
    spec: source({ serviceAccounts: ["a"], namespaces: ["b"] }),
  },
  {
    kind: "AuthorizationPolicy",
    rule: "no service accounts alone",
    spec: source({ notServiceAccounts: ["a"], notPrincipals: ["b"] }),
  },
  { kind: "AuthorizationPolicy", rule: "16 service accounts", spec: source({ serviceAccounts: many(17, () => "a") }) },
  {
    kind: "AuthorizationPolicy",
    rule: "a service account of 320 characters",
    spec: source({ serviceAccounts: [`a/${"b".repeat(319)}`] }),
  },
  { kind: "AuthorizationPolicy", rule: "a condition's key", spec: { rules: [{ when: [{ values: ["a"] }] }] } },
  { kind: "PeerAuthentication", rule: "a port", spec: { selector: { matchLabels: { a: "b" } }, portLevelMtls: {} } },
  {
    kind: "PeerAuthentication",
    rule: "a port from 1",
    spec: { selector: { matchLabels: { a: "b" } }, portLevelMtls: { 0: { mode: "STRICT" } } },
  },
  {
    kind: "PeerAuthentication",
    rule: "a port to 65535",
    spec: { selector: { matchLabels: { a: "b" } }, portLevelMtls: { 65536: { mode: "STRICT" } } },
  },
  { kind: "PeerAuthentication", rule: "ports of a selector", spec: { portLevelMtls: { 80: { mode: "STRICT" } } } },
  { kind: "RequestAuthentication", rule: "4096 rules", spec: { jwtRules: many(4_097, () => RULE) } },
  { kind: "RequestAuthentication", rule: "an issuer", spec: jwt({ issuer: "" }) },
  { kind: "RequestAuthentication", rule: "an audience", spec: jwt({ audiences: [""] }) },
  { kind: "RequestAuthentication", rule: "a cookie", spec: jwt({ fromCookies: [""] }) },
  { kind: "RequestAuthentication", rule: "a header", spec: jwt({ fromHeaders: [{ prefix: "a" }] }) },
  { kind: "RequestAuthentication", rule: "a parameter", spec: jwt({ fromParams: [""] }) },
  { kind: "RequestAuthentication", rule: "an address of the web", spec: jwt({ jwksUri: "ftp://a.example.com" }) },
  {
    kind: "RequestAuthentication",
    rule: "2048 characters",
    spec: jwt({ jwksUri: `https://a.example.com/${VERY_LONG}` }),
  },
  { kind: "RequestAuthentication", rule: "keys or their address", spec: jwt({ jwks: "{}" }) },
  {
    kind: "RequestAuthentication",
    rule: "a header's name",
    spec: jwt({ outputClaimToHeaders: [{ claim: "a", header: "b.c" }] }),
  },
  { kind: "RequestAuthentication", rule: "a claim", spec: jwt({ outputClaimToHeaders: [{ header: "b" }] }) },
  { kind: "RequestAuthentication", rule: "a claim's name", spec: jwt({ spaceDelimitedClaims: [""] }) },
  { kind: "RequestAuthentication", rule: "64 claims", spec: jwt({ spaceDelimitedClaims: many(65, (i) => `c${i}`) }) },
  { kind: "RequestAuthentication", rule: "a duration of 1 ms", spec: jwt({ timeout: SHORT }) },
];

function tagOverride(fields: Spec): Spec {
  return { metrics: [{ overrides: [{ tagOverrides: { a: fields } }] }] };
}

function tagged(tag: Spec): Spec {
  return { tracing: [{ customTags: { a: tag } }] };
}

const TELEMETRIES: readonly BrokenRule[] = [
  ...selectors("Telemetry", (selector) => ({ selector })),
  ...targets("Telemetry"),
  selectorAndTarget("Telemetry"),
  { kind: "Telemetry", rule: "UPSERT has a value", spec: tagOverride({ operation: "UPSERT", value: "" }) },
  { kind: "Telemetry", rule: "REMOVE has none", spec: tagOverride({ operation: "REMOVE", value: "b" }) },
  { kind: "Telemetry", rule: "a provider's name", spec: { metrics: [{ providers: [{ name: "" }] }] } },
  { kind: "Telemetry", rule: "a metric's name", spec: { metrics: [{ overrides: [{ match: { customMetric: "" } }] }] } },
  {
    kind: "Telemetry",
    rule: "one metric",
    spec: { metrics: [{ overrides: [{ match: { customMetric: "a", metric: "REQUEST_COUNT" } }] }] },
  },
  { kind: "Telemetry", rule: "a duration of 1 ms", spec: { metrics: [{ reportingInterval: SHORT }] } },
  { kind: "Telemetry", rule: "100 % of traces", spec: { tracing: [{ randomSamplingPercentage: 101 }] } },
  { kind: "Telemetry", rule: "a literal", spec: tagged({ literal: {} }) },
  { kind: "Telemetry", rule: "a variable", spec: tagged({ environment: { name: "" } }) },
  { kind: "Telemetry", rule: "a header", spec: tagged({ header: {} }) },
  { kind: "Telemetry", rule: "a format", spec: tagged({ formatter: { value: "" } }) },
  { kind: "Telemetry", rule: "one source of a tag", spec: tagged({ literal: { value: "a" }, header: { name: "b" } }) },
];

const WASM = { url: "file:///opt/a.wasm" };

function variable(fields: Spec): Spec {
  return { ...WASM, vmConfig: { env: [{ name: "a", ...fields }] } };
}

function patched(match: Spec): Spec {
  return { configPatches: [{ applyTo: "HTTP_FILTER", match, patch: { operation: "REMOVE" } }] };
}

const EXTENSIONS: readonly BrokenRule[] = [
  ...selectors("WasmPlugin", (selector) => ({ ...WASM, selector })),
  ...targets("WasmPlugin", WASM),
  selectorAndTarget("WasmPlugin", WASM),
  { kind: "WasmPlugin", rule: "an address", spec: { url: "" } },
  { kind: "WasmPlugin", rule: "an address of a known scheme", spec: { url: "ftp://example.com/a" } },
  { kind: "WasmPlugin", rule: "64 hexadecimal digits", spec: { ...WASM, sha256: "abc" } },
  { kind: "WasmPlugin", rule: "a secret", spec: { ...WASM, imagePullSecret: "" } },
  { kind: "WasmPlugin", rule: "a secret of 253 characters", spec: { ...WASM, imagePullSecret: LONG[253] } },
  { kind: "WasmPlugin", rule: "a name", spec: { ...WASM, pluginName: "" } },
  { kind: "WasmPlugin", rule: "a name of 256 characters", spec: { ...WASM, pluginName: LONG[256] } },
  { kind: "WasmPlugin", rule: "a variable's name", spec: variable({ name: "" }) },
  { kind: "WasmPlugin", rule: "a variable's name of 256 characters", spec: variable({ name: LONG[256] }) },
  { kind: "WasmPlugin", rule: "a value of 2048 characters", spec: variable({ value: VERY_LONG }) },
  { kind: "WasmPlugin", rule: "a value or the host's", spec: variable({ valueFrom: "HOST", value: "b" }) },
  {
    kind: "WasmPlugin",
    rule: "256 variables",
    spec: { ...WASM, vmConfig: { env: many(257, (i) => ({ name: `a${i}` })) } },
  },
  { kind: "WasmPlugin", rule: "a variable once", spec: { ...WASM, vmConfig: { env: [{ name: "a" }, { name: "a" }] } } },
  { kind: "WasmPlugin", rule: "a port from 1", spec: { ...WASM, match: [{ ports: [{ number: 0 }] }] } },
  { kind: "WasmPlugin", rule: "a port once", spec: { ...WASM, match: [{ ports: [{ number: 80 }, { number: 80 }] }] } },
  ...labels("EnvoyFilter", (workloadSelector) => ({ workloadSelector })),
  ...targets("EnvoyFilter"),
  { kind: "EnvoyFilter", rule: "a selector or targets", spec: { workloadSelector: {}, targetRefs: [SERVICE] } },
  { kind: "EnvoyFilter", rule: "one match", spec: patched({ listener: {}, cluster: {} }) },
  { kind: "EnvoyFilter", rule: "WAYPOINT by waypoint", spec: patched({ context: "WAYPOINT", listener: {} }) },
  { kind: "EnvoyFilter", rule: "waypoint of WAYPOINT", spec: patched({ context: "GATEWAY", waypoint: {} }) },
  { kind: "EnvoyFilter", rule: "waypoint of a context", spec: patched({ waypoint: {} }) },
  {
    kind: "EnvoyFilter",
    rule: "a waypoint's port from 1",
    spec: patched({ context: "WAYPOINT", waypoint: { portNumber: 0 } }),
  },
  ...selectors("ProxyConfig", (selector) => ({ selector })),
  { kind: "ProxyConfig", rule: "no concurrency below 0", spec: { concurrency: -1 } },
  { kind: "ProxyConfig", rule: "a value of 2048 characters", spec: { environmentVariables: { A: VERY_LONG } } },
  ...labels("Sidecar", (workloadSelector) => ({ workloadSelector, egress: [{ hosts: ["./*"] }] })),
];

export const BROKEN_RULES: readonly BrokenRule[] = [
  ...VIRTUAL_SERVICES,
  ...DESTINATION_RULES,
  ...GATEWAYS,
  ...SERVICE_ENTRIES,
  ...WORKLOADS,
  ...SECURITY,
  ...TELEMETRIES,
  ...EXTENSIONS,
];
