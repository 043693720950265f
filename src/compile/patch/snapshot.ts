// A proxy's snapshot with the changes of its program, laid out as it was: what is shared stays shared.

import type { ResourceMap } from "../../xds/snapshot.ts";
import { type ResourceKind, SEND_ORDER } from "../../xds/type-urls.ts";
import type { OutboundSets } from "../outbound-sets.ts";
import { type Layers, merge, ownOf, type ProxySnapshot, snapshotOfLayers } from "../proxy-snapshot.ts";
import { type ResourceSet, resourceSet } from "../resource-set.ts";
import { PATCHED_KINDS, type PatchProgram } from "./program.ts";

const NO_SETS: readonly ResourceSet[] = [];

/** What patches add lies over the rest, but takes no name that is there. */
export function patchedSnapshot(unpatched: ProxySnapshot, program: PatchProgram): ProxySnapshot {
  const { added } = program;
  const shared = patchedOutbound(unpatched.shared, program);
  const patchedKind = (kind: ResourceKind): readonly ResourceSet[] => {
    const own = ownOf(unpatched, kind).map((set) => program.patched(set));
    const sets = [...own, ...(shared[kind] ?? NO_SETS)];
    const there = merge(sets);
    const more = added[kind];
    return more ? [without(more, there), ...sets] : sets;
  };
  const layers = Object.fromEntries(
    SEND_ORDER.map((kind) => [kind, PATCHED_KINDS.includes(kind) ? patchedKind(kind) : unpatched.layers[kind]]),
  ) as Layers;
  const resources = Object.fromEntries(SEND_ORDER.map((kind) => [kind, merge(layers[kind] ?? NO_SETS)]));
  const standIns = unpatched.resources;
  return Object.assign(snapshotOfLayers(layers, resources, shared, unpatched.serverNames), { unpatched, standIns });
}

const patchedSets = new WeakMap<PatchProgram, WeakMap<OutboundSets, OutboundSets>>();

/** Once for all proxies that have the same patches and share the same. */
function patchedOutbound(shared: OutboundSets, program: PatchProgram): OutboundSets {
  const known = patchedSets.get(program) ?? new WeakMap<OutboundSets, OutboundSets>();
  patchedSets.set(program, known);
  const patched = (kind: ResourceKind) =>
    PATCHED_KINDS.includes(kind) ? shared[kind]?.map((set) => program.patched(set)) : shared[kind];
  const made = known.get(shared) ?? Object.fromEntries(SEND_ORDER.map((kind) => [kind, patched(kind) ?? NO_SETS]));
  known.set(shared, made);
  return made;
}

function without({ resources, sources, hidden }: ResourceSet, there: ResourceMap): ResourceSet {
  const members = [...resources.values()].filter(({ name }) => !there.has(name));
  return resourceSet(
    members.map((resource) => ({ resource, sources: sources.get(resource.name) ?? [] })),
    [...hidden],
  );
}
