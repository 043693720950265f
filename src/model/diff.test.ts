// What counts as a change.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { buildMesh } from "./build.ts";
import { diffMesh, isEmptyDiff } from "./diff.ts";
import { sameContent } from "./equality.ts";
import { clientPolicy, parts, route, serverPolicy, service, workload } from "./sample.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const NAMES = ["a", "b", "c"];

function world(changes: Parameters<typeof parts>[0] = {}) {
  return buildMesh(
    DEFAULT_SETTINGS,
    parts({
      services: NAMES.map((name) => service(name)),
      workloads: NAMES.map((name) => workload(`${name}-1`, name)),
      routes: [route("r", "a.default.svc.cluster.local", "b.default.svc.cluster.local")],
      clientPolicies: [clientPolicy("p", "a.default.svc.cluster.local", "default")],
      serverPolicies: [serverPolicy("s", { kind: "mesh" }, { mtls: "strict" })],
      ...changes,
    }),
  );
}

test("equal parts in another order make an equal mesh: nothing changed", () => {
  const shuffled = world({
    services: [...NAMES].reverse().map((name) => service(name)),
    workloads: [...NAMES].reverse().map((name) => workload(`${name}-1`, name)),
  });
  expect(isEmptyDiff(diffMesh(world(), shuffled))).toBe(true);
});

test("a workload that moves changes itself and the endpoints of its service alone", () => {
  const moved = NAMES.map((name) =>
    workload(`${name}-1`, name, "default", name === "b" ? { addresses: ["10.0.0.9"] } : {}),
  );
  const diff = diffMesh(world(), world({ workloads: moved }));
  expect(diff.workloads.changed).toEqual(["Kubernetes/default/b-1"]);
  expect(diff.endpoints).toEqual(["default/b.default.svc.cluster.local"]);
  expect(diff.services).toEqual({ added: [], removed: [], changed: [] });
});

test("each kind is told apart: added, removed, changed", () => {
  const after = world({
    services: [service("b"), service("c", "default", { addresses: [] }), service("d")],
    routes: [route("r", "a.default.svc.cluster.local", "c.default.svc.cluster.local")],
    clientPolicies: [],
    serverPolicies: [serverPolicy("s", { kind: "mesh" }, { mtls: "permissive" })],
  });
  const diff = diffMesh(world(), after);
  expect(diff.services).toEqual({
    added: ["default/d.default.svc.cluster.local"],
    removed: ["default/a.default.svc.cluster.local"],
    changed: ["default/c.default.svc.cluster.local"],
  });
  expect(diff.routes.changed).toEqual(["http//VirtualService/default/r"]);
  expect(diff.clientPolicies.removed).toEqual(["/DestinationRule/default/p"]);
  expect(diff.serverPolicies.changed.length).toBe(1);
  expect(diff.settings).toBe(false);
});

test("settings are compared too", () => {
  const other = buildMesh({ ...DEFAULT_SETTINGS, outboundPolicy: "registry-only" }, parts({}));
  expect(diffMesh(buildMesh(DEFAULT_SETTINGS, parts({})), other).settings).toBe(true);
});

test("content is equal exactly when its JSON is, whatever is undefined and in whatever order the fields stand", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const sorted = (value: unknown): unknown =>
        Array.isArray(value)
          ? value.map(sorted)
          : typeof value === "object" && value !== null
            ? Object.fromEntries(
                Object.entries(value)
                  .sort(([x], [y]) => (x < y ? -1 : 1))
                  .map(([key, item]) => [key, sorted(item)]),
              )
            : value;
      expect(sameContent(a, structuredClone(a))).toBe(true);
      expect(sameContent(a, b)).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)));
    }),
  );
  expect(sameContent({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(sameContent({ a: 1 }, { a: 1, b: 0 })).toBe(false);
  expect(sameContent([1], { 0: 1 })).toBe(false);
});
