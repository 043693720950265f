// Which mutual TLS the workloads that a policy is for demand, by PeerAuthentications alone: the workloads need not run yet.

import type { SourceObject } from "../../dialect/object.ts";
import { SelectorIndex } from "../../model/label-index.ts";
import { kinds } from "../kinds.ts";
import type { World } from "../world.ts";

export interface PeerPolicy {
  readonly object: SourceObject;
  readonly labels: Readonly<Record<string, string>>;
  readonly mode: string;
}

/** The PeerAuthentications of a namespace that say a mode. */
interface Members {
  readonly narrow: SelectorIndex<PeerPolicy>;
  readonly wide: PeerPolicy | undefined;
}

export class PeerModes {
  readonly #byNamespace: ReadonlyMap<string, Members>;
  readonly #ofMesh: PeerPolicy | undefined;

  constructor(world: World) {
    const saying = world.views(kinds.peerAuthentication).flatMap(({ object, value }): readonly PeerPolicy[] => {
      const { mtls, selector } = value.spec ?? {};
      if (mtls?.mode === undefined || mtls.mode === "UNSET") return [];
      return [{ object, labels: selector?.matchLabels ?? {}, mode: mtls.mode }];
    });
    this.#byNamespace = new Map(
      [...Map.groupBy(saying, ({ object }) => object.origin.namespace)].map(([namespace, members]) => [
        namespace,
        {
          narrow: new SelectorIndex(
            members.filter((policy) => !isWide(policy)),
            ({ labels }) => labels,
          ),
          wide: members.find(isWide),
        },
      ]),
    );
    this.#ofMesh = saying.find((policy) => world.isRoot(policy.object.origin.namespace) && isWide(policy));
  }

  /** The workloads' policy, the namespace's, the mesh's; undefined when none says. */
  of(namespace: string, labels: Readonly<Record<string, string>>): PeerPolicy | undefined {
    const own = this.#byNamespace.get(namespace);
    return own?.narrow.first(labels) ?? own?.wide ?? this.#ofMesh;
  }
}

function isWide({ labels }: PeerPolicy): boolean {
  return Object.keys(labels).length === 0;
}
