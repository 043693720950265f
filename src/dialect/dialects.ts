// All dialects, and the way of a set of objects through them.

import { correctedList, differingPlaces } from "../base/corrected-list.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { nearest } from "../base/nearest.ts";
import { sameItems } from "../model/equality.ts";
import { joinParts } from "../model/mesh.ts";
import { diagnose, type Message } from "../model/message.ts";
import type { MeshSettings } from "../model/settings.ts";
import { SourceMap, type SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Dialect, KindTable, ObjectResult, Translation } from "./dialect.ts";
import { isNamespace, notDiscovered, unreadNamespaces } from "./discovery.ts";
import { istio } from "./istio/dialect.ts";
import { kubernetes } from "./kubernetes/dialect.ts";
import type { SourceObject } from "./object.ts";

export const DIALECTS: readonly Dialect[] = [kubernetes, istio];

/** Who reads an object; the verdict on it where nobody does. */
type Reading = Dialect | ObjectResult;

export interface WholeTranslation extends Readers, Translation {
  readonly objects: readonly SourceObject[];
  readonly byDialect: ReadonlyMap<Dialect, Members>;
  readonly sources: SourceMap;
  readonly base: MeshSettings;
  /** Namespaces that nobody reads; the same set as long as it holds the same. */
  readonly unread: ReadonlySet<string>;
  /** By which the objects were read: those given, with what one of the objects says of them. */
  readonly settings: MeshSettings;
}

/** The objects of one dialect, and what it made of them. */
interface Members extends Translation {
  readonly objects: readonly SourceObject[];
  /** Where each stands among all objects. */
  readonly places: readonly number[];
}

/** `base` itself when no object says anything of the mesh's settings, or when what it says is wrong. */
export function settingsAmong(objects: readonly SourceObject[], base: MeshSettings): MeshSettings {
  return DIALECTS.reduce((before, dialect) => dialect.settings?.(objects, before) ?? before, base);
}

/** Whether `settingsAmong` looks at the object. */
export function holdsSettings(object: SourceObject): boolean {
  return DIALECTS.some((dialect) => dialect.holdsSettings?.(object));
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
  return (before && translateChanged(objects, base, before)) ?? translateAll(objects, base, before);
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

/** By what changed alone. Undefined: more than that is to be looked at. */
function translateChanged(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before: WholeTranslation,
): WholeTranslation | undefined {
  if (!before.distinct || before.base !== base || before.objects.length !== objects.length) return undefined;
  const changed = differingPlaces(before.objects, objects);
  const results: [number, ObjectResult][] = [];
  let { readers } = before;
  for (const i of changed) {
    const [old, object] = [before.objects[i]!, objects[i]!];
    const reader = before.readers[i]!;
    if (old.key !== object.key || holdsSettings(object)) return undefined;
    if (before.settings.discovery.length > 0 && isNamespace(object)) return undefined;
    const now = readerOf(object, before.unread);
    if ("object" in reader && "object" in now && before.unread.has(object.origin.namespace)) {
      readers = readers.with(i, now);
      results.push([i, now]);
    } else if ("object" in reader || reader !== now) return undefined;
  }
  const byDialect = new Map(
    [...before.byDialect].map(([dialect, last]) => {
      const made = membersChanged(dialect, last, changed, objects, before.settings);
      for (const i of differingPlaces(last.results, made.results)) results.push([made.places[i]!, made.results[i]!]);
      return [dialect, made];
    }),
  );
  return {
    ...before,
    objects,
    readers,
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results: correctedList(before.results, results),
    sources: before.sources.with(changed.map((i) => objects[i]!)),
  };
}

function membersChanged(
  dialect: Dialect,
  last: Members,
  changed: readonly number[],
  objects: readonly SourceObject[],
  settings: MeshSettings,
): Members {
  const own = changed.map((place) => placeAmong(last.places, place)).filter((i) => i !== undefined);
  if (own.length === 0) return last;
  const members = correctedList(
    last.objects,
    own.map((i) => [i, objects[last.places[i]!]!]),
  );
  return { ...last, objects: members, ...dialect.translate(members, settings, { ...last, changed: own }) };
}

/** In a rising list. */
function placeAmong(places: readonly number[], place: number): number | undefined {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return places[low] === place ? low : undefined;
}

interface Readers {
  /** For each object who reads it, or the verdict when nobody does. */
  readonly readers: readonly Reading[];
  /** No two objects have one name. */
  readonly distinct: boolean;
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

function readerOf(object: SourceObject, unread: ReadonlySet<string>): Reading {
  const dialect = dialectOf(object);
  if ("message" in dialect) return verdict(object, dialect);
  const { namespace } = object.origin;
  if (!unread.has(namespace) || isNamespace(object) || holdsSettings(object)) return dialect;
  if (dialect === kubernetes) return { object, accepted: true, diagnostics: [] };
  return verdict(object, { path: "metadata.namespace", message: notDiscovered(namespace) });
}

function sameSet(before: ReadonlySet<string> | undefined, now: ReadonlySet<string>): ReadonlySet<string> {
  return before?.size === now.size && before.isSupersetOf(now) ? before : now;
}

/** One object by itself, as admission sees it: what it refers to is not looked at. */
export function check(object: SourceObject, settings: MeshSettings): readonly Diagnostic[] {
  return translate([object], settings).results[0]!.diagnostics;
}

/** Why no dialect reads an object, and the field that says so. */
interface Unread {
  readonly path: string;
  readonly message: Message;
}

/** The dialect that reads an object, or what to say to its author. */
function dialectOf({ origin, version, value }: SourceObject): Dialect | Unread {
  const { group, kind } = origin;
  const reader = READERS.get(group)?.get(kind);
  if (reader?.table.versions.includes(version)) return reader.dialect;
  const apiVersion = String(value.apiVersion);
  if (reader)
    return { path: "apiVersion", message: diagnostics.unknownApiVersion(apiVersion, versionsOf(reader.table)) };
  const postponed = DIALECTS.flatMap(({ later }) => later).find(
    (candidate) => candidate.group === group && candidate.kind === kind,
  );
  if (postponed) return { path: "kind", message: diagnostics.kindNotSupported(kind, postponed.instead) };
  return unknown(apiVersion, group, kind);
}

interface Reader {
  readonly dialect: Dialect;
  readonly table: KindTable;
}

/** By group, then by kind. */
const READERS: ReadonlyMap<string, ReadonlyMap<string, Reader>> = readersByKind(DIALECTS);

function readersByKind(dialects: readonly Dialect[]): ReadonlyMap<string, ReadonlyMap<string, Reader>> {
  const readers = new Map<string, Map<string, Reader>>();
  for (const dialect of dialects)
    for (const table of dialect.kinds) {
      const kinds = readers.get(table.group) ?? new Map<string, Reader>();
      readers.set(table.group, kinds.set(table.kind, { dialect, table }));
    }
  return readers;
}

function unknown(apiVersion: string, group: string, kind: string): Unread {
  // Other projects have kinds of the same name (Knative's Service): only a group that is nearly right is taken for a mistake.
  const namesakes = TABLES.filter((table) => table.kind === kind).flatMap(versionsOf);
  if (namesakes.length > 0 && (group === "" || nearest(apiVersion, namesakes))) {
    return { path: "apiVersion", message: diagnostics.unknownApiVersion(apiVersion, namesakes) };
  }
  const siblings = DIALECTS.flatMap(({ kinds, later }) => [...kinds, ...later]).filter(
    (candidate) => candidate.group === group,
  );
  const kinds = siblings.map((sibling) => sibling.kind);
  const isOurs = group.endsWith(".istio.io");
  const isMistake = isOurs || nearest(kind, kinds) !== undefined;
  return {
    path: "kind",
    message: isMistake ? diagnostics.unknownKind(kind, group, kinds) : diagnostics.foreignKind(apiVersion, kind),
  };
}

const TABLES: readonly KindTable[] = DIALECTS.flatMap((dialect) => dialect.kinds);

function versionsOf({ group, versions }: KindTable): readonly string[] {
  return versions.map((version) => (group === "" ? version : `${group}/${version}`));
}

function verdict(object: SourceObject, { path, message }: Unread): ObjectResult {
  const diagnostic = diagnose(message, object.origin, path, object.spans);
  return { object, accepted: message.severity !== "error", diagnostics: [diagnostic] };
}
