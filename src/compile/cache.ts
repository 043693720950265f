// What compilations remember of each other. One for each control plane; a new one makes everything anew, with the same result.

import { sameContent } from "../model/diff.ts";
import type { ClientSelector } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import { Memo } from "./memo.ts";
import { ResourceSets } from "./resource-set.ts";

/** All that routes, captured listeners and the name table of a view are made from, beside the view itself. */
function routingInputs(mesh: Mesh, selectors: readonly ClientSelector[]): readonly unknown[] {
  return [mesh.settings, mesh.services, mesh.routes, selectors];
}

export class CompileCache {
  readonly memo = new Memo();
  /** Of what depends on routing alone, which most changes leave as it is: endpoints come and go far more often. */
  readonly routing = new Memo();
  readonly sets = new ResourceSets();
  #routingInputs: readonly unknown[] = [];
  #routingVersion = 0;

  /** Begins a compilation. */
  begin(mesh: Mesh, selectors: readonly ClientSelector[]): void {
    this.memo.nextGeneration();
    this.sets.nextGeneration();
    const inputs = routingInputs(mesh, selectors);
    if (!sameContent(inputs, this.#routingInputs)) {
      this.routing.nextGeneration();
      this.#routingVersion++;
    }
    this.#routingInputs = inputs;
  }

  /** Changes when what routing depends on does. */
  get routingVersion(): number {
    return this.#routingVersion;
  }
}
