// What was made of a whole set of objects, and how another set that is nearly the same is translated by what is different.

import { correctedList, correctionsOf, type List, type ListDifference, listDifference } from "../base/list.ts";
import { joinParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Dialect, ObjectResult, Translation } from "./dialect.ts";
import { isNamespace } from "./discovery.ts";
import type { SourceObject } from "./object.ts";
import { holdsSettings, type Reading, readerOf } from "./readers.ts";

export interface WholeTranslation extends Translation {
  readonly objects: List<SourceObject>;
  /** By key, which no two of them share. */
  readonly sorted: boolean;
  readonly byDialect: ReadonlyMap<Dialect, Members>;
  readonly sources: SourceMap;
  readonly base: MeshSettings;
  /** Namespaces that nobody reads; the same set as long as it holds the same. */
  readonly unread: ReadonlySet<string>;
  /** By which the objects were read: those given, with what one of the objects says of them. */
  readonly settings: MeshSettings;
}

/** The objects of one dialect, and what it made of them. */
export interface Members extends Translation {
  readonly objects: List<SourceObject>;
}

/** Objects that came and went beyond which all are looked at. */
const MANY = 500;

export const keyOfObject = ({ key }: SourceObject): string => key;
export const keyOfResult = ({ object }: ObjectResult): string => object.key;

/** By what changed, came and went alone. Undefined: more than that is to be looked at. */
export function translateDifference(
  objects: List<SourceObject>,
  base: MeshSettings,
  before: WholeTranslation,
): WholeTranslation | undefined {
  if (!before.sorted || before.base !== base || !isStillSorted(objects)) return undefined;
  const { settings, unread } = before;
  const difference = listDifference(before.objects, objects);
  const either = [...difference.gone, ...difference.come];
  if (either.length > MANY || either.some(holdsSettings)) return undefined;
  const asksNamespaces = settings.discovery.length > 0 || (settings.entryVisibility?.policies.length ?? 0) > 0;
  if (asksNamespaces && either.some(isNamespace)) return undefined;
  const gone = difference.gone.map((object) => readBy(object, unread));
  const come = difference.come.map((object) => readBy(object, unread));
  const byDialect = new Map(
    [...before.byDialect].map(([dialect, last]) => {
      const own = { gone: objectsOf(dialect, gone), come: objectsOf(dialect, come) };
      return [dialect, membersAfter(dialect, last, own, settings)];
    }),
  );
  const isTold = come.filter(({ reader }) => !("object" in reader));
  return {
    ...before,
    objects,
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results: resultsAfter(before, byDialect, gone, come),
    sources: before.sources.with([
      ...difference.gone.map(({ key }) => ({ key })),
      ...isTold.map(({ object }) => object),
    ]),
  };
}

interface ReadBy {
  readonly object: SourceObject;
  readonly reader: Reading;
}

function readBy(object: SourceObject, unread: ReadonlySet<string>): ReadBy {
  return { object, reader: readerOf(object, unread) };
}

function objectsOf(dialect: Dialect, read: readonly ReadBy[]): readonly SourceObject[] {
  return read.flatMap(({ object, reader }) => (reader === dialect ? [object] : []));
}

function membersAfter(
  dialect: Dialect,
  last: Members,
  difference: ListDifference<SourceObject>,
  settings: MeshSettings,
): Members {
  if (difference.gone.length + difference.come.length === 0) return last;
  const objects = correctedList(last.objects, keyOfObject, correctionsOf(difference, keyOfObject));
  return { objects, ...dialect.translate(objects, settings, { ...last, difference }) };
}

/** What is said of one object may be other because another one changed. */
function resultsAfter(
  before: WholeTranslation,
  byDialect: WholeTranslation["byDialect"],
  gone: readonly ReadBy[],
  come: readonly ReadBy[],
): List<ObjectResult> {
  const corrections = new Map<string, ObjectResult | undefined>();
  for (const { object } of gone) corrections.set(object.key, undefined);
  for (const { object, reader } of come) if ("object" in reader) corrections.set(object.key, reader);
  for (const [dialect, { results }] of byDialect)
    for (const result of listDifference(before.byDialect.get(dialect)!.results, results).come)
      corrections.set(result.object.key, result);
  return correctedList(before.results, keyOfResult, corrections);
}

/** Long lists that are not arrays were made by corrections of one that is sorted. */
function isStillSorted(objects: List<SourceObject>): boolean {
  return !Array.isArray(objects) || isSorted(objects);
}

export function isSorted(objects: Iterable<SourceObject>): boolean {
  let before: string | undefined;
  for (const { key } of objects) {
    if (before !== undefined && before >= key) return false;
    before = key;
  }
  return true;
}
