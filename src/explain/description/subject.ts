// What a description is made from.

import type { SourceObject } from "../../dialect/object.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import type { SourceMap } from "../../model/source-map.ts";
import type { Place } from "../explanation.ts";
import { placeOf } from "../story.ts";

export interface Subject {
  readonly mesh: Mesh;
  readonly sources: SourceMap;
  /** As they were written, by originKey: what the model does not keep. */
  readonly objects: ReadonlyMap<string, SourceObject>;
}

export function at({ sources }: Subject, origin: Origin, path = ""): Place {
  return placeOf(sources, { origin, path });
}
