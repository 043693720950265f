// Of two objects of one kind that claim the same thing only one can have it: who may claim what an object claims.

import type { SourceObject } from "../dialect/object.ts";
import type { MeshSettings } from "../model/settings.ts";
import { hostsOf, type There } from "./held.ts";
import { type Kind, kinds } from "./kinds.ts";
import { isOfKind } from "./view.ts";

const BY_SELECTOR: readonly Kind[] = [kinds.sidecar, kinds.telemetry, kinds.peerAuthentication];

/** RequestAuthentications are not among them: of several all hold. */
const RIVAL_KINDS: readonly Kind[] = [kinds.virtualService, kinds.gateway, ...BY_SELECTOR];

/** What selectors choose among. */
export const SELECTABLE: readonly Kind[] = [
  kinds.pod,
  kinds.deployment,
  kinds.statefulSet,
  kinds.daemonSet,
  kinds.workloadEntry,
  kinds.workloadGroup,
];

/** Those that can claim what `written` claims, and what their selectors choose among. */
export function rivalsOf(written: SourceObject, there: There): readonly SourceObject[] {
  const kind = rivalKindOf(written);
  if (!kind) return [];
  const all = [...there.held(kind)].filter(({ key }) => key !== written.key);
  if (BY_SELECTOR.includes(kind)) {
    const others = all.filter((other) => isInReach(written, other, there.settings));
    return others.length > 0 ? [...others, ...selectable(written, there)] : [];
  }
  const places = new Set(placesOf(written, there.settings));
  return all.filter((other) => placesOf(other, there.settings).some((place) => places.has(place)));
}

export function rivalKindOf(object: SourceObject): Kind | undefined {
  return RIVAL_KINDS.find((candidate) => isOfKind(object, candidate));
}

/** Where an object has rivals: objects without a common place have nothing to do with each other. Of any object, right or wrong. */
export function placesOf(object: SourceObject, settings: MeshSettings): readonly string[] {
  const { kind, namespace } = object.origin;
  if (kind === "Gateway") return ["gateways"];
  if (kind === "VirtualService") return hostsOf(object, settings);
  return settings.rootNamespaces.includes(namespace) ? ["namespaces"] : ["namespaces", namespace];
}

/** Of a namespace, or of a root namespace, whose objects are for all. */
export function isInReach(a: SourceObject, b: SourceObject, { rootNamespaces }: MeshSettings): boolean {
  const [own, other] = [a.origin.namespace, b.origin.namespace];
  return own === other || rootNamespaces.includes(own) || rootNamespaces.includes(other);
}

function selectable(written: SourceObject, { held, settings }: There): readonly SourceObject[] {
  return SELECTABLE.flatMap((kind) => [...held(kind)]).filter((object) => isInReach(written, object, settings));
}
