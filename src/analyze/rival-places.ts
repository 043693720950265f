// Where the others of a conflict stand: each side is told the places of both.

import type { SourceObject } from "../dialect/object.ts";
import type { Message } from "../model/message.ts";
import { placeNote } from "../model/source-map.ts";

/** A field of an object. */
export interface Place {
  readonly object: SourceObject;
  readonly path: string;
}

/** Each place costs a look into its file, and nobody reads on after a few. */
const MAX_PLACES = 5;

/** The finding with the places of those of `all` that are others than `own`, as far as they are in files; of many the first few. */
export function withPlaces(message: Message, own: SourceObject, all: Iterable<Place>): Message {
  const notes: string[] = [];
  let looked = 0;
  for (const { object, path } of all) {
    if (object === own) continue;
    if (looked++ === MAX_PLACES) break;
    const note = placeNote(object.origin, object.spans?.(path));
    if (note !== undefined) notes.push(note);
  }
  return notes.length === 0 ? message : { ...message, notes: [...(message.notes ?? []), ...notes] };
}
