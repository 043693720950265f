// What a proxy runs against what it is to run, from the JSON of its dump on.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONFIGURATION_KINDS } from "../admin/sources.ts";
import { compileProxy, compileShared } from "../compile/compile.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { messagesOf } from "../xds/resource-json.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { differencesOf, type WantedResources } from "./configuration-difference.ts";
import { type Json, type ProxyDump, readDump } from "./proxy-dump.ts";

const WORLD = readFileSync(join(import.meta.dir, "../../test/golden/compile/world.yaml"), "utf8");

const TEAPOT = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec: {hosts: [golden-signal], http: [{directResponse: {status: 418}}]}`;

const SUBSET = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-signal, namespace: default}
spec: {host: golden-signal, subsets: [{name: v1, labels: {version: v1}}]}`;

const PIPE = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: default}
spec:
  egress:
  - {bind: "unix:///run/out.sock", port: {number: 0, name: http, protocol: HTTP}, hosts: ["*/*"]}
  - {hosts: ["*/*"]}`;

function snapshotOf(...documents: readonly string[]): ProxySnapshot {
  const files = [{ name: "world.yaml", content: [WORLD, ...documents].join("\n---\n") }];
  const { mesh } = loadMesh(files, DEFAULT_SETTINGS);
  const client = mesh.workloads.find(({ name }) => name === "client")!;
  return compileProxy(compileShared(mesh, new Map()), client)!;
}

function wanted(snapshot: ProxySnapshot): WantedResources {
  return Object.fromEntries(CONFIGURATION_KINDS.map((kind) => [kind, resourcesOf(snapshot, kind)])) as WantedResources;
}

/** As `heddle compile -o json` has them. */
function dumpOf(snapshot: ProxySnapshot): ProxyDump {
  const resources = CONFIGURATION_KINDS.map((kind) => [
    kind,
    [...messagesOf(snapshot, kind)].map(([name, resource]) => ({ name, resource })),
  ]);
  return readDump(JSON.stringify({ resources: Object.fromEntries(resources) }), "test");
}

function told(snapshot: ProxySnapshot, dump: ProxyDump): readonly string[] {
  return differencesOf(wanted(snapshot), dump).flatMap(({ title, differences }) =>
    differences.map(({ kind, name }) => `${title}: ${kind} ${name}`),
  );
}

const HOST = "golden-signal.default.svc.cluster.local";

describe("a proxy that runs", () => {
  test("what it is to have differs in nothing", () => {
    const snapshot = snapshotOf(TEAPOT, SUBSET);
    expect(told(snapshot, dumpOf(snapshot))).toEqual([]);
  });

  test("routes of a Unix socket, which bring their virtual hosts, differs in nothing", () => {
    const snapshot = snapshotOf(PIPE);
    const dump = dumpOf(snapshot);
    expect(dump.routes.map(({ name }) => name)).toContain("unix:///run/out.sock");
    expect(told(snapshot, dump)).toEqual([]);
  });

  test("an older route differs in the route, line by line", () => {
    const now = snapshotOf(TEAPOT);
    const kinds = differencesOf(wanted(now), dumpOf(snapshotOf()));
    const hosts = kinds.find(({ title }) => title === "Virtual hosts")!.differences;
    const own = hosts.find(({ name }) => name === `forwardProxy/${HOST}:80`)!;
    expect(own.kind).toBe("changed");
    expect(own.diff).toMatch(/^-.*"direct_response": \{$/m);
    expect(own.diff).toMatch(/^\+.*"cluster": "outbound\|80\|\|golden-signal/m);
    expect(kinds.find(({ title }) => title === "Clusters")!.differences).toEqual([]);
  });

  test("what is no more, or not yet", () => {
    const [before, now] = [snapshotOf(), snapshotOf(SUBSET)];
    expect(told(now, dumpOf(before))).toContain(`Clusters: missing outbound|80|v1|${HOST}`);
    expect(told(before, dumpOf(now))).toContain(`Clusters: extra outbound|80|v1|${HOST}`);
  });

  test("other endpoints differs in their addresses", () => {
    const snapshot = snapshotOf();
    const dump = dumpOf(snapshot);
    const moved = JSON.parse(JSON.stringify(dump.endpoints).replaceAll('"port_value":15108', '"port_value":15109'));
    const [found] = differencesOf(wanted(snapshot), { ...dump, endpoints: moved }).at(-1)!.differences;
    expect(found?.diff).toContain("\n-127.0.0.1:15108 priority 0 weight 1 locality //\n+127.0.0.1:15109 ");
  });

  test("routes inside of its listeners is asked about the listeners alone", () => {
    const snapshot = snapshotOf();
    const dump = dumpOf(snapshot);
    const inline: Json = { name: "inbound|8080||" };
    expect(told(snapshot, { ...dump, routes: [...dump.routes, inline], inlineRoutes: [inline] })).toEqual([]);
    expect(told(snapshot, { ...dump, routes: [...dump.routes, inline] })).toEqual(["Routes: extra inbound|8080||"]);
  });

  test("what came with its bootstrap is not asked about that", () => {
    const snapshot = snapshotOf();
    const dump = dumpOf(snapshot);
    const own: Json = { name: "xds-grpc", type: "STATIC" };
    const bootstrap = { static_resources: { clusters: [own] } };
    expect(told(snapshot, { ...dump, clusters: [...dump.clusters, own] })).toEqual(["Clusters: extra xds-grpc"]);
    expect(told(snapshot, { ...dump, bootstrap, clusters: [...dump.clusters, own] })).toEqual([]);
  });
});
