// The way of a set of objects through the dialects.

import type { Diagnostic } from "../base/diagnostic.ts";
import { type List, listOf } from "../base/list.ts";
import { sameItems } from "../model/equality.ts";
import { joinParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import { SourceMap, type SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import type { ObjectResult } from "./dialect.ts";
import { unreadNamespaces } from "./discovery.ts";
import { withNamespaceLabels } from "./entry-visibility.ts";
import type { SourceObject } from "./object.ts";
import { DIALECTS, type Reading, readerOf, verdict } from "./readers.ts";
import { isSorted, translateDifference, type WholeTranslation } from "./whole-translation.ts";

/** `base` itself when no object says anything of the mesh's settings, or when what it says is wrong. */
export function settingsAmong(objects: readonly SourceObject[], base: MeshSettings): MeshSettings {
  return DIALECTS.reduce((before, dialect) => dialect.settings?.(objects, before) ?? before, base);
}

/**
 * A whole set: settings and parts for `buildMesh`, a verdict on each object, and where the objects stand. `base`: what holds unless an object
 * says otherwise. `before`: what was made of another set; objects that are in both are looked at no more.
 */
export function translate(
  objects: List<SourceObject>,
  base: MeshSettings,
  before?: WholeTranslation,
): WholeTranslation {
  return (before && translateDifference(objects, base, before)) ?? translateAll([...objects], base, before);
}

function translateAll(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before: WholeTranslation | undefined,
): WholeTranslation {
  const settings = withNamespaceLabels(settingsAmong(objects, base), objects);
  const unread = sameSet(before?.unread, unreadNamespaces(objects, settings));
  const readers = readersOf(objects, unread);
  const byDialect = new Map(
    DIALECTS.map((dialect) => {
      const places = objects.flatMap((_, i) => (readers[i] === dialect ? [i] : []));
      const members = places.map((i) => objects[i]!);
      const last = before?.settings === settings ? before.byDialect.get(dialect) : undefined;
      const made =
        last && sameItems([...last.objects], members)
          ? last
          : dialect.translate(members, settings, last && { ...last, difference: undefined });
      return [dialect, { ...made, objects: listOf(members), places, results: listOf(made.results) }];
    }),
  );
  const results = readers.map((reader) => ("object" in reader ? reader : undefined));
  for (const { places, results: own } of byDialect.values())
    for (const [i, result] of [...own].entries()) results[places[i]!] = result;
  const finders = new Map<string, SpanFinder>();
  for (const [i, { key, spans }] of objects.entries()) if (spans && !("object" in readers[i]!)) finders.set(key, spans);
  return {
    objects: listOf(objects),
    sorted: isSorted(objects),
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results: listOf(results as readonly ObjectResult[]),
    sources: new SourceMap(finders),
    base,
    unread,
    settings,
  };
}

/** For each object who reads it, or the verdict when nobody does. */
function readersOf(objects: readonly SourceObject[], unread: ReadonlySet<string>): readonly Reading[] {
  const seen = new Map<string, SourceObject>();
  return objects.map((object) => {
    const reader = readerOf(object, unread);
    const first = seen.get(object.key);
    if (!first) seen.set(object.key, object);
    if (!first || "object" in reader) return reader;
    const message = diagnostics.duplicateObject(object.origin.kind, first.spans?.("metadata.name"));
    return verdict(object, { path: "metadata.name", message });
  });
}

function sameSet(before: ReadonlySet<string> | undefined, now: ReadonlySet<string>): ReadonlySet<string> {
  return before?.size === now.size && before.isSupersetOf(now) ? before : now;
}

/** One object by itself, as admission sees it: what it refers to is not looked at. */
export function check(object: SourceObject, settings: MeshSettings): readonly Diagnostic[] {
  return translate([object], settings).results.at(0)!.diagnostics;
}
