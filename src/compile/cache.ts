// What compilations remember of each other. One for each control plane; a new one makes everything anew, with the same result.

import { sameContent } from "../model/equality.ts";
import type { ClientSelector } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { ServiceKey } from "../model/service.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import { Memo } from "./memo.ts";
import { Perspectives } from "./perspective.ts";
import { ReachVersions } from "./reach-versions.ts";
import { ReferenceMemo } from "./reference-memo.ts";
import { ResourceSets } from "./resource-set.ts";

/** All that routes and captured listeners of a view are made from, beside the view itself. */
function routingInputs(mesh: Mesh, selectors: readonly ClientSelector[]): readonly unknown[] {
  const { settings, services, routes, clientPolicies, proxyScopes, telemetries } = mesh;
  return [settings, services, routes, clientPolicies, proxyScopes, telemetries, selectors];
}

export class CompileCache {
  readonly memo = new Memo();
  /** Of what depends on routing alone, which most changes leave as it is: endpoints come and go far more often. */
  readonly routing = new Memo();
  readonly references = new ReferenceMemo();
  readonly sets = new ResourceSets();
  readonly #reach = new ReachVersions();
  #routingInputs: readonly unknown[] = [];
  #routingVersion = 0;
  #perspectives: Perspectives | undefined;

  /** Begins a compilation. */
  begin(mesh: Mesh, acknowledged: AcknowledgedServerNames, selectors: readonly ClientSelector[]): void {
    this.memo.nextGeneration();
    this.references.nextGeneration();
    this.sets.nextGeneration();
    this.#reach.update(mesh, acknowledged);
    const inputs = routingInputs(mesh, selectors);
    if (!sameContent(inputs, this.#routingInputs)) {
      this.routing.nextGeneration();
      this.#routingVersion++;
    }
    this.#routingInputs = inputs;
    this.#perspectives = this.references.get(
      "perspectives",
      [mesh.settings, mesh.services, mesh.routes, mesh.clientPolicies],
      () => new Perspectives(mesh),
    );
  }

  get perspectives(): Perspectives {
    return this.#perspectives!;
  }

  /** Changes when what routing depends on does. */
  get routingVersion(): number {
    return this.#routingVersion;
  }

  /** Changes when a proxy of the service's acknowledged other server names than before. */
  reachVersion(service: ServiceKey): number {
    return this.#reach.of(service);
  }
}
