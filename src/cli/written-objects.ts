// Objects of files that the API can store.

import type { Diagnostic } from "../base/diagnostic.ts";
import * as messages from "../dialect/diagnostics.ts";
import type { TextFile } from "../dialect/load.ts";
import { readObjects, type SourceObject } from "../dialect/object.ts";
import { RESOURCES, type ResourceType, resourceByKind } from "../kube/resources.ts";
import { diagnose } from "../model/message.ts";
import { originKey } from "../model/origin.ts";

/** An object of a file that the API can store. */
export interface WrittenObject {
  readonly type: ResourceType;
  readonly source: SourceObject;
}

export interface WrittenObjects {
  readonly objects: readonly WrittenObject[];
  /** Of what cannot be read, and of kinds that the API does not store. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Who knows more of a kind that the API does not store than that. Loading the dialects for it is the caller's matter. */
export type Judge = (source: SourceObject) => readonly Diagnostic[];

const NOBODY: Judge = () => [];

/** Reads files. Objects without a namespace get `namespace`. */
export function readWritten(files: readonly TextFile[], namespace: string, judge: Judge = NOBODY): WrittenObjects {
  const objects: WrittenObject[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const { name, content } of files) {
    const read = readObjects(name, content);
    diagnostics.push(...read.diagnostics);
    for (const source of read.objects) {
      const type = resourceByKind(source.origin.group, source.origin.kind);
      if (type) objects.push({ type, source: type.namespaced ? placed(source, namespace) : source });
      else diagnostics.push(unknownKind(source, judge));
    }
  }
  return { objects, diagnostics };
}

function placed(object: SourceObject, namespace: string): SourceObject {
  const metadata = object.value.metadata as Readonly<Record<string, unknown>>;
  if (metadata.namespace) return object;
  const value = { ...object.value, metadata: { ...metadata, namespace } };
  const origin = { ...object.origin, namespace };
  return { ...object, value, origin, key: originKey(origin) };
}

/** What the dialects say of it, if they know better than that it has no effect on the mesh: it cannot even be stored. */
function unknownKind(source: SourceObject, judge: Judge): Diagnostic {
  const [verdict] = judge(source);
  if (verdict?.severity === "error") return verdict;
  const { group, kind } = source.origin;
  const siblings = RESOURCES.filter((type) => type.group === group);
  const kinds = (siblings.length > 0 ? siblings : RESOURCES).map((type) => type.kind);
  return diagnose(messages.unknownKind(kind, group, kinds), source.origin, "kind", source.spans);
}
