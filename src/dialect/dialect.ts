// What a dialect is: objects as somebody wrote them → parts of the model, and what is wrong with each. A user's mistake is data:
// nothing here throws for it.

import type { Diagnostic } from "../base/diagnostic.ts";
import type { List, ListDifference } from "../base/list.ts";
import type { MeshParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceObject } from "./object.ts";
import type { RecordSchema } from "./schema.ts";

/** One kind that a dialect reads, with all its fields. */
export interface KindTable {
  readonly group: string;
  readonly kind: string;
  /** Served versions, newest first; their fields are the same. */
  readonly versions: readonly string[];
  /** apiVersion, kind and metadata included. */
  readonly schema: RecordSchema;
}

/** The verdict on one object. A rejected one contributes nothing: keep its last accepted version in force. */
export interface ObjectResult {
  readonly object: SourceObject;
  readonly accepted: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Translation {
  readonly parts: MeshParts;
  /** One for each object given, in the same order. */
  readonly results: List<ObjectResult>;
}

/** What a dialect made of objects by the same settings. */
export interface TranslationBefore extends Translation {
  /** Objects that went and came since, of a set that is sorted by key, before and now. Undefined: any may have. */
  readonly difference: ListDifference<SourceObject> | undefined;
}

export interface Dialect {
  readonly name: string;
  readonly kinds: readonly KindTable[];
  /** The mesh's settings with what is said of them among `objects`, of whatever kind; `before` itself when nothing is. */
  readonly settings?: (objects: readonly SourceObject[], before: MeshSettings) => MeshSettings;
  /** Whether `settings` looks at it. */
  readonly holdsSettings?: (object: SourceObject) => boolean;
  /** `objects` are of `kinds` alone, without duplicates. Objects and settings seen before cost little. */
  translate(objects: List<SourceObject>, settings: MeshSettings, before?: TranslationBefore): Translation;
}

/**
 * Remembers what `read` made of an object, as long as the object's value and the settings are the same: a change of one object
 * then reads one object, and all others keep their identity in the model.
 */
export function remembered<T>(read: (object: SourceObject, settings: MeshSettings) => T): typeof read {
  const known = new WeakMap<object, { readonly settings: MeshSettings; readonly result: T }>();
  return (object, settings) => {
    const before = known.get(object.value);
    if (before && before.settings === settings) return before.result;
    const result = read(object, settings);
    known.set(object.value, { settings, result });
    return result;
  };
}
