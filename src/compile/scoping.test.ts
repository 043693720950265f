// What Istio's users trip over in Sidecars, each by name.

import { expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import type { Mesh } from "../model/mesh.ts";
import { meshSeenBy } from "../model/scoped-mesh.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import type { Workload } from "../model/workload.ts";
import { compileProxy, compileShared } from "./compile.ts";
import type { ProxySnapshot } from "./proxy-snapshot.ts";

const service = (name: string, namespace: string, more = "") => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}${more}}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}, {name: http-admin, port: 81}]}
`;

const pod = (name: string, namespace: string, annotations = 'heddle.dev/capture: "true"') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${name}}, annotations: {heddle.dev/proxy: heddle, ${annotations}}}
status: {podIP: 10.0.0.8, conditions: [{type: Ready, status: "True"}]}
`;

const sidecar = (name: string, namespace: string, spec: string, created = "2026-01-01T00:00:00Z") => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}"}
spec: ${spec}
`;

const virtualService = (namespace: string, host: string, to: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: vs, namespace: ${namespace}}
spec: {hosts: ["${host}"], http: [{route: [{destination: {host: ${to}, port: {number: 80}}}]}]}
`;

const WORLD = [
  service("a", "one"),
  service("b", "one"),
  service("c", "two"),
  pod("client", "one"),
  pod("other", "one"),
];

function load(...documents: readonly string[]): Mesh {
  const content = [...WORLD, ...documents].join("\n---\n");
  const { mesh, diagnostics } = loadMesh([{ name: "mesh.yaml", content }], DEFAULT_SETTINGS);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return mesh;
}

function workload(mesh: Mesh, name = "client"): Workload {
  return mesh.workloads.find((each) => each.name === name)!;
}

/** `a.one`, with the ports that can be called where they are not all. */
function called(mesh: Mesh, name?: string): readonly string[] {
  return meshSeenBy(mesh, workload(mesh, name)).called.services.map(({ host, ports }) => {
    const short = host.replace(".svc.cluster.local", "");
    return ports.length === 2 ? short : `${short}:${ports.map(({ number }) => number)}`;
  });
}

function snapshot(mesh: Mesh, name?: string): ProxySnapshot {
  return compileProxy(compileShared(mesh, new Map()), workload(mesh, name))!;
}

function names(mesh: Mesh, kind: "vhds" | "cds"): readonly string[] {
  return [...(snapshot(mesh).resources[kind]?.keys() ?? [])]
    .filter((name) => /\.(one|two)\.|example/.test(name))
    .sort();
}

const EVERYTHING = ["a.one", "b.one", "c.two"];

test("a Sidecar without egress leaves everything to be called", () => {
  const ingress = "{ingress: [{port: {number: 80, protocol: HTTP, name: http}}]}";
  expect(called(load(sidecar("s", "one", ingress)))).toEqual(EVERYTHING);
});

test("~/* is nothing at all, and what is exported to nobody is not imported by its name", () => {
  expect(called(load(sidecar("s", "one", '{egress: [{hosts: ["~/*"]}]}')))).toEqual([]);
  const hidden = service("d", "two", ', annotations: {networking.istio.io/exportTo: "."}');
  expect(called(load(hidden, sidecar("s", "one", '{egress: [{hosts: ["two/*"]}]}')))).toEqual(["c.two"]);
});

test("a short name is no host of a service", () => {
  expect(called(load(sidecar("s", "one", '{egress: [{hosts: ["./a"]}]}')))).toEqual([]);
});

test("one Sidecar alone holds: the oldest that selects the workload, its namespace's, the root namespace's", () => {
  const root = sidecar("default", "istio-system", '{egress: [{hosts: ["two/*"]}]}');
  const namespace = sidecar("default", "one", '{egress: [{hosts: ["./a.one.svc.cluster.local"]}]}');
  const selecting = (name: string, host: string, created: string) =>
    sidecar(name, "one", `{workloadSelector: {labels: {app: client}}, egress: [{hosts: ["${host}"]}]}`, created);
  const old = selecting("z", "./b.one.svc.cluster.local", "2025-01-01T00:00:00Z");
  const young = selecting("a", "two/*", "2026-01-01T00:00:00Z");
  expect(called(load(root))).toEqual(["c.two"]);
  expect(called(load(root, namespace))).toEqual(["a.one"]);
  expect(called(load(root, namespace, young, old))).toEqual(["b.one"]);
  expect(called(load(root, namespace, young, old), "other")).toEqual(["a.one"]);
});

test("./* of the root namespace's Sidecar is each workload's own namespace", () => {
  expect(called(load(sidecar("default", "istio-system", '{egress: [{hosts: ["./*"]}]}')))).toEqual(["a.one", "b.one"]);
});

test("a root namespace's Sidecar with a selector is for workloads of that namespace", () => {
  const spec = '{workloadSelector: {labels: {app: client}}, egress: [{hosts: ["~/*"]}]}';
  expect(called(load(sidecar("s", "istio-system", spec)))).toEqual(EVERYTHING);
});

test("an outboundTrafficPolicy without a mode is REGISTRY_ONLY, whatever the mesh says", () => {
  const mesh = load(sidecar("s", "one", "{outboundTrafficPolicy: {}}"));
  expect(meshSeenBy(mesh, workload(mesh)).mesh.settings.outboundPolicy).toBe("registry-only");
  expect(called(mesh)).toEqual(EVERYTHING);
});

test("a VirtualService is imported by its own namespace, not by its host's", () => {
  const elsewhere = virtualService("three", "c.two.svc.cluster.local", "a.one.svc.cluster.local");
  const seen = (hosts: string) => {
    const mesh = load(elsewhere, sidecar("s", "one", `{egress: [{hosts: [${hosts}]}]}`));
    return meshSeenBy(mesh, workload(mesh)).mesh.routes.length;
  };
  expect([seen('"two/*"'), seen('"two/*", "three/*"'), seen('"*/c.two.svc.cluster.local"')]).toEqual([0, 1, 1]);
});

test("a wildcard host of a VirtualService counts when the import is one of its names", () => {
  const mesh = load(
    virtualService("two", "*.two.svc.cluster.local", "c.two.svc.cluster.local"),
    sidecar("s", "one", '{egress: [{hosts: ["two/c.two.svc.cluster.local"]}]}'),
  );
  expect(meshSeenBy(mesh, workload(mesh)).mesh.routes.length).toBe(1);
});

test("what a route in the scope leads to has a cluster and no name of its own", () => {
  const mesh = load(
    virtualService("one", "a", "c.two.svc.cluster.local"),
    sidecar("s", "one", '{egress: [{hosts: ["./a.one.svc.cluster.local"]}]}'),
  );
  expect(names(mesh, "vhds")).toEqual(["80/a.one.svc.cluster.local:80", "81/a.one.svc.cluster.local:81"]);
  expect(names(mesh, "cds")).toContain("outbound|80||c.two.svc.cluster.local");
  expect(names(mesh, "cds").some((name) => name.includes("b.one"))).toBe(false);
});

test("a route's other host, which is not imported, is a host without a service: port 80 alone", () => {
  const two = virtualService("one", "a", "a").replace('hosts: ["a"]', "hosts: [a, c.two.svc.cluster.local]");
  const mesh = load(two, sidecar("s", "one", '{egress: [{hosts: ["./a.one.svc.cluster.local"]}]}'));
  expect(names(mesh, "vhds").filter((name) => name.includes("c.two"))).toEqual(["80/c.two.svc.cluster.local:80"]);
  expect(names(mesh, "cds").some((name) => name.includes("c.two"))).toBe(false);
});

test("a DestinationRule counts by the service that it is for, whatever namespaces are imported", () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: c, namespace: istio-system}
spec: {host: c.two.svc.cluster.local, subsets: [{name: v1}]}
`;
  const mesh = load(rule, sidecar("s", "one", '{egress: [{hosts: ["two/*"]}]}'));
  expect(names(mesh, "cds")).toContain("outbound|80|v1|c.two.svc.cluster.local");
});

test("requests of a port that a listener names go there alone; the last listener has the other ports", () => {
  const listeners = '{port: {number: 80, protocol: HTTP, name: http}, hosts: ["two/*"]}, {hosts: ["./*"]}';
  expect(called(load(sidecar("s", "one", `{egress: [${listeners}]}`)))).toEqual(["a.one:81", "b.one:81", "c.two:80"]);
});

test("of one host in two namespaces the workload's own is imported, else the oldest", () => {
  const entry = (namespace: string, created: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e, namespace: ${namespace}, creationTimestamp: "${created}"}
spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
`;
  const entries = [
    entry("one", "2026-01-01T00:00:00Z"),
    entry("two", "2025-01-01T00:00:00Z"),
    entry("three", "2024-01-01T00:00:00Z"),
  ];
  const owner = (hosts: string) => {
    const mesh = load(...entries, sidecar("s", "one", `{egress: [{hosts: [${hosts}]}]}`));
    return meshSeenBy(mesh, workload(mesh)).called.services[0]?.namespace;
  };
  expect(owner('"*/api.example.com"')).toBe("one");
  expect(owner('"two/api.example.com", "three/api.example.com"')).toBe("three");
});

test("what is taken away is taken away from all that is imported", () => {
  const hosts = '["*/*", "~two/*", "~./b.one.svc.cluster.local"]';
  expect(called(load(sidecar("s", "one", `{egress: [{hosts: ${hosts}}]}`)))).toEqual(["a.one"]);
});

test("a gateway has no Sidecar", () => {
  const gateway = pod("edge", "one", 'heddle.dev/gateway: "true"');
  const mesh = load(gateway, sidecar("s", "one", '{egress: [{hosts: ["~/*"]}]}'));
  const plain = load(gateway);
  expect(snapshot(mesh, "edge").version).toBe(snapshot(plain, "edge").version);
});

test("proxies in scopes share the clusters and endpoints of everybody", () => {
  const spec = '{workloadSelector: {labels: {app: client}}, egress: [{hosts: ["./a.one.svc.cluster.local"]}]}';
  const mesh = load(sidecar("s", "one", spec));
  const shared = compileShared(mesh, new Map());
  const [scoped, open] = ["client", "other"].map((name) => compileProxy(shared, workload(mesh, name))!);
  for (const kind of ["cds", "eds"] as const)
    for (const [name, resource] of scoped!.resources[kind]!)
      if (name.includes("outbound|")) expect(open!.resources[kind]!.get(name)).toBe(resource);
});
