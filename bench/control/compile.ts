// `compile.ts SIZE`: objects to snapshots of a mesh, from nothing and after one change, in a process of its own; prints a CompileReport.

import { correctedList } from "../../src/base/corrected-list.ts";
import { CompileCache } from "../../src/compile/cache.ts";
import { compileProxy, compileShared } from "../../src/compile/compile.ts";
import { translate } from "../../src/dialect/dialects.ts";
import type { SourceObject } from "../../src/dialect/object.ts";
import type { WholeTranslation } from "../../src/dialect/whole-translation.ts";
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

const CHANGES = 15;

class Compiler {
  readonly #cache = new CompileCache();
  #objects: readonly SourceObject[];
  #translation: WholeTranslation | undefined;
  #mesh: Mesh | undefined;

  constructor(objects: readonly SourceObject[]) {
    this.#objects = objects;
  }

  /** Everything that the control plane does between a change and what it sends; milliseconds. */
  compile(): number {
    const startedAt = performance.now();
    this.#translation = translate(this.#objects, DEFAULT_SETTINGS, this.#translation);
    const { parts, sources } = this.#translation;
    this.#mesh = buildMesh(DEFAULT_SETTINGS, parts, this.#mesh);
    const shared = compileShared(this.#mesh, new Map(), this.#cache);
    const { proxied, workloads } = this.#mesh.index;
    for (const key of proxied) compileProxy(shared, workloads.get(key)!);
    validateMesh(this.#mesh, parts, sources);
    return performance.now() - startedAt;
  }

  /** Objects stay sorted by key. */
  toggle(object: SourceObject): void {
    const place = this.#objects.findIndex(({ key }) => key >= object.key);
    const isThere = this.#objects[place]?.key === object.key;
    this.#objects = this.#objects.toSpliced(place, isThere ? 1 : 0, ...(isThere ? [] : [object]));
  }

  replace(object: SourceObject): void {
    const place = this.#objects.findIndex(({ key }) => key === object.key);
    this.#objects = correctedList(this.#objects, [[place, object]]);
  }
}

function main(size: MeshSize): CompileReport {
  const objects = meshObjects(size);
  const compiler = new Compiler([...objects].sort((a, b) => (a.key < b.key ? -1 : 1)));
  const firstMs = compiler.compile();
  const residentBytes = process.memoryUsage().rss;
  const pod = podObject(size, CHANGED_SERVICE, 0);
  const changed = (change: (i: number) => SourceObject) =>
    median(
      Array.from({ length: CHANGES }, (_, i) => {
        compiler.replace(change(i));
        return compiler.compile();
      }),
    );
  return {
    firstMs,
    residentBytes,
    endpointMs: changed((i) => podObject(size, CHANGED_SERVICE, 1, i + 1)),
    virtualServiceMs: changed((i) => virtualServiceObject(size, CHANGED_SERVICE, i + 1)),
    podMs: median(
      Array.from({ length: CHANGES }, () => {
        compiler.toggle(pod);
        return compiler.compile();
      }),
    ),
  };
}

if (import.meta.main) process.stdout.write(JSON.stringify(main(JSON.parse(process.argv[2] ?? ""))));
