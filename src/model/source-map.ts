// From an object and a field's path to the place in a file. Kept beside the model, never in it: moving a line must change no configuration.

import type { SourceSpan } from "../base/diagnostic.ts";
import { type Origin, originKey } from "./origin.ts";

/** Finds the span of a path (`spec.http[0].route[1].weight`) in one object, or of the nearest field above it. */
export type SpanFinder = (path: string) => SourceSpan | undefined;

/** Objects that came from the API have no entry. */
export class SourceMap {
  readonly #finders: ReadonlyMap<string, SpanFinder>;

  constructor(finders: ReadonlyMap<string, SpanFinder> = new Map()) {
    this.#finders = finders;
  }

  /** The place of `path` in the object; undefined when the object has no file. */
  span(origin: Origin, path = ""): SourceSpan | undefined {
    return this.#finders.get(originKey(origin))?.(path);
  }
}
