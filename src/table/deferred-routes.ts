// Routes that stay in the bytes of their virtual host until a request takes one. Of the twenty of a virtual host requests take a few; 100,000 as
// objects are a heap of its own to be marked, and its gaps, in which what a request allocates would lie, are in no cache.

import type { Route, RouteList } from "./route.ts";

export class DeferredRoutes implements RouteList {
  /** Checked: they compile. */
  readonly #bytes: Uint8Array;
  /** Where each begins and ends in the bytes. */
  readonly #places: Uint32Array;
  readonly #compile: (bytes: Uint8Array, i: number) => Route;
  readonly #made: (Route | undefined)[];

  constructor(bytes: Uint8Array, places: Uint32Array, compile: (bytes: Uint8Array, i: number) => Route) {
    this.#bytes = bytes;
    this.#places = places;
    this.#compile = compile;
    this.#made = new Array<undefined>(places.length / 2).fill(undefined);
  }

  get length(): number {
    return this.#made.length;
  }

  at(i: number): Route | undefined {
    return this.#made[i] ?? this.#make(i);
  }

  #make(i: number): Route | undefined {
    if (i < 0 && i >= -this.length) return this.at(i + this.length);
    if (i < 0 || i >= this.length) return undefined;
    const route = this.#compile(this.#bytes.subarray(this.#places[i * 2], this.#places[i * 2 + 1]), i);
    this.#made[i] = route;
    return route;
  }

  *[Symbol.iterator](): Iterator<Route> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }
}
