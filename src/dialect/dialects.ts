// All dialects, and the way of a set of objects through them.

import type { Diagnostic } from "../base/diagnostic.ts";
import { nearest } from "../base/nearest.ts";
import { joinParts } from "../model/mesh.ts";
import { diagnose, type Message } from "../model/message.ts";
import type { MeshSettings } from "../model/settings.ts";
import { SourceMap, type SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Dialect, KindTable, ObjectResult, Translation } from "./dialect.ts";
import { istio } from "./istio/dialect.ts";
import { kubernetes } from "./kubernetes/dialect.ts";
import type { SourceObject } from "./object.ts";

export const DIALECTS: readonly Dialect[] = [kubernetes, istio];

/** Who reads an object; the verdict on it where nobody does. */
type Reading = Dialect | ObjectResult;

export interface WholeTranslation extends Translation, Readers {
  readonly objects: readonly SourceObject[];
  readonly byDialect: ReadonlyMap<Dialect, Translation>;
  readonly sources: SourceMap;
  /** By which the objects were read: those given, with what one of the objects says of them. */
  readonly settings: MeshSettings;
}

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
  const settings = settingsAmong(objects, base);
  const { readers, distinct } = readersOf(objects, before);
  const byDialect = new Map(
    DIALECTS.map((dialect) => {
      const members = objects.filter((_, i) => readers[i] === dialect);
      const last = before?.settings === settings ? before.byDialect.get(dialect) : undefined;
      return [dialect, last && isOf(last, members) ? last : dialect.translate(members, settings, last)];
    }),
  );
  const finders = new Map<string, SpanFinder>();
  for (const [i, { key, spans }] of objects.entries()) if (spans && !("object" in readers[i]!)) finders.set(key, spans);
  return {
    objects,
    readers,
    distinct,
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results: inOrder(readers, byDialect),
    sources: new SourceMap(finders),
    settings,
  };
}

function isOf({ results }: Translation, objects: readonly SourceObject[]): boolean {
  return results.length === objects.length && results.every(({ object }, i) => object === objects[i]);
}

interface Readers {
  /** For each object who reads it, or the verdict when nobody does. */
  readonly readers: readonly Reading[];
  /** No two objects have one name. */
  readonly distinct: boolean;
}

function readersOf(objects: readonly SourceObject[], before: WholeTranslation | undefined): Readers {
  const known = before?.distinct && sameKeys(objects, before.objects) ? before : undefined;
  if (known) {
    const { objects: last, readers } = known;
    return {
      readers: objects.map((object, i) => (object === last[i] ? readers[i]! : readerOf(object))),
      distinct: true,
    };
  }
  const seen = new Map<string, SourceObject>();
  const readers = objects.map((object) => {
    const reader = readerOf(object);
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

function readerOf(object: SourceObject): Reading {
  const dialect = dialectOf(object);
  return "message" in dialect ? verdict(object, dialect) : dialect;
}

/** Each dialect's results are in the order of its objects. */
function inOrder(
  readers: readonly Reading[],
  translations: ReadonlyMap<Dialect, Translation>,
): readonly ObjectResult[] {
  const next = new Map([...translations].map(([dialect, { results }]) => [dialect, results.values()]));
  return readers.map((reader) => ("object" in reader ? reader : next.get(reader)!.next().value!));
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
