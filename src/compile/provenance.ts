// From a resource back to what a person wrote. Kept beside the resources, because it must not travel with them.

import type { Origin } from "../model/origin.ts";
import type { Resource } from "../xds/resource.ts";

/** One object that a resource was made from, and the place in it (`spec.http[0]`; "" for the whole object). */
export interface Source {
  readonly origin: Origin;
  readonly path: string;
}

/** A resource with the objects that it was made from, the one that shaped it most first. */
export interface Compiled {
  readonly resource: Resource;
  readonly sources: readonly Source[];
}

export function wholeObject(origin: Origin): Source {
  return { origin, path: "" };
}
