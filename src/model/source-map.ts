// From an object and a field's path to the place in a file. Kept beside the model, never in it: moving a line must change no configuration.

import { corrected } from "../base/corrected-map.ts";
import type { SourceSpan } from "../base/diagnostic.ts";
import { type Origin, originKey } from "./origin.ts";

/** The value, the field's name, or a place inside of a text: its lines count from the text's first. */
export type SpanPart = "value" | "name" | { readonly within: SourceSpan };

/** Finds the place of a path (`spec.http[0].route[1].weight`), or of the nearest field above it. A path may lead on into YAML in a text. */
export type SpanFinder = (path: string, part?: SpanPart) => SourceSpan | undefined;

/** Where the other object of a conflict stands; undefined when that is in no file. */
export function placeNote({ kind, namespace, name }: Origin, span: SourceSpan | undefined): string | undefined {
  return span && `${kind} ${namespace}/${name} is at ${span.file}:${span.line}:${span.column}`;
}

/** Objects that came from the API have no entry. */
export class SourceMap {
  readonly #finders: ReadonlyMap<string, SpanFinder>;

  /** `finders` by `originKey`. */
  constructor(finders: ReadonlyMap<string, SpanFinder> = new Map()) {
    this.#finders = finders;
  }

  /** With other versions of objects; the same map when none of them has, or had, a file. */
  with(objects: readonly { readonly key: string; readonly spans?: SpanFinder | undefined }[]): SourceMap {
    const finders = corrected(
      this.#finders,
      objects.map(({ key, spans }) => [key, spans]),
    );
    return finders === this.#finders ? this : new SourceMap(finders);
  }

  /** Undefined when the object has no file. */
  finder(origin: Origin): SpanFinder | undefined {
    return this.#finders.get(originKey(origin));
  }

  /** The place of `path` in the object; undefined when the object has no file. */
  span(origin: Origin, path = ""): SourceSpan | undefined {
    return this.finder(origin)?.(path);
  }
}
