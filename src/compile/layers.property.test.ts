// What is compiled once for everybody, with what differs laid over it, is what compiling every host for every view gives; and what is kept
// of the compilation before is what compiling anew gives.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { buildMesh } from "../model/build.ts";
import type { ClientTls, OutlierDetection } from "../model/client-policy.ts";
import type { Gateway } from "../model/gateway.ts";
import { type LocalityPreference, NEAREST_FIRST } from "../model/locality-preference.ts";
import type { Mesh, MeshParts } from "../model/mesh.ts";
import type { Protocol } from "../model/protocol.ts";
import { DEFAULT_PROXY_HEADERS } from "../model/proxy-headers.ts";
import type { EgressPort, ImportedNamespace, ProxyScope } from "../model/proxy-scope.ts";
import { NO_HEADERS, type Route } from "../model/route.ts";
import { clientPolicy, origin, parts, route, SIDECAR, serverPolicy, service, workload } from "../model/sample.ts";
import type { MtlsMode } from "../model/server-policy.ts";
import type { ServiceAlias } from "../model/service.ts";
import { DEFAULT_SETTINGS, type MeshSettings, type OutboundPolicy, type PathNormalization } from "../model/settings.ts";
import { PUBLIC, type Visibility } from "../model/visibility.ts";
import type { Locality, Workload, WorkloadKey, WorkloadProxy } from "../model/workload.ts";
import { decodeResource } from "../xds/resource.ts";
import type { ResourceMap } from "../xds/snapshot.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { CompileCache } from "./cache.ts";
import { compileProxy, compileShared, type SharedResources } from "./compile.ts";
import { isGateway } from "./gateway.ts";
import { compileCommon, compileOutbound } from "./outbound.ts";
import { laidOver, type OutboundSets } from "./outbound-sets.ts";
import { layer } from "./resource-set.ts";
import { proxyTelemetry } from "./telemetry.ts";
import { commonView, type View, viewFrom, viewOf } from "./visibility.ts";

const NAMESPACES = ["a", "b", "istio-system"];
const NAMES = ["x", "y"];
const namespace = fc.constantFrom(...NAMESPACES);
const name = fc.constantFrom(...NAMES);
const host = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(name, fc.constantFrom("a", "b")).map(([n, ns]) => `${n}.${ns}.svc.cluster.local`) },
  { weight: 1, arbitrary: fc.constantFrom("x.example.com", "x", "y") },
);
const pattern = fc.oneof(
  { weight: 3, arbitrary: host },
  { weight: 1, arbitrary: fc.constantFrom("*.example.com", "*.a.svc.cluster.local", "*.local", "*") },
);
const visibility: fc.Arbitrary<Visibility> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PUBLIC) },
  {
    weight: 2,
    arbitrary: fc
      .uniqueArray(namespace, { minLength: 1, maxLength: 2 })
      .map((namespaces): Visibility => ({ kind: "namespaces", namespaces })),
  },
  { weight: 1, arbitrary: fc.constant<Visibility>({ kind: "nobody" }) },
);
const protocol = fc.constantFrom<Protocol>("http", "grpc", "tcp", "tls", "undeclared");
const address = fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3");
const selector = fc.option(
  fc.record({ namespace: fc.option(namespace, { nil: undefined }), labels: fc.constantFrom({}, { app: "x" }) }),
  { nil: undefined },
);

const services = fc.array(
  fc.record({
    host,
    name,
    namespace,
    visibility,
    createdAt: fc.integer({ min: 0, max: 2 }),
    addresses: fc.uniqueArray(address, { maxLength: 2 }),
    prefers: fc.constantFrom(undefined, undefined, "zone", "node"),
    nodeLocal: fc.constantFrom<true | undefined>(undefined, undefined, true),
    ports: fc
      .uniqueArray(fc.constantFrom(80, 81), { minLength: 1 })
      .chain((numbers) =>
        fc.tuple(
          ...numbers.sort().map((number) => protocol.map((p) => ({ number, name: "p", protocol: p, target: 8080 }))),
        ),
      ),
  }),
  { maxLength: 6 },
);

/** Few names, so that some stand for each other, for themselves, or for a service that there is. */
const aliases = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("x", "z"),
    namespace: fc.constantFrom("a", "b"),
    target: host,
    ports: fc.boolean(),
  }),
  { maxLength: 3, selector: (alias) => `${alias.name}.${alias.namespace}` },
);

const routes = fc.array(
  fc.record({
    kind: fc.constantFrom("http", "http", "tcp", "tls"),
    namespace,
    visibility,
    createdAt: fc.integer({ min: 0, max: 2 }),
    hosts: fc.uniqueArray(pattern, { minLength: 1, maxLength: 2 }),
    to: host,
    subset: fc.constantFrom(undefined, "v1"),
    port: fc.constantFrom(undefined, 80),
    client: selector,
  }),
  { maxLength: 5 },
);

const US: Locality = { region: "us", zone: "a", subzone: "" };
const EU: Locality = { region: "eu", zone: "b", subzone: "" };
const ANYWHERE = { zone: "*", subzone: "*" };
const SHARES: LocalityPreference = {
  kind: "shares",
  rules: [
    {
      from: { region: "us", ...ANYWHERE },
      to: [
        { locality: { region: "us", ...ANYWHERE }, weight: 90 },
        { locality: { region: "eu", ...ANYWHERE }, weight: 10 },
      ],
    },
  ],
};
const locality = fc.constantFrom<LocalityPreference | undefined>(undefined, { kind: "none" }, SHARES, {
  kind: "failover",
  labels: [{ name: "app" }, { name: "topology.kubernetes.io/zone" }],
  regions: [],
});

const policies = fc.array(
  fc.record({
    namespace,
    visibility,
    createdAt: fc.integer({ min: 0, max: 2 }),
    host: pattern,
    clients: fc.boolean(),
    hash: fc.constantFrom(true, true, false),
    ejects: fc.boolean(),
    locality,
    credential: fc.constantFrom(false, false, true),
    subset: fc.boolean(),
  }),
  { maxLength: 4 },
);

const imported = fc.record({
  namespace: fc.oneof(
    fc.constantFrom<ImportedNamespace>({ kind: "any" }, { kind: "own" }),
    namespace.map((ns): ImportedNamespace => ({ kind: "named", name: ns })),
  ),
  host: pattern,
});
const egress = fc.record({
  hosts: fc.array(imported, { maxLength: 2 }),
  except: fc.array(imported, { maxLength: 1 }),
  port: fc.option(
    fc.record({
      number: fc.constantFrom(80, 81),
      takes: fc.constantFrom<EgressPort["takes"]>("requests", "bytes", "proxy"),
      address: fc.constantFrom(undefined, "127.0.0.1", "10.0.0.1"),
      isBound: fc.boolean(),
    }),
    { nil: undefined },
  ),
});
const scopes = fc.array(
  fc.record({
    namespace: fc.option(namespace, { nil: undefined }),
    labels: fc.constantFrom(undefined, { app: "x" }),
    createdAt: fc.integer({ min: 0, max: 2 }),
    egress: fc.option(fc.array(egress, { minLength: 1, maxLength: 2 }), { nil: undefined }),
    policy: fc.constantFrom<OutboundPolicy | undefined>(undefined, "allow-any", "registry-only"),
    via: fc.option(host, { nil: undefined }),
    ingress: fc.constantFrom<readonly Protocol[]>([], ["grpc"], ["tcp"]),
  }),
  { maxLength: 3 },
);

const settings = fc.record({
  outboundPolicy: fc.constantFrom<OutboundPolicy>("allow-any", "dynamic-dns", "registry-only"),
  trustDomainAliases: fc.constantFrom<readonly string[]>([], ["old.example"]),
  pathNormalization: fc.constantFrom<PathNormalization>("base", "merge-slashes"),
  mtls: fc.constantFrom<MtlsMode>("permissive", "strict"),
  nearest: fc.constantFrom(NEAREST_FIRST, NEAREST_FIRST, SHARES),
  limits: fc.constantFrom(undefined, { maxConnections: 7 }),
  clusterStatNames: fc.constantFrom({}, { inbound: "in.%SERVICE%", outbound: "%SERVICE_FQDN%.%SUBSET_NAME%" }),
  proxyHeaders: fc.constantFrom(DEFAULT_PROXY_HEADERS, {
    ...DEFAULT_PROXY_HEADERS,
    attemptCount: false,
    server: "s",
    preservesCase: true,
  }),
  connections: fc.constantFrom(undefined, { idleMs: 60_000 }, { bufferBytes: 65_536 }),
  bufferBytes: fc.constantFrom(undefined, 131_072),
  protocolDetectionMs: fc.constantFrom(5_000, 0),
  outsideTls: fc.constantFrom(
    { min: "TLSV1_2", cipherSuites: [], curves: [] },
    { min: "TLSV1_3", cipherSuites: [], curves: ["P-256"] },
  ),
});

const world = fc.record({
  services,
  aliases,
  scopes,
  settings,
  routes,
  policies,
  strict: fc.uniqueArray(namespace, { maxLength: 1 }),
  /** Namespaces with a Secret, and whose it is. */
  secrets: fc.uniqueArray(fc.record({ namespace, owner: fc.constantFrom("one", "other") }), {
    maxLength: 2,
    selector: (secret) => secret.namespace,
  }),
  logged: fc.array(
    fc.record({
      namespace,
      app: fc.option(name, { nil: undefined }),
      filter: fc.constantFrom(undefined, "response.code > 1"),
    }),
    { maxLength: 2 },
  ),
  pods: fc.uniqueArray(fc.tuple(namespace, name), { maxLength: 5, selector: (pod) => pod.join() }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

const EJECTS: OutlierDetection = {
  consecutive5xx: 5,
  consecutiveGatewayErrors: 0,
  intervalMs: 1_000,
  baseEjectionMs: 1_000,
  maxEjectionPercent: 10,
  minHealthPercent: 0,
};

const ORIGINATED: ClientTls = {
  kind: "simple",
  subjectAltNames: [],
  skipVerify: false,
  credential: { name: "outside", mutual: false, verifies: true },
};

/** What it hands on are endpoints of its own. */
const LEGS: Gateway = {
  origin: origin("Gateway", "legs"),
  createdAt: 0,
  namespace: "a",
  selector: {},
  servers: [
    {
      path: "spec.servers[0]",
      port: 15_443,
      portName: "legs",
      protocol: "tls",
      hosts: [{ host: "*" }],
      redirectsToHttps: false,
      tls: { kind: "auto-passthrough" },
    },
  ],
};

/** Each of a kind has its own origin: objects of one name are one object, which is not the matter here. */
function settingsOf({ settings: { mtls, nearest, limits, bufferBytes, ...rest } }: World): MeshSettings {
  const { defaults } = DEFAULT_SETTINGS;
  const { client: usual } = defaults;
  const connectionPool = { ...usual.connectionPool, bufferBytes };
  const client = {
    ...usual,
    connectionPool,
    loadBalancing: { kind: "least-request", locality: nearest },
    limits,
  } as const;
  return { ...DEFAULT_SETTINGS, ...rest, defaults: { ...defaults, client, mtls } };
}

function scopeOf(each: World["scopes"][number], i: number): ProxyScope {
  const { namespace: ns, labels, createdAt, policy, via, ingress } = each;
  return {
    origin: origin("Sidecar", `c${i}`, ns ?? "istio-system"),
    createdAt,
    workloads: ns === undefined ? { kind: "mesh" } : { kind: "namespace", namespace: ns, labels },
    egress: each.egress?.map((listener, j) => ({ ...listener, path: `spec.egress[${j}]` })),
    ingress: ingress.map((spoken) => ({ path: "spec.ingress[0]", port: 8080, protocol: spoken })),
    outbound: policy && {
      policy,
      via: via === undefined ? undefined : { kind: "service", host: via, port: 80, path: "" },
    },
  };
}

function partsOf({ services, aliases, routes, policies, strict, secrets, logged, pods, scopes }: World): MeshParts {
  return parts({
    services: services.map((each, i) =>
      service(each.name, each.namespace, { ...each, origin: origin("Service", `s${i}`, each.namespace) }),
    ),
    aliases: aliases.map(({ name: n, namespace: ns, target, ports }) => ({
      origin: origin("Service", `alias-${n}`, ns),
      createdAt: 0,
      host: `${n}.${ns}.svc.cluster.local`,
      namespace: ns,
      name: n,
      target,
      path: "spec.externalName",
      ports: ports ? [{ number: 81, name: "http", protocol: "http" }] : [],
    })),
    workloads: [
      ...pods.map(([ns, app]) =>
        workload(`${app}-pod`, app, ns, app === "x" ? { locality: US, node: "n1" } : { locality: EU, node: "n2" }),
      ),
      ...CLIENTS,
    ],
    routes: routes.map((each, i) => routeOf(each, i)),
    clientPolicies: policies.map((each, i) =>
      clientPolicy(`p${i}`, each.host, each.namespace, {
        createdAt: each.createdAt,
        visibility: each.clients ? { kind: "namespaces", namespaces: [each.namespace] } : each.visibility,
        clients: each.clients ? { namespace: each.namespace, labels: { app: "x" } } : undefined,
        settings: {
          ...(each.hash
            ? {
                loadBalancing: {
                  kind: "consistent-hash",
                  key: { kind: "header", name: `h${i}` },
                  table: { kind: "ring", minSize: 1024 },
                  locality: each.locality,
                },
              }
            : {}),
          ...(each.ejects ? { outlierDetection: EJECTS } : {}),
          ...(each.credential ? { tls: ORIGINATED } : {}),
        },
        subsets: each.subset
          ? [{ name: "v1", labels: {}, origin: origin("DestinationRule", `p${i}`), settings: {}, ports: [] }]
          : [],
      }),
    ),
    proxyScopes: scopes.map(scopeOf),
    gateways: [LEGS],
    credentials: secrets.map(({ namespace: ns, owner }) => ({
      origin: origin("Secret", "outside", ns),
      roots: `roots of ${owner}`,
      digest: owner,
    })),
    serverPolicies: strict.map((ns) =>
      serverPolicy(`strict-${ns}`, { kind: "namespace", namespace: ns }, { mtls: "strict" }),
    ),
    telemetries: logged.map(({ namespace: ns, app, filter }, i) => ({
      origin: origin("Telemetry", `t${i}`, ns),
      createdAt: 0,
      scope: { kind: "namespace", namespace: ns, labels: app === undefined ? {} : { app } },
      logging: [{ side: undefined, providers: ["envoy"], disabled: false, filter }],
      tracing: [],
      metrics: [],
    })),
  });
}

function routeOf(each: World["routes"][number], i: number): Route {
  const { kind, hosts, to, client, ...rest } = each;
  const made = route(`r${i}`, hosts[0]!, to, {
    ...rest,
    hosts,
    origin: origin("VirtualService", `r${i}`, rest.namespace),
  });
  const target = { kind: "service", host: to, subset: each.subset, port: each.port, path: "" } as const;
  const backends = [{ target, weight: 1, requestHeaders: NO_HEADERS, responseHeaders: NO_HEADERS }];
  const [rule] = made.rules;
  const at = { rank: rule!.rank, origin: made.origin, path: rule!.path };
  if (kind === "tcp")
    return { ...made, kind, rules: [{ ...at, matches: client ? [{ destinations: [], client }] : [], backends }] };
  if (kind === "tls")
    return { ...made, kind, rules: [{ ...at, matches: [{ sniHosts: hosts, destinations: [], client }], backends }] };
  const matches = client ? [{ headers: [], query: [], client }] : [];
  return { ...made, rules: [{ ...rule!, matches, action: { kind: "forward", backends } }] };
}

const WITH_UPSTREAM: WorkloadProxy = {
  ...SIDECAR,
  forwardProxyPort: 15_081,
  upstreams: [
    { port: 9191, host: "x.a.svc.cluster.local", servicePort: 80 },
    { port: 9192, host: "x.a.svc.cluster.local", written: "x.b.svc.cluster.local", servicePort: 80 },
  ],
};
const PROXIES: readonly WorkloadProxy[] = [
  { ...SIDECAR, capture: { outboundPort: 15_001, inboundPort: 15_006 } },
  { ...SIDECAR, gateway: { trustedProxies: 0, clientCertificate: "SANITIZE_SET", proxyProtocol: false } },
  WITH_UPSTREAM,
  {
    ...WITH_UPSTREAM,
    http: {
      headers: { ...DEFAULT_PROXY_HEADERS, attemptCount: false, forwardedHost: true },
      connections: { underscores: "drop" },
    },
  },
];
const CLIENTS: readonly Workload[] = NAMESPACES.flatMap((ns) =>
  PROXIES.map((proxy, i) =>
    workload(`client-${i}`, i === 0 ? "x" : "client", ns, { proxy, ...(i === 0 ? { locality: US, node: "n1" } : {}) }),
  ),
);

function contents(map: ResourceMap): Record<string, string> {
  return Object.fromEntries([...map].map(([key, { version }]) => [key, version]).sort());
}

function merged(sets: OutboundSets): Record<string, Record<string, string>> {
  return Object.fromEntries(
    SEND_ORDER.map((kind) => [
      kind,
      contents((sets[kind] ?? []).reduceRight<ResourceMap>((below, set) => layer(set, below), new Map())),
    ]),
  );
}

/** Maps by what they hold: one that was corrected is not the class of one that was made. */
function plain(mesh: Mesh): unknown {
  const index = Object.entries(mesh.index).map(([name, value]: [string, unknown]) => {
    const isMap = typeof value === "object" && value !== null && "get" in value && "size" in value;
    const entries = isMap ? [...(value as ReadonlyMap<string, unknown>)] : [];
    return [name, isMap ? new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1))) : value];
  });
  return { ...mesh, index: Object.fromEntries(index) };
}

/** A compilation that remembers nothing. */
function anew(mesh: Mesh): SharedResources {
  return compileShared(mesh, new Map(), new CompileCache());
}

function viewAt({ cache, mesh, selectors }: SharedResources, client: Workload): View {
  const seen = viewOf(client, client.proxy!, selectors, proxyTelemetry(mesh, client));
  const { perspectives } = cache;
  return viewFrom(seen, perspectives.placeOf(client), perspectives.holderOf(client, isGateway(client.proxy!)));
}

/** Headless services are not laid over anything, and are not generated here. */
function layered(shared: SharedResources, client: Workload): OutboundSets {
  const view = viewAt(shared, client);
  const common = compileCommon(shared, commonView(view));
  return laidOver(compileOutbound(shared, view, common).sets, common.sets, undefined);
}

test("a name that stands for no service, and has a route, is called by its short names in its own namespace", () => {
  const host = "x.a.svc.cluster.local";
  const alias: ServiceAlias = {
    origin: origin("Service", "x", "a"),
    createdAt: 0,
    host,
    namespace: "a",
    name: "x",
    target: host,
    path: "spec.externalName",
    ports: [{ number: 81, name: "http", protocol: "http" }],
  };
  const mesh = buildMesh(DEFAULT_SETTINGS, parts({ aliases: [alias], routes: [route("r", host, "x.example.com")] }));
  const domainsFor = (namespace: string) => {
    const shared = anew(mesh);
    const client = CLIENTS.find((each) => each.namespace === namespace && each.proxy?.capture)!;
    const all = layered(shared, client).vhds?.flatMap(({ resources }) => [...resources.values()]) ?? [];
    return all
      .filter(({ name }) => name.startsWith("81/"))
      .map((each) => decodeResource("vhds", each.bytes).domains)[0];
  };
  expect(domainsFor("a")).toContain("x");
  expect(domainsFor("b")).not.toContain("x");
  expect(domainsFor("b")).toContain("x.a");
});

test("laid over what everybody sees, a view is what it is by itself", () => {
  fc.assert(
    fc.property(world, (made) => {
      const mesh = buildMesh(settingsOf(made), partsOf(made));
      for (const client of CLIENTS) {
        const shared = anew(mesh);
        const direct = compileCommon(anew(mesh), viewAt(shared, client));
        expect(merged(layered(shared, client))).toEqual(merged(direct.sets));
      }
    }),
    { numRuns: 40 },
  );
});

test("through a scope that lets everything be called, a client calls what it does without one", () => {
  fc.assert(
    fc.property(world, (made) => {
      const open = buildMesh(settingsOf(made), partsOf({ ...made, scopes: [] }));
      const everything = {
        hosts: [{ namespace: { kind: "any" }, host: "*" }],
        except: [],
        path: "spec.egress[0]",
      } as const;
      const scope: ProxyScope = {
        origin: origin("Sidecar", "everything", "istio-system"),
        createdAt: 0,
        workloads: { kind: "mesh" },
        egress: [everything],
        ingress: [],
      };
      const scoped = buildMesh(settingsOf(made), { ...partsOf({ ...made, scopes: [] }), proxyScopes: [scope] });
      for (const client of CLIENTS) {
        const without = compileProxy(anew(open), client)!;
        const through = compileProxy(anew(scoped), client)!;
        for (const kind of SEND_ORDER)
          expect(contents(through.resources[kind] ?? new Map())).toEqual(
            contents(without.resources[kind] ?? new Map()),
          );
      }
    }),
    { numRuns: 40 },
  );
});

test("with what is remembered of other meshes, a proxy gets what it would get without", () => {
  fc.assert(
    fc.property(fc.array(world, { minLength: 2, maxLength: 3 }), fc.boolean(), (worlds, silent) => {
      const cache = new CompileCache();
      let before: Mesh | undefined;
      let acknowledged = new Map<WorkloadKey, ReadonlySet<string>>();
      // Mostly one kind of thing changes: the others are those of before.
      const steps = worlds.flatMap((made, i): World[] => {
        const last = worlds[i - 1];
        if (!last) return [made];
        const { pods, policies, routes, scopes, settings, secrets } = made;
        return [
          { ...last, pods: pods.slice(1) },
          { ...last, pods },
          { ...last, pods, secrets },
          { ...last, pods, secrets, scopes },
          { ...last, pods, secrets, scopes, policies },
          { ...last, pods, secrets, scopes, policies, settings },
          { ...last, pods, secrets, scopes, policies, settings, routes },
          made,
        ];
      });
      for (const step of steps) {
        const built = partsOf(step);
        const settings = settingsOf(step);
        const mesh = buildMesh(settings, built, before);
        const fresh = buildMesh(settings, built);
        expect(plain(mesh)).toEqual(plain(fresh));
        const shared = compileShared(mesh, acknowledged, cache);
        const again = compileShared(fresh, acknowledged, new CompileCache());
        const next = new Map(acknowledged);
        for (const each of mesh.workloads) {
          const kept = compileProxy(shared, each)!;
          const made = compileProxy(
            again,
            fresh.workloads.find((other) => other.name === each.name && other.namespace === each.namespace)!,
          )!;
          for (const kind of SEND_ORDER)
            expect(contents(kept.resources[kind] ?? new Map())).toEqual(contents(made.resources[kind] ?? new Map()));
          expect(kept.version).toBe(made.version);
          if (!silent) next.set(`${each.cluster}/${each.namespace}/${each.name}`, kept.serverNames);
        }
        acknowledged = next;
        before = mesh;
      }
    }),
    { numRuns: 12 },
  );
});
