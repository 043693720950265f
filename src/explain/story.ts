// The steps of an explanation as they are decided, each with the place of what decided it.

import type { Source } from "../compile/provenance.ts";
import type { SourceMap } from "../model/source-map.ts";
import type { Place, Stage, Step } from "./explanation.ts";

export interface Alternative {
  readonly decision: string;
  readonly by?: Source | undefined;
}

export class Story {
  readonly steps: Step[] = [];
  readonly #sources: SourceMap;

  constructor(sources: SourceMap) {
    this.#sources = sources;
  }

  /** `second`: what holds when `by` is not there. */
  tell(stage: Stage, decision: string, by?: Source | undefined, second?: Alternative | undefined): void {
    this.steps.push({
      stage,
      decision,
      by: by && placeOf(this.#sources, by),
      second: second && { decision: second.decision, by: second.by && placeOf(this.#sources, second.by) },
    });
  }
}

export function placeOf(sources: SourceMap, { origin, path }: Source): Place {
  const span = sources.span(origin, path);
  const name = origin.namespace === "" ? origin.name : `${origin.namespace}/${origin.name}`;
  return { object: `${origin.kind} ${name}`, path, file: span?.file, line: span?.line };
}
