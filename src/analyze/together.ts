// What a set of writes changes at once: each is judged as if the others had given up what they say now.

import type { SourceObject } from "../dialect/object.ts";
import { file } from "../model/label-index.ts";
import type { MeshSettings } from "../model/settings.ts";
import { contradictedBy } from "./contradicting.ts";
import type { Kind } from "./kinds.ts";
import { placesOf, rivalKindOf } from "./rivals.ts";

/**
 * For each of a set of writes, by key, the others whose change may make room for it: at most `most` of them, rivals first, then what is of its
 * namespace. `inForce`: what is there now, of any kind.
 */
export function changedTogether(
  written: readonly SourceObject[],
  inForce: readonly SourceObject[],
  settings: MeshSettings,
  most: number,
): ReadonlyMap<string, readonly string[]> {
  const held = new Map(inForce.map((object) => [object.key, object]));
  const claims = new Map<string, string[]>();
  const kinds = new Map<string, string[]>();
  for (const { key, origin, value } of written) {
    const before = held.get(key);
    if (!before || isSame(before.value, value)) continue;
    if (rivalKindOf(before))
      for (const place of placesOf(before, settings)) file(claims, `${origin.kind} ${place}`, key);
    file(kinds, kindKey(origin), key);
    file(kinds, `${kindKey(origin)} ${origin.namespace}`, key);
  }
  if (kinds.size === 0) return new Map();
  return new Map(
    written.map((object) => {
      const { key, origin } = object;
      const places = rivalKindOf(object) ? placesOf(object, settings) : [];
      const rivals = places.map((place) => claims.get(`${origin.kind} ${place}`));
      const others = contradictedBy(object).map(kindKey);
      const near = others.map((kind) => kinds.get(`${kind} ${origin.namespace}`));
      const far = others.map((kind) => kinds.get(kind));
      return [key, first([...rivals, ...near, ...far], key, most)];
    }),
  );
}

/** What others contradict: a Secret has no spec. */
function isSame(before: SourceObject["value"], now: SourceObject["value"]): boolean {
  const said = ({ spec, data, stringData }: SourceObject["value"]) => ({ spec, data, stringData });
  return Bun.deepEquals(said(before), said(now));
}

function kindKey({ group, kind }: Pick<Kind, "group" | "kind">): string {
  return `${group}/${kind}`;
}

function first(lists: readonly (readonly string[] | undefined)[], except: string, most: number): readonly string[] {
  const found = new Set<string>();
  for (const list of lists)
    for (const key of list ?? []) {
      if (found.size === most) return [...found];
      if (key !== except) found.add(key);
    }
  return [...found];
}
