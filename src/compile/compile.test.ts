import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadMesh } from "../dialect/load.ts";
import type { Mesh } from "../model/mesh.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import { CompileCache } from "./cache.ts";
import { changesBetween } from "./changes.ts";
import { compileProxy, compileShared } from "./compile.ts";
import { type ProxySnapshot, sourcesOf } from "./proxy-snapshot.ts";

const WORLD = readFileSync(join(import.meta.dir, "../../test/golden/compile/world.yaml"), "utf8");
const HOST = "golden-signal.default.svc.cluster.local";

function meshOf(...documents: readonly string[]): Mesh {
  return loadMesh([{ name: "world.yaml", content: [WORLD, ...documents].join("\n---\n") }], DEFAULT_SETTINGS).mesh;
}

/** Every proxy's snapshot, by workload. */
function compileAll(mesh: Mesh, cache = new CompileCache()): ReadonlyMap<string, ProxySnapshot> {
  const shared = compileShared(mesh, new Map(), cache);
  return new Map(
    mesh.workloads.flatMap((workload) => {
      const snapshot = compileProxy(shared, workload);
      return snapshot ? [[workload.name, snapshot] as const] : [];
    }),
  );
}

function changedNames(before: ProxySnapshot, after: ProxySnapshot): string[] {
  const changes = changesBetween(before, after);
  return SEND_ORDER.flatMap((kind) => [...(changes[kind] ?? [])].map((name) => `${kind} ${name}`)).sort();
}

function split(v1: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec:
  hosts: [golden-signal]
  http: [{route: [{destination: {host: golden-signal, subset: v1}, weight: ${v1}}, {destination: {host: golden-signal, subset: v2}, weight: ${100 - v1}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-signal, namespace: default}
spec: {host: golden-signal, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}`;
}

function service(name: string, port = 80): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [{name: http, port: ${port}}]}`;
}

function pod(name: string, extra = "", labels = `app: ${name}`): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: default, labels: {${labels}}, annotations: {heddle.dev/proxy: heddle${extra}}}
status: {podIP: 10.0.0.9, conditions: [{type: Ready, status: "True"}]}`;
}

describe("the same input", () => {
  test("gives the same bytes, in whatever order it was written", () => {
    const documents = [split(80), service("a"), service("b", 8080), pod("a"), pod("b")];
    const forward = compileAll(meshOf(...documents));
    const backward = compileAll(meshOf(...documents.toReversed()));
    for (const [name, snapshot] of forward) expect(changedNames(snapshot, backward.get(name)!)).toEqual([]);
    expect([...forward].map(([, { version }]) => version)).toEqual([...backward].map(([, { version }]) => version));
  });

  test("gives the same maps again, so that nobody compares what did not change", () => {
    const cache = new CompileCache();
    const first = compileAll(meshOf(split(80)), cache);
    const second = compileAll(meshOf(split(80)), cache);
    for (const [name, snapshot] of first)
      for (const kind of SEND_ORDER) expect(resourcesOf(second.get(name)!, kind)).toBe(resourcesOf(snapshot, kind));
  });

  test("edited where nothing is meant, sends nothing", () => {
    const plain = compileAll(meshOf(split(80)));
    const edited = compileAll(meshOf(`# a comment${split(80).replace("metadata:", "metadata:  ")}`));
    expect(changedNames(plain.get("client")!, edited.get("client")!)).toEqual([]);
  });
});

describe("a change", () => {
  test("of one route resends that service's virtual hosts alone", () => {
    const cache = new CompileCache();
    const before = compileAll(meshOf(split(80), service("other")), cache);
    const made = cache.memo.made;
    const after = compileAll(meshOf(split(50), service("other")), cache);
    expect(cache.memo.made - made).toBe(0);
    expect(changedNames(before.get("client")!, after.get("client")!)).toEqual([
      `rds upstream|80||${HOST}`,
      `vhds forwardProxy/${HOST}:80`,
    ]);
    expect(changedNames(before.get("golden-signal-v1")!, after.get("golden-signal-v1")!)).toEqual([]);
  });

  test("of one endpoint resends the endpoints of its service, and routing is not looked at", () => {
    const cache = new CompileCache();
    const before = compileAll(meshOf(split(80), service("other")), cache);
    const routing = [cache.routing.made, cache.routingVersion];
    const third = pod("golden-signal-v3", "", "app: golden-signal, version: v2").replace(
      "status:",
      "spec: {serviceAccountName: golden-signal, containers: [{name: app, ports: [{name: http, containerPort: 8082}]}]}\nstatus:",
    );
    const after = compileAll(meshOf(split(80), service("other"), third), cache);
    expect([cache.routing.made, cache.routingVersion]).toEqual(routing);
    expect(changedNames(before.get("client")!, after.get("client")!)).toEqual([
      `eds outbound|80|v2|${HOST}/http2`,
      `eds outbound|80||${HOST}/http2`,
    ]);
  });

  test("of a policy alone changes the virtual hosts of a service whose endpoints are chosen by a hash", () => {
    const cache = new CompileCache();
    const elsewhere = pod("elsewhere", ', heddle.dev/forward-proxy-port: "15081"').replace("default", "elsewhere");
    const mesh = meshOf(elsewhere);
    const before = compileAll(mesh, cache).get("elsewhere")!;
    const hashed = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-signal, namespace: default}
spec: {host: golden-signal, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}`;
    const { clientPolicies, index } = meshOf(hashed);
    // As the control plane builds it: what did not change is the same object.
    const after = compileAll(
      { ...mesh, clientPolicies, index: { ...mesh.index, clientPolicies: index.clientPolicies } },
      cache,
    ).get("elsewhere")!;
    expect(changedNames(before, after)).toContain(`vhds forwardProxy/${HOST}:80`);
  });

  test("that adds a service to a workload changes its server names and no chain of its listener", () => {
    const selecting = service("younger")
      .replace("app: younger", "app: golden-signal")
      .replace("port: 80", "port: 80, targetPort: http");
    const before = compileAll(meshOf()).get("golden-signal-v1")!;
    const after = compileAll(meshOf(selecting)).get("golden-signal-v1")!;
    expect(
      changedNames(before, after).filter((name) => name.startsWith("lds") || name.startsWith("cds inbound")),
    ).toEqual(["lds meshInbound"]);
    expect([...after.serverNames]).toEqual([
      `outbound_.80_._.${HOST}`,
      "outbound_.80_._.younger.default.svc.cluster.local",
    ]);
  });

  test("that is taken back leaves nothing behind", () => {
    const cache = new CompileCache();
    const before = compileAll(meshOf(split(80)), cache).get("client")!;
    compileAll(meshOf(split(50), service("other")), cache);
    const after = compileAll(meshOf(split(80)), cache).get("client")!;
    expect(after.version).toBe(before.version);
    expect(changedNames(before, after)).toEqual([]);
  });
});

describe("proxies", () => {
  test("that see the same share one map, whatever their own listeners and ways in", () => {
    const snapshots = compileAll(meshOf(pod("a"), pod("b")));
    expect(resourcesOf(snapshots.get("a")!, "cds")).toBe(resourcesOf(snapshots.get("b")!, "cds"));
    expect(resourcesOf(snapshots.get("a")!, "eds")).toBe(resourcesOf(snapshots.get("client")!, "eds"));
  });

  test("are told apart by labels only where a rule looks at them", () => {
    const choosy = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec:
  hosts: [golden-signal]
  http: [{match: [{sourceLabels: {app: b}}], timeout: 1s, route: [{destination: {host: golden-signal}}]}, {route: [{destination: {host: golden-signal}}]}]`;
    const forward = ', heddle.dev/forward-proxy-port: "15081"';
    const snapshots = compileAll(meshOf(choosy, pod("a", forward), pod("b", forward), pod("c", forward)));
    const hosts = (name: string) => resourcesOf(snapshots.get(name)!, "vhds");
    expect(hosts("a")).toBe(hosts("c"));
    expect(hosts("a").get(`forwardProxy/${HOST}:80`)).not.toEqual(hosts("b").get(`forwardProxy/${HOST}:80`));
  });

  test("are told apart by their namespace's own policy for where a route leads", () => {
    const within = (namespace: string, document: string) =>
      document.replaceAll("namespace: default", `namespace: ${namespace}`);
    const forward = ', heddle.dev/forward-proxy-port: "15081"';
    const leading = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leading, namespace: default}
spec: {hosts: [a], http: [{route: [{destination: {host: golden-signal}}]}]}`;
    const own = within(
      "choosy",
      `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: own, namespace: default}
spec: {host: ${HOST}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}`,
    );
    const pods = [within("choosy", pod("choosy", forward)), within("plain", pod("plain", forward))];
    const mesh = meshOf(service("a"), leading, own, ...pods);
    const snapshots = compileAll(mesh);
    const versionOf = (client: string) =>
      resourcesOf(snapshots.get(client)!, "vhds").get("forwardProxy/a.default.svc.cluster.local:80")?.version;
    expect(versionOf("plain")).toBeString();
    expect(versionOf("choosy")).not.toBe(versionOf("plain"));
  });

  test("without one get nothing", () => {
    const bare = pod("bare").replace("annotations: {heddle.dev/proxy: heddle}", "annotations: {}");
    expect(compileAll(meshOf(bare)).has("bare")).toBe(false);
  });
});

test("every resource names the objects it was made from", () => {
  const snapshot = compileAll(meshOf(split(80))).get("client")!;
  const told = (kind: "cds" | "vhds" | "lds", name: string) =>
    sourcesOf(snapshot, kind, name).map(({ origin, path }) => `${origin.kind}/${origin.name} ${path}`.trim());
  expect(told("cds", `outbound|80|v1|${HOST}`)).toEqual(["DestinationRule/golden-signal", "Service/golden-signal"]);
  expect(told("vhds", `forwardProxy/${HOST}:80`)).toEqual([
    "VirtualService/golden-signal spec.http[0]",
    "Service/golden-signal",
  ]);
  expect(told("lds", "upstream_9191")).toEqual(["Pod/client"]);
  expect(told("cds", "PassthroughDNS")).toEqual([]);
});

test("a listener for bytes names the rule that shares them out, by address, by server name and of one endpoint alike", () => {
  const rule = (kind: string, host: string, match: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host}, namespace: default}
spec: {hosts: [${host}], ${kind}: [{${match}route: [{destination: {host: other}}]}]}`;
  const bytes = (name: string, port: string, rest: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [${port}], ${rest}}`;
  const snapshot = compileAll(
    meshOf(
      bytes("store", "{name: tcp, port: 5432}", "clusterIP: 10.1.0.1"),
      bytes("db", "{name: tcp, port: 6432}", "clusterIP: None"),
      bytes("other", "{name: tcp, port: 7432}", "clusterIP: 10.1.0.3"),
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: default}
spec: {hosts: [outside.test], ports: [{name: tls, number: 443, protocol: TLS}], resolution: DNS}`,
      rule("tcp", "store", ""),
      rule("tcp", "db", ""),
      rule("tls", "outside.test", "match: [{sniHosts: [outside.test]}], "),
      pod("db").replace("10.0.0.9", "10.0.0.7"),
      pod("captured", ', heddle.dev/capture: "true"'),
    ),
  ).get("captured")!;
  const told = (name: string) =>
    sourcesOf(snapshot, "lds", name).map(({ origin, path }) => `${origin.kind}/${origin.name} ${path}`.trim());
  expect(told("10.1.0.1_5432")).toEqual(["VirtualService/store spec.tcp[0]", "Service/store"]);
  expect(told("10.0.0.7_6432")).toEqual(["VirtualService/db spec.tcp[0]", "Service/db"]);
  expect(told("0.0.0.0_443")).toEqual(["VirtualService/outside.test spec.tls[0]", "ServiceEntry/outside"]);
  expect(told("10.1.0.3_7432")).toEqual(["Service/other"]);
});

test("a layered map reads like one map", () => {
  const snapshot = compileAll(meshOf()).get("golden-signal-v1")!;
  const clusters = resourcesOf(snapshot, "cds");
  const names = [...clusters.keys()];
  expect(names).toContain("inbound|8080||");
  expect(names).toContain(`outbound|80||${HOST}`);
  expect(clusters.size).toBe(names.length);
  expect([...clusters.values()].map(({ name }) => name)).toEqual(names);
  const visited: string[] = [];
  clusters.forEach((_, name) => {
    visited.push(name);
  });
  expect(visited).toEqual(names);
  expect(clusters.has("nobody")).toBe(false);
});
