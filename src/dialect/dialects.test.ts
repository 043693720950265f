// What holds for a set of objects whatever their dialect.

import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check, translate } from "./dialects.ts";
import { readObjects, type SourceObject, sourceObject } from "./object.ts";

function object(value: object): SourceObject {
  const read = sourceObject(value);
  if (read.kind !== "object") throw new Error("expected an object");
  return read.object;
}

const rule = (name: string, spec: object) =>
  object({ apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name }, spec });
const pod = object({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", labels: { app: "web" } },
  status: { podIP: "10.0.0.1" },
});
const service = object({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
});

test("a rejected object contributes nothing, the others are not touched by it", () => {
  const good = rule("good", { host: "web" });
  const bad = rule("bad", { host: "web", trafficPolicy: { tls: { mode: "MAYBE" } } });
  const { parts, results } = translate([bad, good], DEFAULT_SETTINGS);
  expect(results.map(({ object: { origin }, accepted }) => [origin.name, accepted])).toEqual([
    ["bad", false],
    ["good", true],
  ]);
  expect(parts.clientPolicies.map((policy) => policy.origin.name)).toEqual(["good"]);
});

test("what did not change keeps its identity, so that a change costs what changed", () => {
  const before = translate([pod, service], DEFAULT_SETTINGS).parts;
  const moved = object({ ...pod.value, status: { podIP: "10.0.0.2" } });
  const after = translate([moved, service], DEFAULT_SETTINGS).parts;
  expect(after.services[0]).toBe(before.services[0]!);
  expect(after.workloads.at(0)).not.toBe(before.workloads.at(0)!);
  const elsewhere = translate([pod, service], { ...DEFAULT_SETTINGS, clusterDomain: "example.internal" }).parts;
  expect(elsewhere.services[0]!.host).toBe("web.default.svc.example.internal");
});

test("identities and clusters are those of the settings", () => {
  const { workloads } = translate([pod], { ...DEFAULT_SETTINGS, trustDomain: "example.org", cluster: "east" }).parts;
  expect(workloads.at(0)).toMatchObject({
    cluster: "east",
    identity: { kind: "spiffe", uri: "spiffe://example.org/ns/default/sa/default" },
  });
});

test("one object by itself: an object from the API has no place, but its path", () => {
  expect(check(rule("r", { host: "web", subset: [] }), DEFAULT_SETTINGS)).toEqual([
    {
      code: "HED1101",
      severity: "error",
      message: 'unknown field "subset"',
      suggestion: "subsets",
      object: { kind: "DestinationRule", namespace: "default", name: "r" },
      path: "spec.subset",
    },
  ]);
  expect(check(rule("r", { host: "no-such-service" }), DEFAULT_SETTINGS)).toEqual([]);
});

test("both forms of a field's name are read, at every version alike", () => {
  const specs = [
    { host: "web", trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 7 } } } },
    { host: "web", traffic_policy: { connection_pool: { http: { max_requests_per_connection: 7 } } } },
  ];
  for (const version of ["v1", "v1beta1", "v1alpha3"]) {
    for (const spec of specs) {
      const each = object({
        apiVersion: `networking.istio.io/${version}`,
        kind: "DestinationRule",
        metadata: { name: "r" },
        spec,
      });
      const [policy] = translate([each], DEFAULT_SETTINGS).parts.clientPolicies;
      expect(policy!.settings.connectionPool!.maxRequestsPerConnection).toBe(7);
    }
  }
});

test("an object with a thousand mistakes is answered with a hundred", () => {
  const subsets = Array.from({ length: 1000 }, (_, i) => ({ nam: `v${i}` }));
  expect(check(rule("r", { host: "web", subsets }), DEFAULT_SETTINGS).length).toBe(100);
});

test("a tool's own file beside objects needs no name and is no mistake; an object without one is", () => {
  const told = (content: string) =>
    readObjects("a.yaml", content).diagnostics.map(({ code, severity }) => `${severity} ${code}`);
  expect(told("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]")).toEqual([
    "info HED1025",
  ]);
  expect(told("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {}")).toEqual(["info HED1025"]);
  expect(told("apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {}")).toEqual(["error HED1020"]);
});
