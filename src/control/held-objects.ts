// The objects of a kind that are there at this moment, whatever was compiled of them: what a write is judged beside.

import type { Held } from "../analyze/held.ts";
import { type SourceObject, sourceObject } from "../dialect/object.ts";
import type { KubeObject } from "../kube/object.ts";
import { resourceByKind } from "../kube/resources.ts";
import type { Store } from "../kube/store/store.ts";

/** Of objects that the folder and the store both hold the folder's count. */
export function heldObjects(store: Store, folder: () => Iterable<SourceObject>): Held {
  const known = new WeakMap<KubeObject, SourceObject | undefined>();
  const read = (object: KubeObject): SourceObject | undefined => {
    if (known.has(object)) return known.get(object);
    const result = sourceObject(object);
    const source = result.kind === "object" ? result.object : undefined;
    known.set(object, source);
    return source;
  };
  return ({ group, kind }) => {
    const type = resourceByKind(group, kind);
    const objects = new Map<string, SourceObject>();
    for (const stored of type ? store.each(type) : []) {
      const object = read(stored);
      if (object) objects.set(object.key, object);
    }
    for (const object of folder())
      if (object.origin.kind === kind && object.origin.group === group) objects.set(object.key, object);
    return objects.values();
  };
}
