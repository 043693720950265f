import { expect, test } from "bun:test";
import { type ProxyStartRule, proxyStartOf } from "./proxy-start.ts";
import { ScopeIndex, type WorkloadScope } from "./workload-scope.ts";

function rule(name: string, scope: WorkloadScope, createdAt: number, start: ProxyStartRule["start"]): ProxyStartRule {
  return {
    origin: { group: "networking.istio.io", kind: "ProxyConfig", namespace: "shop", name },
    createdAt,
    scope,
    start,
  };
}

const MESH: WorkloadScope = { kind: "mesh", labels: {} };
const SHOP: WorkloadScope = { kind: "namespace", namespace: "shop", labels: {} };
const WEB: WorkloadScope = { kind: "namespace", namespace: "shop", labels: { app: "web" } };

test("the mesh's settings, the mesh, the namespace, the selector, the workload: each says what the ones before it left out, or otherwise", () => {
  const rules = [
    rule("chosen", WEB, 1, { environment: { C: "chosen", D: "chosen" } }),
    rule("namespace", SHOP, 2, { concurrency: 3, environment: { B: "namespace", C: "namespace" } }),
    rule("mesh", MESH, 3, { concurrency: 2, environment: { A: "mesh", B: "mesh" } }),
  ];
  const start = (labels: Record<string, string>, namespace = "shop", of = rules) =>
    proxyStartOf(
      new ScopeIndex(of),
      { concurrency: 1, environment: { A: "settings", Z: "settings" } },
      { namespace, labels },
      { environment: { D: "own" } },
    );
  expect(start({ app: "web" })).toEqual({
    concurrency: 3,
    environment: { A: "mesh", B: "namespace", C: "chosen", D: "own", Z: "settings" },
  });
  expect(start({ app: "api" }).environment.C).toBe("namespace");
  expect(start({ app: "web" }, "other")).toEqual({
    concurrency: 2,
    environment: { A: "mesh", B: "mesh", D: "own", Z: "settings" },
  });
  expect(start({}, "shop", [])).toEqual({ concurrency: 1, environment: { A: "settings", D: "own", Z: "settings" } });
});

test("of two rules of one level the older wins", () => {
  const rules = [
    rule("older", SHOP, 1, { concurrency: 2, environment: {} }),
    rule("younger", SHOP, 2, { concurrency: 4, environment: { A: "younger" } }),
  ];
  for (const of of [rules, rules.toReversed()])
    expect(
      proxyStartOf(new ScopeIndex(of), { environment: {} }, { namespace: "shop", labels: {} }, { environment: {} }),
    ).toEqual({ concurrency: 2, environment: { A: "younger" } });
});
