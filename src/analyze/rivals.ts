// Of two objects of one kind that claim the same thing only one can have it. Such a claim is refused at the write: unlike a reference to what
// is nowhere, nothing that comes later makes it right.

import { resolveHost } from "../dialect/istio/names.ts";
import type { SourceObject } from "../dialect/object.ts";
import { buildMesh } from "../model/build.ts";
import { file } from "../model/label-index.ts";
import { joinParts } from "../model/mesh.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { MeshAnalyzer } from "./analyzer.ts";
import type { Finding } from "./code.ts";
import { conflictingGateways } from "./gateway/conflicting.ts";
import { type Kind, kinds } from "./kinds.ts";
import { findingsOf } from "./run.ts";
import { conflictingSelectors } from "./selector/conflicting.ts";
import { isOfKind } from "./view.ts";
import { conflictingHosts } from "./virtual-service/conflicting-hosts.ts";
import { World } from "./world.ts";

/** By whose findings a write is judged beside the objects that are there. */
export const RIVALRIES: readonly MeshAnalyzer[] = [conflictingHosts, conflictingGateways, conflictingSelectors];

const BY_SELECTOR: readonly Kind[] = [kinds.sidecar, kinds.telemetry, kinds.peerAuthentication];

/** RequestAuthentications are not among them: of several all hold. */
export const RIVAL_KINDS: readonly Kind[] = [kinds.virtualService, kinds.gateway, ...BY_SELECTOR];

/** What selectors choose among. */
const SELECTABLE: readonly Kind[] = [
  kinds.pod,
  kinds.deployment,
  kinds.statefulSet,
  kinds.daemonSet,
  kinds.workloadEntry,
  kinds.workloadGroup,
];

/** Everything of a kind that is in force. */
export type Held = (kind: Kind) => Iterable<SourceObject>;

/**
 * What a write claims that another object of its kind has: errors about it that were not there before. `together`: keys of objects that the same
 * set of writes changes as well, so that what they hold now says nothing.
 */
export function claimedByOthers(
  written: SourceObject,
  held: Held,
  settings: MeshSettings,
  together: ReadonlySet<string> = new Set(),
): readonly Finding[] {
  const kind = RIVAL_KINDS.find((candidate) => isOfKind(written, candidate));
  if (!kind) return [];
  const all = [...held(kind)];
  const before = all.find(({ key }) => key === written.key);
  const others = all.filter(({ key }) => key !== written.key && !together.has(key));
  const rivals = neighbours(written, others, settings);
  const selected = rivals.length > 0 && BY_SELECTOR.includes(kind) ? selectable(written, held, settings) : [];
  return newConflicts(
    [written, ...rivals, ...selected],
    before ? [before, ...rivals, ...selected] : [],
    settings,
  ).filter(({ object }) => object?.name === written.origin.name && object.namespace === written.origin.namespace);
}

/** Errors between objects of one kind that are in `after` and were not in `before`. */
export function newConflicts(
  after: readonly SourceObject[],
  before: readonly SourceObject[],
  settings: MeshSettings,
): readonly Finding[] {
  const found = conflicts(after, settings);
  if (found.length === 0) return [];
  const known = new Set(conflicts(before, settings).map(identity));
  return found.filter((each) => !known.has(identity(each)));
}

function conflicts(objects: readonly SourceObject[], settings: MeshSettings): readonly Finding[] {
  const world = new World(objects, buildMesh(settings, joinParts([])));
  const ours = new Set(RIVAL_KINDS.map(({ kind }) => kind));
  return findingsOf(RIVALRIES, world).filter(
    ({ severity, object }) => severity === "error" && object !== undefined && ours.has(object.kind),
  );
}

function identity({ code, object, message }: Finding): string {
  return JSON.stringify([code, object, message]);
}

/** Those that can claim what `written` claims. */
function neighbours(
  written: SourceObject,
  others: readonly SourceObject[],
  settings: MeshSettings,
): readonly SourceObject[] {
  const places = new Set(placesOf(written, settings));
  return others.filter((other) => placesOf(other, settings).some((place) => places.has(place)));
}

/** Where an object has rivals: objects without a common place have nothing to do with each other. Of any object, right or wrong. */
function placesOf({ origin, value }: SourceObject, settings: MeshSettings): readonly string[] {
  if (origin.kind === "Gateway") return ["gateways"];
  if (origin.kind !== "VirtualService") {
    const isForAll = settings.rootNamespaces.includes(origin.namespace);
    return isForAll ? ["namespaces"] : ["namespaces", origin.namespace];
  }
  const known = hostsKnown.get(value);
  if (known?.domain === settings.clusterDomain) return known.hosts;
  const { hosts: written } = (value.spec ?? {}) as { readonly hosts?: unknown };
  const texts = Array.isArray(written) ? written.filter((host): host is string => typeof host === "string") : [];
  const hosts = texts.map((host) => resolveHost(host, origin.namespace, settings.clusterDomain));
  hostsKnown.set(value, { domain: settings.clusterDomain, hosts });
  return hosts;
}

/** By the object's value: thousands are asked for theirs at each write, and a changed object is another one. */
const hostsKnown = new WeakMap<object, { readonly domain: string; readonly hosts: readonly string[] }>();

function selectable(written: SourceObject, held: Held, settings: MeshSettings): readonly SourceObject[] {
  const { namespace } = written.origin;
  const isForAll = settings.rootNamespaces.includes(namespace);
  return SELECTABLE.flatMap((kind) => [...held(kind)]).filter(
    ({ origin }) => isForAll || origin.namespace === namespace,
  );
}

/**
 * Of a set of writes: for each, by key, which of the others give something up that it may claim. `inForce`: what is there now, of any kind.
 */
export function changedTogether(
  written: readonly SourceObject[],
  inForce: readonly SourceObject[],
  settings: MeshSettings,
): ReadonlyMap<string, readonly string[]> {
  const ours = written.filter((object) => RIVAL_KINDS.some((kind) => isOfKind(object, kind)));
  const held = new Map(inForce.map((object) => [object.key, object]));
  const giving = new Map<string, string[]>();
  for (const { key, origin, value } of ours) {
    const before = held.get(key);
    if (!before || Bun.deepEquals(before.value.spec, value.spec)) continue;
    for (const place of placesOf(before, settings)) file(giving, `${origin.kind} ${place}`, key);
  }
  if (giving.size === 0) return new Map();
  return new Map(
    ours.map((object) => {
      const keys = placesOf(object, settings).flatMap((place) => giving.get(`${object.origin.kind} ${place}`) ?? []);
      return [object.key, [...new Set(keys)].filter((key) => key !== object.key)];
    }),
  );
}
