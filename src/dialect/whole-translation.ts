// What was made of a whole set of objects, and how another set that is nearly the same is translated by what is different.

import { correctedList, differingPlaces, type Splice, spliceBetween } from "../base/corrected-list.ts";
import { joinParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Dialect, ObjectResult, Translation } from "./dialect.ts";
import { isNamespace } from "./discovery.ts";
import type { SourceObject } from "./object.ts";
import { holdsSettings, type Reading, readerOf } from "./readers.ts";

export interface Readers {
  /** For each object who reads it, or the verdict when nobody does. */
  readonly readers: readonly Reading[];
  /** No two objects have one name. */
  readonly distinct: boolean;
}

export interface WholeTranslation extends Readers, Translation {
  readonly objects: readonly SourceObject[];
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
  readonly objects: readonly SourceObject[];
  /** Where each stands among all objects. */
  readonly places: readonly number[];
}

/** By what changed alone. Undefined: more than that is to be looked at. */
export function translateChanged(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before: WholeTranslation,
): WholeTranslation | undefined {
  if (!before.distinct || before.base !== base) return undefined;
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
  const at = firstFrom(places, place);
  return places[at] === place ? at : undefined;
}

/** Where the first of a rising list stands that is not below the place. */
function firstFrom(places: readonly number[], place: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Objects that came and went beyond which all are looked at. */
const MANY = 500;

/** By what came and went alone. Undefined: more than that is to be looked at. */
export function translateSpliced(
  objects: readonly SourceObject[],
  base: MeshSettings,
  before: WholeTranslation,
): WholeTranslation | undefined {
  if (!before.sorted || before.base !== base || before.settings.discovery.length > 0) return undefined;
  const splice = spliceBetween(before.objects, objects);
  const { start, gone, come } = splice;
  if (gone.length + come.length > MANY || [...gone, ...come].some(holdsSettings)) return undefined;
  if (!isSorted(objects.slice(Math.max(0, start - 1), start + come.length + 1))) return undefined;
  const own = come.map((object) => readerOf(object, before.unread));
  const readers = before.readers.toSpliced(start, gone.length, ...own);
  const byDialect = new Map(
    [...before.byDialect].map(([dialect, last]) => [
      dialect,
      membersSpliced(dialect, last, splice, own, before.settings),
    ]),
  );
  const unread = own.map((reader) => ("object" in reader ? reader : undefined));
  const results = before.results.toSpliced(start, gone.length, ...(unread as ObjectResult[]));
  for (const { places, results: made } of byDialect.values())
    for (let i = 0; i < places.length; i++) results[places[i]!] = made[i]!;
  const told = come.filter((_, i) => !("object" in own[i]!));
  return {
    ...before,
    objects,
    readers,
    byDialect,
    parts: joinParts([...byDialect.values()].map(({ parts }) => parts)),
    results,
    sources: before.sources.with([...gone.map(({ key }) => ({ key })), ...told]),
  };
}

/** `readers`: of those that came. */
function membersSpliced(
  dialect: Dialect,
  last: Members,
  { start, gone, come }: Splice<SourceObject>,
  readers: readonly Reading[],
  settings: MeshSettings,
): Members {
  const at = firstFrom(last.places, start);
  const removed = firstFrom(last.places, start + gone.length) - at;
  const own = come.flatMap((object, i) => (readers[i] === dialect ? [{ object, place: start + i }] : []));
  const shift = come.length - gone.length;
  const after = last.places.slice(at + removed).map((place) => place + shift);
  const places = [...last.places.slice(0, at), ...own.map(({ place }) => place), ...after];
  if (removed === 0 && own.length === 0) return { ...last, places };
  const objects = last.objects.toSpliced(at, removed, ...own.map(({ object }) => object));
  const spliced = { at, removed, added: own.length };
  return { objects, places, ...dialect.translate(objects, settings, { ...last, changed: undefined, spliced }) };
}

export function isSorted(objects: readonly SourceObject[]): boolean {
  return objects.every(({ key }, i) => i === 0 || objects[i - 1]!.key < key);
}
