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

export interface WholeTranslation extends Translation {
  readonly sources: SourceMap;
  /** By which the objects were read: those given, with what one of the objects says of them. */
  readonly settings: MeshSettings;
}

/** `base` itself when no object says anything of the mesh's settings, or when what it says is wrong. */
export function settingsAmong(objects: readonly SourceObject[], base: MeshSettings): MeshSettings {
  return DIALECTS.reduce((before, dialect) => dialect.settings?.(objects, before) ?? before, base);
}

/** A whole set: settings and parts for `buildMesh`, a verdict on each object, and where the objects stand. `base`: what holds unless an object says otherwise. */
export function translate(objects: readonly SourceObject[], base: MeshSettings): WholeTranslation {
  const settings = settingsAmong(objects, base);
  const results = new Map<SourceObject, ObjectResult>();
  const known = new Map<Dialect, SourceObject[]>(DIALECTS.map((dialect) => [dialect, []]));
  const seen = new Set<string>();
  const finders = new Map<string, SpanFinder>();
  for (const object of objects) {
    const { key } = object;
    const dialect = dialectOf(object);
    if ("message" in dialect) results.set(object, verdict(object, dialect));
    else if (seen.has(key))
      results.set(
        object,
        verdict(object, { path: "metadata.name", message: diagnostics.duplicateObject(object.origin.kind) }),
      );
    else {
      known.get(dialect)!.push(object);
      if (object.spans) finders.set(key, object.spans);
    }
    seen.add(key);
  }
  const translations = [...known].map(([dialect, members]) => dialect.translate(members, settings));
  for (const { results: verdicts } of translations) for (const result of verdicts) results.set(result.object, result);
  return {
    parts: joinParts(translations.map((translation) => translation.parts)),
    results: objects.map((object) => results.get(object)!),
    sources: new SourceMap(finders),
    settings,
  };
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
const READERS: ReadonlyMap<string, ReadonlyMap<string, Reader>> = readersOf(DIALECTS);

function readersOf(dialects: readonly Dialect[]): ReadonlyMap<string, ReadonlyMap<string, Reader>> {
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
