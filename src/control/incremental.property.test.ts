// What is kept of the objects and the mesh before is what reading everything anew gives, whatever came, changed and went in between.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { translate } from "../dialect/dialects.ts";
import { readObjects, type SourceObject } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh } from "../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import { Objects } from "./objects.ts";

const SOURCES = ["folder", "api"];

const name = fc.constantFrom("x", "y", "z");
const namespace = fc.constantFrom("a", "b");
const metadata = fc.record({ name, namespace });
const host = fc.tuple(name, namespace).map(([service, ns]) => `${service}.${ns}.svc.cluster.local`);

const pod = fc
  .record({ metadata, app: name, address: fc.constantFrom("10.0.0.1", "10.0.0.2"), ready: fc.boolean() })
  .map(({ metadata: { name: pod, namespace: ns }, app, address, ready }) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace: ns, labels: { app } },
    spec: { containers: [{ name: "app", ports: [{ containerPort: 8080 }] }] },
    status: { podIP: address, phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  }));
const service = fc
  .record({ metadata, app: name, port: fc.constantFrom(80, 81) })
  .map(({ metadata: of, app, port }) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: of,
    spec: { selector: { app }, ports: [{ name: "http", port, targetPort: 8080 }] },
  }));
const serviceEntry = fc.record({ metadata, host, port: fc.constantFrom(80, 81) }).map((of) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: of.metadata,
  spec: { hosts: [of.host], ports: [{ number: of.port, name: "http", protocol: "HTTP" }], resolution: "DNS" },
}));
/** A share of 101 is refused: what was right before stays in force. */
const virtualService = fc
  .record({
    metadata,
    hosts: fc.uniqueArray(host, { minLength: 1, maxLength: 2 }),
    share: fc.constantFrom(50, 100, 101),
  })
  .map(({ metadata: of, hosts, share }) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: of,
    spec: { hosts, http: [{ timeout: share === 101 ? "soon" : "1s", route: [{ destination: { host: hosts[0] } }] }] },
  }));
const destinationRule = fc.record({ metadata, host, version: fc.constantFrom("v1", "v2") }).map((of) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: of.metadata,
  spec: { host: of.host, subsets: [{ name: of.version, labels: { version: of.version } }] },
}));
/** Of a version that nobody reads. */
const unread = metadata.map((of) => ({ apiVersion: "v2", kind: "Service", metadata: of, spec: {} }));

const object = fc.oneof(
  { weight: 4, arbitrary: pod },
  { weight: 3, arbitrary: service },
  serviceEntry,
  { weight: 2, arbitrary: virtualService },
  destinationRule,
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
    servicesByHost: index.servicesByHost,
    endpoints: new Map([...index.endpoints].map(([key, { ports }]) => [key, ports])),
    inboundPorts: new Map([...index.inboundPorts].sort(([a], [b]) => (a < b ? -1 : 1))),
    httpRoutes: index.httpRoutes,
    clientPolicies: index.clientPolicies,
  };
}

function expectSame({ mesh, ...rest }: Understood, other: Understood): void {
  const { mesh: otherMesh, ...others } = other;
  expect(rest).toEqual(others);
  expect(plain(mesh)).toEqual(plain(otherMesh));
}

test("objects and mesh by difference are objects and mesh from nothing", () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 30 }), (events) => {
      const kept = new Objects(SOURCES);
      const told: ((objects: Objects) => void)[] = [];
      let mesh: Mesh | undefined;
      for (const { rank, object: value, kind, compiles } of events) {
        const changed = read(value);
        const tell = (objects: Objects) => {
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
        expectSame(incremental, understood(anew, undefined));
        // And translated from nothing, where that is to be the same.
        const verdicts = [...incremental.verdicts.values()];
        if (verdicts.some(({ servesEarlier }) => servesEarlier)) continue;
        const { settings, parts, results } = translate(
          verdicts.map((verdict) => verdict.object),
          DEFAULT_SETTINGS,
        );
        expect(verdicts.map(({ diagnostics }) => diagnostics)).toEqual(results.map(({ diagnostics }) => diagnostics));
        expect(plain(mesh)).toEqual(plain(buildMesh(settings, parts)));
      }
    }),
    { numRuns: 60 },
  );
});
