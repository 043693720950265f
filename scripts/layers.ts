// The layers of src/: what each folder may import (types included), that nothing imports in a circle, and which globals stay at home.

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

/** Folder → folders it may import besides itself. The order is that of the way of a configuration and of a request. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  http: ["base"],
  pki: ["base"],
  stats: ["base"],
  xds: ["base"],
  model: ["base"],
  kube: ["base"],
  net: ["base"],
  grpc: ["base", "http", "net"],
  dialect: ["base", "model", "xds"],
  analyze: ["base", "model", "dialect"],
  reference: ["base", "kube", "dialect"],
  compile: ["base", "model", "stats", "xds"],
  table: ["base", "stats", "xds"],
  explain: ["base", "model", "dialect", "compile", "table", "xds", "stats"],
  proxy: ["base", "http", "net", "grpc", "pki", "stats", "xds", "table"],
  agent: ["base", "http", "net", "grpc", "pki", "stats", "xds"],
  ca: ["base", "net", "grpc", "pki", "kube"],
  control: ["base", "net", "grpc", "kube", "pki", "stats", "xds", "model", "dialect", "analyze", "compile", "table"],
  telemetry: ["base", "http", "net", "grpc", "stats", "xds", "model"],
  admin: ["base", "kube", "model", "control", "telemetry", "ca"],
};
/** May import everything. */
const TOP = ["cli", "main.ts"];

const root = dirname(import.meta.dir);
const src = join(root, "src");
const files = [...new Glob("**/*.ts").scanSync(src)].sort();
const faults: string[] = [];

/** Imports of a file as written, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [
    ...text.matchAll(/^(?:import|export)\b[^"';]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm),
  ].map((found) => (found[1] ?? found[2] ?? found[3])!);
}

const layerOf = (file: string) => file.split("/")[0]!;
const graph = new Map<string, string[]>();

for (const file of files) {
  const layer = layerOf(file);
  const allowed = LAYERS[layer];
  if (!allowed && !TOP.includes(layer))
    faults.push(`src/${file}: folder ${layer} is in no layer; add it to scripts/layers.ts`);
  const targets: string[] = [];
  for (const specifier of importsOf(join(src, file))) {
    if (!specifier.startsWith(".")) continue;
    const target = relative(src, join(src, dirname(file), specifier));
    if (!target.startsWith("..")) targets.push(target);
    const other = layerOf(target);
    const isTest = file.endsWith(".test.ts");
    if (allowed && other !== layer && !allowed.includes(other) && !isTest)
      faults.push(`src/${file} imports ${target}: ${layer} may import ${allowed.join(", ") || "nothing"}`);
  }
  graph.set(file, targets);
}

/** Files in import cycles, by Tarjan's strongly connected components. Generated code has its own. */
function cycles(): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) {
        visit(next);
        low.set(file, Math.min(low.get(file)!, low.get(next)!));
      } else if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, index.get(next)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1) found.push(component);
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

for (const component of cycles()) {
  if (component.every((file) => file.includes("/gen/"))) continue;
  faults.push(`import cycle: ${component.join(" → ")}`);
}

for (const fault of faults) console.error(fault);
console.log(`layers: ${files.length} files, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
