// The way of a set of objects through the dialects.

import type { Diagnostic } from "../base/diagnostic.ts";
import { sameItems } from "../model/equality.ts";
import { joinParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import { SourceMap, type SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import type { ObjectResult } from "./dialect.ts";
import { unreadNamespaces } from "./discovery.ts";
import type { SourceObject } from "./object.ts";
import { DIALECTS, readerOf, verdict } from "./readers.ts";
import {
  isSorted,
  type Readers,
  translateChanged,
  translateSpliced,
  type WholeTranslation,
} from "./whole-translation.ts";

/** `base` itself when no object says anything of the mesh's settings, or when what it says is wrong. */
export function settingsAmong(objects: readonly SourceObject[], base: MeshSettings): MeshSettings {
  return DIALECTS.reduce((before, dialect) => dialect.settings?.(objects, before) ?? before, base);
}

/**
 * A whole set: settings and parts for `buildMesh`, a verdict on each object, and where the objects stand. `base`: what holds unless an object
 * says otherwise. `before`: what was made of another set; objects that are in both are looked at no more.
 */
export function translate(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before?: WholeTranslation,
): WholeTranslation {
  const byDifference = before?.objects.length === objects.length ? translateChanged : translateSpliced;
  return (before && byDifference(objects, base, before)) ?? translateAll(objects, base, before);
}

function translateAll(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before: WholeTranslation | undefined,
): WholeTranslation {
  const settings = settingsAmong(objects, base);
  const unread = sameSet(before?.unread, unreadNamespaces(objects, settings));
  const { readers, distinct } = readersOf(objects, unread, before);
  const byDialect = new Map(
    DIALECTS.map((dialect) => {
      const places = objects.flatMap((_, i) => (readers[i] === dialect ? [i] : []));
      const members = places.map((i) => objects[i]!);
      const last = before?.settings === settings ? before.byDialect.get(dialect) : undefined;
      const { parts, results } =
        last && sameItems(last.objects, members)
          ? last
          : dialect.translate(members, settings, last && { ...last, changed: undefined });
      return [dialect, { objects: members, places, parts, results }];
    }),
  );
  const results = readers.map((reader) => ("object" in reader ? reader : undefined));
  for (const { places, results: own } of byDialect.values())
    for (const [i, place] of places.entries()) results[place] = own[i];
  const finders = new Map<string, SpanFinder>();
  for (const [i, { key, spans }] of objects.entries()) if (spans && !("object" in readers[i]!)) finders.set(key, spans);
  return {
    objects,
    sorted: isSorted(objects),
    readers,
    distinct,
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results: results as readonly ObjectResult[],
    sources: new SourceMap(finders),
    base,
    unread,
    settings,
  };
}

function readersOf(
  objects: readonly SourceObject[],
  unread: ReadonlySet<string>,
  before: WholeTranslation | undefined,
): Readers {
  const known = before?.distinct && before.unread === unread && sameKeys(objects, before.objects) ? before : undefined;
  if (known) {
    const { objects: last, readers } = known;
    return {
      readers: objects.map((object, i) => (object === last[i] ? readers[i]! : readerOf(object, unread))),
      distinct: true,
    };
  }
  const seen = new Map<string, SourceObject>();
  const readers = objects.map((object) => {
    const reader = readerOf(object, unread);
    const first = seen.get(object.key);
    if (!first) seen.set(object.key, object);
    if (!first || "object" in reader) return reader;
    const message = diagnostics.duplicateObject(object.origin.kind, first.spans?.("metadata.name"));
    return verdict(object, { path: "metadata.name", message });
  });
  return { readers, distinct: seen.size === objects.length };
}

function sameKeys(a: readonly SourceObject[], b: readonly SourceObject[]): boolean {
  return a.length === b.length && a.every((object, i) => object === b[i] || object.key === b[i]!.key);
}

function sameSet(before: ReadonlySet<string> | undefined, now: ReadonlySet<string>): ReadonlySet<string> {
  return before?.size === now.size && before.isSupersetOf(now) ? before : now;
}

/** One object by itself, as admission sees it: what it refers to is not looked at. */
export function check(object: SourceObject, settings: MeshSettings): readonly Diagnostic[] {
  return translate([object], settings).results[0]!.diagnostics;
}
