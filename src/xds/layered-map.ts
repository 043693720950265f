// Resources over other resources, as one map.

import type { Resource } from "./resource.ts";
import type { ResourceMap } from "./snapshot.ts";

/** One map over several sets: a thousand proxies must not have a thousand copies of what they share. */
export class LayeredMap implements ReadonlyMap<string, Resource> {
  readonly own: ResourceMap;
  readonly below: ResourceMap;
  readonly #hidden: ReadonlySet<string>;
  #covered: ReadonlySet<string> | undefined;

  constructor(own: ResourceMap, hidden: ReadonlySet<string>, below: ResourceMap) {
    this.own = own;
    this.below = below;
    this.#hidden = hidden;
  }

  /** Names of what is below that are not to be seen, or not as they are there. Few ask, and maps are many. */
  get covered(): ReadonlySet<string> {
    this.#covered ??= new Set([...this.own.keys(), ...this.#hidden].filter((name) => this.below.has(name)));
    return this.#covered;
  }

  get size(): number {
    return this.own.size + this.below.size - this.covered.size;
  }

  get(name: string): Resource | undefined {
    const own = this.own.get(name);
    if (own || (this.#hidden.size > 0 && this.#hidden.has(name))) return own;
    return this.below.get(name);
  }

  has(name: string): boolean {
    return this.own.has(name) || (!this.#hidden.has(name) && this.below.has(name));
  }

  *entries(): MapIterator<[string, Resource]> {
    yield* this.own.entries();
    for (const entry of this.below) if (!this.covered.has(entry[0])) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): MapIterator<Resource> {
    for (const [, resource] of this) yield resource;
  }

  forEach(visit: (resource: Resource, name: string, map: ReadonlyMap<string, Resource>) => void): void {
    this.own.forEach((resource, name) => {
      visit(resource, name, this);
    });
    this.below.forEach((resource, name) => {
      if (!this.covered.has(name)) visit(resource, name, this);
    });
  }

  [Symbol.iterator](): MapIterator<[string, Resource]> {
    return this.entries();
  }
}
