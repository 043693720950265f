// What is kept of objects, meshes and snapshots before is what reading and compiling everything anew gives, whatever came, changed and went
// in between.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { CompileCache } from "../compile/cache.ts";
import { compileProxies, compileShared } from "../compile/compile.ts";
import { translate } from "../dialect/dialects.ts";
import { readObjects, type SourceObject } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { Objects } from "./objects.ts";

/** `PROPERTY_RUNS=5000` after a change to what is kept. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 60);
const SOURCES = ["folder", "api"];

const name = fc.constantFrom("x", "y", "z");
const namespace = fc.constantFrom("a", "b");
const metadata = fc.record({ name, namespace });
const host = fc.tuple(name, namespace).map(([service, ns]) => `${service}.${ns}.svc.cluster.local`);

const CAPTURED = { "heddle.dev/proxy": "heddle", "heddle.dev/capture": "true" };

const pod = fc
  .record({
    metadata,
    app: name,
    version: fc.constantFrom({}, { version: "v1" }),
    address: fc.constantFrom("10.0.0.1", "10.0.0.2"),
    ready: fc.boolean(),
    proxy: fc.constantFrom({}, { "heddle.dev/proxy": "heddle" }, CAPTURED, CAPTURED),
    subdomain: fc.option(name, { nil: undefined }),
  })
  .map(({ metadata: { name: pod, namespace: ns }, app, version, address, ready, proxy, subdomain }) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace: ns, labels: { app, ...version }, annotations: proxy },
    spec: {
      ...(subdomain === undefined ? {} : { hostname: pod, subdomain }),
      containers: [{ name: "app", ports: [{ containerPort: 8080 }] }],
    },
    status: { podIP: address, phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  }));
const service = fc
  .record({
    metadata,
    app: name,
    port: fc.constantFrom(80, 81),
    portName: fc.constantFrom("http", "http", "tcp"),
    clusterIP: fc.constantFrom("10.1.0.1", "10.1.0.2", "None"),
  })
  .map(({ metadata: of, app, port, portName, clusterIP }) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: of,
    spec: { clusterIP, selector: { app }, ports: [{ name: portName, port, targetPort: 8080 }] },
  }));
/** Some stand for each other, or for nothing. */
const externalName = fc.record({ metadata, host, port: fc.constantFrom(undefined, 80, 81) }).map((of) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: of.metadata,
  spec: {
    type: "ExternalName",
    externalName: of.host,
    ...(of.port === undefined ? {} : { ports: [{ name: "http", port: of.port }] }),
  },
}));
const serviceEntry = fc.record({ metadata, host, port: fc.constantFrom(80, 81) }).map((of) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: of.metadata,
  spec: { hosts: [of.host], ports: [{ number: of.port, name: "http", protocol: "HTTP" }], resolution: "DNS" },
}));
const exportTo = fc.constantFrom(["."], ["*"], ["b"]);
const forwarding = fc
  .tuple(host, fc.constantFrom({}, {}, { subset: "v1" }))
  .map(([to, subset]) => ({ route: [{ destination: { host: to, ...subset } }] }));
const narrow = (prefix: string) => ({ match: [{ uri: { prefix } }] });
/** Few, so that some delegate to each other. */
const named = fc.record({ name: fc.constantFrom("x", "y"), namespace: fc.constant("a") });
const delegating = fc
  .record({ delegate: named, prefix: fc.constantFrom("/a", "/b") })
  .map(({ delegate, prefix }) => ({ ...narrow(prefix), delegate }));
/** Without hosts it is what others delegate to. A time-out of "soon" is refused: what was right before stays in force. */
const virtualService = fc
  .record({
    metadata: fc.oneof(named, metadata),
    hosts: fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: host }, fc.constant("*.a.svc.cluster.local")), {
      maxLength: 2,
    }),
    exportTo,
    isRefused: fc.constantFrom(false, false, false, true),
    last: forwarding,
    rules: fc.array(
      fc.oneof(
        delegating,
        fc.tuple(forwarding, fc.constantFrom("/a", "/a/b")).map(([rule, prefix]) => ({ ...rule, ...narrow(prefix) })),
        forwarding,
      ),
      { maxLength: 2 },
    ),
  })
  .map(({ metadata: of, hosts, exportTo: to, isRefused, last, rules }) => {
    const http = [...rules, { timeout: isRefused ? "soon" : "1s", ...last }];
    const spec = { ...(hosts.length > 0 ? { hosts } : {}), exportTo: to, http };
    return { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: of, spec };
  });
const destinationRule = fc
  .record({
    metadata,
    host,
    exportTo,
    version: fc.constantFrom("v1", "v2"),
    trafficPolicy: fc.constantFrom(undefined, { loadBalancer: { simple: "RANDOM" } }, { tls: { mode: "DISABLE" } }),
    workloadSelector: fc.option(
      name.map((app) => ({ matchLabels: { app } })),
      { nil: undefined, freq: 5 },
    ),
  })
  .map(({ metadata: of, version, ...spec }) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: of,
    spec: { ...spec, subsets: [{ name: version, labels: { version } }] },
  }));
const sidecar = fc
  .record({
    metadata,
    app: fc.option(name, { nil: undefined }),
    hosts: fc.constantFrom(["./*"], ["*/*"], ["b/*", "~/*"]),
  })
  .map(({ metadata: of, app, hosts }) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: of,
    spec: { ...(app === undefined ? {} : { workloadSelector: { labels: { app } } }), egress: [{ hosts }] },
  }));
const peerAuthentication = fc
  .record({
    metadata,
    app: fc.option(name, { nil: undefined }),
    mode: fc.constantFrom("STRICT", "PERMISSIVE"),
    port: fc.constantFrom(8080, 8081),
  })
  .map(({ metadata: of, app, mode, port }) => {
    const chosen = app === undefined ? {} : { selector: { matchLabels: { app } }, portLevelMtls: { [port]: { mode } } };
    const spec = { ...chosen, mtls: { mode } };
    return { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication", metadata: of, spec };
  });
const workloadEntry = fc.record({ metadata, app: name }).map(({ metadata: of, app }) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "WorkloadEntry",
  metadata: of,
  spec: { address: "10.0.0.3", labels: { app } },
}));
/** Of a version that nobody reads. */
const unread = metadata.map((of) => ({ apiVersion: "v2", kind: "Service", metadata: of, spec: {} }));

const object = fc.oneof(
  { weight: 4, arbitrary: pod },
  { weight: 3, arbitrary: service },
  externalName,
  serviceEntry,
  { weight: 3, arbitrary: virtualService },
  { weight: 2, arbitrary: destinationRule },
  sidecar,
  peerAuthentication,
  workloadEntry,
  unread,
);
const event = fc.record({
  rank: fc.nat({ max: SOURCES.length - 1 }),
  object,
  kind: fc.constantFrom("set", "set", "set", "delete"),
  /** Several changes to one compilation, as a burst has it. */
  compiles: fc.boolean(),
});

function read(value: unknown): SourceObject {
  return readObjects("test.yaml", JSON.stringify(value)).objects[0]!;
}

/** All that a compilation makes of objects, before it compiles. */
function understood(objects: Objects, before: Mesh | undefined) {
  const { settings, parts, sources, verdicts, overruled } = objects.translate(DEFAULT_SETTINGS);
  const mesh = buildMesh(settings, parts, before);
  return { mesh, verdicts: new Map(verdicts), overruled, findings: validateMesh(mesh, parts, sources) };
}

type Understood = ReturnType<typeof understood>;

/** `inputs` are kept for comparisons alone, and label indexes hold what else is compared. */
function plain({ index, ...lists }: Mesh) {
  const namespaces = [...index.workloadsByNamespace].map(([key, { things }]) => [key, things] as const);
  return {
    ...lists,
    workloadIndex: new Map(index.workloads),
    proxied: index.proxied,
    namespacesOfWorkloads: new Map(namespaces),
    services: new Map([...index.services].sort(([a], [b]) => (a < b ? -1 : 1))),
    servicesByHost: new Map([...index.servicesByHost].sort(([a], [b]) => (a < b ? -1 : 1))),
    endpoints: new Map([...index.endpoints].map(([key, { ports }]) => [key, ports])),
    inboundPorts: new Map([...index.inboundPorts].sort(([a], [b]) => (a < b ? -1 : 1))),
    httpRoutes: new Map([...index.httpRoutes].sort(([a], [b]) => (a < b ? -1 : 1))),
    clientPolicies: index.clientPolicies,
  };
}

/** Objects by what they say: where they stand is told by a function of each. */
function said({ verdicts, overruled, findings }: Understood) {
  return {
    verdicts: [...verdicts].map(([key, verdict]) => ({ key, ...verdict, object: verdict.object.value })),
    overruled: overruled.map((loser) => ({ ...loser, object: loser.object.value, by: loser.by.value })),
    findings,
  };
}

function expectSame(one: Understood, other: Understood): void {
  expect(said(one)).toEqual(said(other));
  expect(plain(one.mesh)).toEqual(plain(other.mesh));
}

/** What each proxy is to have: versions by name, by kind. */
function snapshots(mesh: Mesh, cache: CompileCache) {
  const made = compileProxies(compileShared(mesh, new Map(), cache));
  return mesh.index.proxied.map((key) => {
    const snapshot = made.get(key);
    const kinds = Object.entries(snapshot?.resources ?? {}).map(([kind, resources]) => {
      const versions = [...resources.values()].map((resource) => `${resource.name} ${resource.version}`);
      return [kind, versions.sort()] as const;
    });
    return [key, Object.fromEntries(kinds), snapshot?.serverNames] as const;
  });
}

test("objects, mesh and snapshots by difference are those from nothing", () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      const kept = new Objects(SOURCES);
      const told: ((objects: Objects) => void)[] = [];
      let mesh: Mesh | undefined;
      const cache = new CompileCache();
      for (const { rank, object: value, kind, compiles } of events) {
        // Read again by each, so that nothing that is remembered of an object serves both.
        const tell = (objects: Objects) => {
          const changed = read(value);
          if (kind === "set") objects.set(rank, changed);
          else objects.delete(rank, changed.key);
        };
        tell(kept);
        // What was last good depends on when it was compiled, so the other one compiles at the same times.
        told.push(tell);
        if (!compiles) continue;
        told.push((objects) => void objects.translate(DEFAULT_SETTINGS));
        const incremental = understood(kept, mesh);
        mesh = incremental.mesh;
        const anew = new Objects(SOURCES);
        for (const each of told.slice(0, -1)) each(anew);
        const other = understood(anew, undefined);
        expectSame(incremental, other);
        expect(snapshots(mesh, cache)).toEqual(snapshots(other.mesh, new CompileCache()));
        // And translated from nothing, where that is to be the same.
        const verdicts = [...other.verdicts.values()];
        if (verdicts.some(({ servesEarlier }) => servesEarlier)) continue;
        const { settings, parts, results } = translate(
          verdicts.map((verdict) => verdict.object),
          DEFAULT_SETTINGS,
        );
        expect(verdicts.map(({ diagnostics }) => diagnostics)).toEqual(results.map(({ diagnostics }) => diagnostics));
        expect(plain(mesh)).toEqual(plain(buildMesh(settings, parts)));
      }
    }),
    { numRuns: RUNS },
  );
});

/** Name and version of all that each proxy is told, by kind. */
function told(mesh: Mesh, acknowledged: ReadonlyMap<WorkloadKey, ReadonlySet<string>>, cache: CompileCache) {
  const made = compileProxies(compileShared(mesh, acknowledged, cache));
  return mesh.index.proxied.map((key) => {
    const { resources, serverNames } = made.get(key)!;
    const kinds = Object.entries(resources).map(([kind, map]) => [
      kind,
      [...map].map(([resource, { version }]) => `${resource} ${version}`).sort(),
    ]);
    return { key, serverNames, ...Object.fromEntries(kinds) };
  });
}

test("proxies are told by difference what they would be told from nothing", () => {
  const step = fc.record({ event, silent: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const objects = new Objects(SOURCES);
      const cache = new CompileCache();
      let mesh: Mesh | undefined;
      for (const { event: change, silent } of steps) {
        const { rank, object: value, kind, compiles } = change;
        const changed = read(value);
        if (kind === "set") objects.set(rank, changed);
        else objects.delete(rank, changed.key);
        if (!compiles) continue;
        const { settings, parts } = objects.translate(DEFAULT_SETTINGS);
        mesh = buildMesh(settings, parts, mesh);
        // Of some proxies it is known what they take: nothing.
        const acknowledged = new Map(mesh.index.proxied.slice(silent).map((key) => [key, new Set<string>()] as const));
        expect(told(mesh, acknowledged, cache)).toEqual(told(mesh, acknowledged, new CompileCache()));
      }
    }),
    { numRuns: RUNS },
  );
});
