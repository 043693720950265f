// Files → a mesh and everything that is wrong with it: what every command that works offline begins with.

import type { Diagnostic } from "../base/diagnostic.ts";
import type { List } from "../base/list.ts";
import { buildMesh } from "../model/build.ts";
import type { Mesh, MeshParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import { validateMesh } from "../model/validate.ts";
import type { ObjectResult } from "./dialect.ts";
import { translate } from "./dialects.ts";
import { readObjects } from "./object.ts";

export interface TextFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface LoadedMesh {
  readonly mesh: Mesh;
  readonly parts: MeshParts;
  readonly results: List<ObjectResult>;
  readonly sources: SourceMap;
  /** Of files, of objects, then between objects. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Rejected objects are left out of the mesh. Never throws for what is in the files. */
export function loadMesh(files: readonly TextFile[], base: MeshSettings): LoadedMesh {
  const read = files.map(({ name, content }) => readObjects(name, content));
  const { parts, results, sources, settings } = translate(
    read.flatMap((file) => file.objects),
    base,
  );
  const mesh = buildMesh(settings, parts);
  const diagnostics = [
    ...read.flatMap((file) => file.diagnostics),
    ...results.flatMap((result) => result.diagnostics),
    ...validateMesh(mesh, parts, sources),
  ];
  return { mesh, parts, results, sources, diagnostics };
}
