import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileProxy, compileShared } from "../compile/compile.ts";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { ProxyTables } from "./proxy-tables.ts";

const GOLDENS = join(import.meta.dir, "../../test/golden/compile");

test("whoever an Envoy tells of spans, its listeners are explained", () => {
  const [objects = ""] = readFileSync(join(GOLDENS, "mesh-tracers.golden"), "utf8").split(/^=== /m);
  const world = readFileSync(join(GOLDENS, "world.yaml"), "utf8");
  const files = [
    { name: "world.yaml", content: world },
    { name: "case.yaml", content: objects },
  ];
  const { mesh } = loadMesh(files, DEFAULT_SETTINGS);
  const shared = compileShared(mesh, new Map());
  const envoys = mesh.workloads.filter(({ proxy }) => proxy?.kind === "envoy");
  expect(envoys.length).toBeGreaterThan(2);
  for (const workload of envoys) {
    const snapshot = compileProxy(shared, workload)!;
    const tables = new ProxyTables(snapshot, "envoy");
    for (const name of resourcesOf(snapshot, "lds").keys()) expect(tables.listener(name)).toBeDefined();
  }
});
