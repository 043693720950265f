// `compile.ts SIZE`: objects to snapshots of a mesh, from nothing and after one change, in a process of its own; prints a CompileReport.

import { CompileCache } from "../../src/compile/cache.ts";
import { compileProxies, compileShared } from "../../src/compile/compile.ts";
import { Objects } from "../../src/control/objects.ts";
import type { SourceObject } from "../../src/dialect/object.ts";
import { buildMesh } from "../../src/model/build.ts";
import type { Mesh } from "../../src/model/mesh.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { validateMesh } from "../../src/model/validate.ts";
import { median } from "../statistics.ts";
import { CHANGED_SERVICE, type MeshSize, meshObjects, podObject, virtualServiceObject } from "./mesh.ts";

export interface CompileReport {
  readonly firstMs: number;
  readonly residentBytes: number;
  readonly endpointMs: number;
  readonly virtualServiceMs: number;
  /** One with a proxy. */
  readonly podMs: number;
}

/** Rounds of the three changes: those before are not counted, for the engine still makes code and collects what the first compilation left. */
const ROUNDS_BEFORE = 50;
const ROUNDS = 51;

class Compiler {
  readonly #cache = new CompileCache();
  readonly #objects = new Objects(["api"]);
  #mesh: Mesh | undefined;

  constructor(objects: readonly SourceObject[]) {
    for (const object of objects) this.set(object);
  }

  set(object: SourceObject): void {
    this.#objects.set(0, object);
  }

  delete({ key }: SourceObject): void {
    this.#objects.delete(0, key);
  }

  /** Everything that the control plane does between a change and what it sends; milliseconds. */
  compile(): number {
    const startedAt = performance.now();
    const { parts, sources } = this.#objects.translate(DEFAULT_SETTINGS);
    this.#mesh = buildMesh(DEFAULT_SETTINGS, parts, this.#mesh);
    const shared = compileShared(this.#mesh, new Map(), this.#cache);
    compileProxies(shared);
    validateMesh(this.#mesh, parts, sources);
    return performance.now() - startedAt;
  }
}

function main(size: MeshSize): CompileReport {
  const compiler = new Compiler(meshObjects(size));
  const firstMs = compiler.compile();
  const residentBytes = process.memoryUsage().rss;
  const pod = podObject(size, CHANGED_SERVICE, 0);
  const after = (change: () => void): number => {
    change();
    return compiler.compile();
  };
  const rounds = Array.from({ length: ROUNDS_BEFORE + ROUNDS }, (_, i) => ({
    endpointMs: after(() => compiler.set(podObject(size, CHANGED_SERVICE, 1, i + 1))),
    virtualServiceMs: after(() => compiler.set(virtualServiceObject(size, CHANGED_SERVICE, i + 1))),
    podMs: after(() => (i % 2 === 0 ? compiler.delete(pod) : compiler.set(pod))),
  })).slice(ROUNDS_BEFORE);
  return {
    firstMs,
    residentBytes,
    endpointMs: median(rounds.map(({ endpointMs }) => endpointMs)),
    virtualServiceMs: median(rounds.map(({ virtualServiceMs }) => virtualServiceMs)),
    podMs: median(rounds.map(({ podMs }) => podMs)),
  };
}

if (import.meta.main) process.stdout.write(JSON.stringify(main(JSON.parse(process.argv[2] ?? ""))));
