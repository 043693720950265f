// The endpoints of one port of a service, of which each of a policy's subsets has some.

import type { Endpoint } from "../model/endpoint.ts";
import { LabelIndex } from "../model/label-index.ts";
import { labelsMatch } from "../model/workload.ts";

/** Fewer subsets are found sooner by looking at every endpoint than by an index over them. */
const MIN_SUBSETS_FOR_INDEX = 8;

export class PortMembers {
  readonly all: readonly Endpoint[];
  /** Some of them, ready or not, have a sidecar of Istio. */
  readonly meetsIstio: boolean;
  readonly #names: () => readonly string[];
  readonly #index: LabelIndex<Endpoint> | undefined;
  #known: readonly string[] | undefined;

  /** `names`: identities of all of them; asked once, however many subsets there are. */
  constructor(all: readonly Endpoint[], subsets: number, names: () => readonly string[]) {
    this.all = all;
    this.meetsIstio = all.some(({ transport }) => transport.kind === "istio");
    this.#names = names;
    this.#index = subsets < MIN_SUBSETS_FOR_INDEX ? undefined : new LabelIndex(all);
  }

  get names(): readonly string[] {
    this.#known ??= this.#names();
    return this.#known;
  }

  /** In the order of all. */
  withLabels(labels: Readonly<Record<string, string>>): readonly Endpoint[] {
    return this.#index?.select(labels) ?? this.all.filter((endpoint) => labelsMatch(labels, endpoint.labels));
  }
}
