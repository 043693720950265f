// The kinds that choose workloads by labels, read alike.

import type { SourceObject } from "../../dialect/object.ts";
import { kinds } from "../kinds.ts";
import type { World } from "../world.ts";

export interface Selecting {
  readonly object: SourceObject;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the labels. */
  readonly path: string;
  /** Attached to an object by name, so that labels play no part. */
  readonly targeted: boolean;
}

export function selectingOf(world: World): readonly Selecting[] {
  const policies = [
    kinds.authorizationPolicy,
    kinds.requestAuthentication,
    kinds.telemetry,
    kinds.trafficExtension,
    kinds.wasmPlugin,
    kinds.proxyConfig,
  ].flatMap((kind) =>
    world.views(kind).map(({ object, namespace, value }) => ({
      object,
      namespace,
      labels: value.spec?.selector?.matchLabels ?? {},
      path: "spec.selector.matchLabels",
      targeted: value.spec?.targetRef !== undefined || (value.spec?.targetRefs ?? []).length > 0,
    })),
  );
  const peers = world.views(kinds.peerAuthentication).map(({ object, namespace, value }) => ({
    object,
    namespace,
    labels: value.spec?.selector?.matchLabels ?? {},
    path: "spec.selector.matchLabels",
    targeted: false,
  }));
  const workloads = [...world.views(kinds.sidecar), ...world.views(kinds.envoyFilter)].map(
    ({ object, namespace, value }) => ({
      object,
      namespace,
      labels: value.spec?.workloadSelector?.labels ?? {},
      path: "spec.workloadSelector.labels",
      targeted: false,
    }),
  );
  const rules = world.views(kinds.destinationRule).map(({ object, namespace, value }) => ({
    object,
    namespace,
    labels: value.spec.workloadSelector?.matchLabels ?? {},
    path: "spec.workloadSelector.matchLabels",
    targeted: false,
  }));
  return [...policies, ...peers, ...workloads, ...rules];
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** In the root namespace labels select in every namespace. */
export function selectedBy({ labels, namespace }: Selecting, world: World): ReturnType<World["select"]> {
  return world.select(labels, world.isRoot(namespace) ? undefined : namespace);
}
