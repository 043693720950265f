// Who reads an object: the dialect of its kind, or nobody, and what to say to its author then.

import { nearest } from "../base/nearest.ts";
import { diagnose, type Message } from "../model/message.ts";
import * as diagnostics from "./diagnostics.ts";
import type { Dialect, KindTable, ObjectResult } from "./dialect.ts";
import { isNamespace, notDiscovered } from "./discovery.ts";
import { istio } from "./istio/dialect.ts";
import { kubernetes } from "./kubernetes/dialect.ts";
import type { SourceObject } from "./object.ts";

export const DIALECTS: readonly Dialect[] = [kubernetes, istio];

/** Who reads an object; the verdict on it where nobody does. */
export type Reading = Dialect | ObjectResult;

/** Whether the object may say something of the mesh's settings. */
export function holdsSettings(object: SourceObject): boolean {
  return DIALECTS.some((dialect) => dialect.holdsSettings?.(object));
}

/** `unread`: namespaces that nobody reads. */
export function readerOf(object: SourceObject, unread: ReadonlySet<string>): Reading {
  const dialect = dialectOf(object);
  if ("message" in dialect) return verdict(object, dialect);
  const { namespace } = object.origin;
  if (!unread.has(namespace) || isNamespace(object) || holdsSettings(object)) return dialect;
  if (dialect === kubernetes) return { object, accepted: true, diagnostics: [] };
  return verdict(object, { path: "metadata.namespace", message: notDiscovered(namespace) });
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
  const siblings = TABLES.filter((table) => table.group === group);
  const kinds = siblings.map((sibling) => sibling.kind);
  const isOurs = group.endsWith(".istio.io") && siblings.length > 0;
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

export function verdict(object: SourceObject, { path, message }: Unread): ObjectResult {
  const diagnostic = diagnose(message, object.origin, path, object.spans);
  return { object, accepted: message.severity !== "error", diagnostics: [diagnostic] };
}
