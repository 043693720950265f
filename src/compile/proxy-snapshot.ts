// What one proxy is to have: layers of sets of resources, its own over those that it shares. Pure, and lazy where few ask.

import { contentVersion } from "../xds/resource.ts";
import type { ResourceMap, Snapshot } from "../xds/snapshot.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import type { OutboundSets } from "./outbound-sets.ts";
import type { Source } from "./provenance.ts";
import { layer, type ResourceSet } from "./resource-set.ts";

const NONE: ResourceMap = new Map();
const NO_SETS: readonly ResourceSet[] = [];

export type Layers = Readonly<Partial<Record<ResourceKind, readonly ResourceSet[]>>>;

export interface ProxySnapshot extends Snapshot {
  /** What is the proxy's own before what it shares; `sourcesOf` and `changesBetween` read it. */
  readonly layers: Layers;
  /** The lower end of each of them: one object for all proxies that are told the same. */
  readonly shared: OutboundSets;
  /** Server names that the listener of the mesh port knows. Once the proxy acknowledged that listener, clients may use them. */
  readonly serverNames: ReadonlySet<string>;
  /** What the proxy would have but for patches in Envoy's own terms; undefined: there are none for it. */
  readonly unpatched?: ProxySnapshot | undefined;
}

export interface OwnSets {
  readonly sets: OutboundSets;
  readonly serverNames: ReadonlySet<string>;
}

/** `before`: with the same of its own over what it shared then. Kinds of which it shares the same are as they were. */
export function snapshotOf(
  { sets, serverNames }: OwnSets,
  outbound: OutboundSets,
  outboundBefore?: OutboundSets,
  before?: ProxySnapshot,
): ProxySnapshot {
  const layers: { -readonly [Kind in keyof Layers]: Layers[Kind] } = {};
  const resources: Partial<Record<ResourceKind, ResourceMap>> = {};
  for (const kind of SEND_ORDER) {
    const isSame = before !== undefined && outbound[kind] === outboundBefore?.[kind];
    const [own, shared] = [sets[kind], outbound[kind] ?? NO_SETS];
    layers[kind] = isSame ? before.layers[kind]! : own ? [...own, ...shared] : shared;
    resources[kind] = isSame
      ? before.resources[kind]!
      : own
        ? own.reduceRight((map, set) => layer(set, map), merged(shared))
        : merged(shared);
  }
  return snapshotOfLayers(layers, resources, outbound, serverNames);
}

/** What a proxy does not share, the uppermost first. */
export function ownOf(
  { layers, shared }: Pick<ProxySnapshot, "layers" | "shared">,
  kind: ResourceKind,
): readonly ResourceSet[] {
  const sets = layers[kind] ?? NO_SETS;
  return sets.slice(0, sets.length - (shared[kind]?.length ?? 0));
}

/** The objects that a resource was made from, the one that shaped it most first; empty for what no object asked for. */
export function sourcesOf(snapshot: ProxySnapshot, kind: ResourceKind, name: string): readonly Source[] {
  for (const { sources, hidden } of snapshot.layers[kind] ?? []) {
    const found = sources.get(name);
    if (found) return found;
    if (hidden.has(name)) return [];
  }
  return [];
}

type Merged = Partial<Record<ResourceKind, ResourceMap>>;

const mergedLists = new WeakMap<readonly ResourceSet[], ResourceMap>();

/** Once for all proxies that share it. */
function merged(shared: readonly ResourceSet[]): ResourceMap {
  const known = mergedLists.get(shared) ?? merge(shared);
  mergedLists.set(shared, known);
  return known;
}

export function merge(sets: readonly ResourceSet[]): ResourceMap {
  return sets.reduceRight<ResourceMap>((below, set) => layer(set, below), NONE);
}

export function snapshotOfLayers(
  layers: Layers,
  resources: Merged,
  shared: OutboundSets,
  serverNames: ReadonlySet<string>,
): ProxySnapshot {
  let version: string | undefined;
  return {
    get version() {
      version ??= versionOf(layers);
      return version;
    },
    resources,
    layers,
    shared,
    serverNames,
  };
}

function versionOf(layers: Layers): string {
  const versions = SEND_ORDER.flatMap((kind) => (layers[kind] ?? NO_SETS).map((set) => set.version));
  return contentVersion(Buffer.from(versions.join()));
}
