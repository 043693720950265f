// From a mesh to what each proxy must know. Pure: the same mesh and the same acknowledgements give the same bytes; what is remembered
// between two compilations saves work and changes nothing.

import { proxiedWorkloads } from "../model/lookup.ts";
import type { ClientSelector } from "../model/match.ts";
import type { InboundPorts, Mesh } from "../model/mesh.ts";
import type { ProxyScope } from "../model/proxy-scope.ts";
import { type Workload, type WorkloadKey, type WorkloadProxy, workloadKey } from "../model/workload.ts";
import { contentVersion } from "../xds/resource.ts";
import type { ResourceMap, Snapshot } from "../xds/snapshot.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import { CompileCache, type Moving } from "./cache.ts";
import { CredentialSecrets } from "./credential-secrets.ts";
import { compileGateway, isGateway } from "./gateway.ts";
import { type AcknowledgedServerNames, handsLegsOn } from "./leg.ts";
import { passageEndpoints } from "./leg-passage.ts";
import { localCluster } from "./local-cluster.ts";
import { originateAll } from "./origination.ts";
import { compileCommon, compileOutbound, type Outbound, type OwnOutbound } from "./outbound.ts";
import type { OutboundListening } from "./outbound-routing.ts";
import { laidOver, type OutboundSets } from "./outbound-sets.ts";
import { compileOwn } from "./own.ts";
import { inputsFor, PATCHED_KINDS, PatchProgram, programKey } from "./patch/program.ts";
import type { Compiled, Source } from "./provenance.ts";
import { layer, type ResourceSet, resourceSet } from "./resource-set.ts";
import { compileScoped, scopedMeshOf } from "./scoped.ts";
import { proxyTelemetry } from "./telemetry.ts";
import { commonView, type View, viewFrom, viewOf } from "./visibility.ts";

/** A mesh being compiled: what several proxies need is made when the first of them is compiled, and shared by all. */
export interface SharedResources {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
  readonly selectors: readonly ClientSelector[];
  /** What proxies were told before. */
  readonly kept: KeptProxies;
  /** By the view of what is the same to everybody. */
  readonly common: Map<string, Outbound>;
}

const NONE: ResourceMap = new Map();
const NO_SETS: readonly ResourceSet[] = [];

type Layers = Readonly<Partial<Record<ResourceKind, readonly ResourceSet[]>>>;

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

/**
 * Begins a compilation. `acknowledged` holds, for each workload whose proxy is connected, the server names of the mesh listener that it
 * acknowledged; see `reachOf`. Compile every proxy of the mesh before the next call: what none of them asked for may be forgotten.
 */
export function compileShared(
  mesh: Mesh,
  acknowledged: AcknowledgedServerNames,
  cache: CompileCache = new CompileCache(),
): SharedResources {
  cache.begin(mesh, acknowledged);
  const { selectors } = cache;
  return { mesh, acknowledged, cache, selectors, kept: keptProxies(cache), common: new Map() };
}

/** Everything that the workload's proxy is to have; undefined when it has none. The same object as long as nothing of it changed. */
export function compileProxy(shared: SharedResources, workload: Workload): ProxySnapshot | undefined {
  const { cache, mesh } = shared;
  const { proxy } = workload;
  if (!proxy) return undefined;
  const kept = shared.kept.get(workload);
  const known =
    kept &&
    kept.basis === basisOf(cache, proxy) &&
    isBoundAsBefore(shared, kept) &&
    kept.local === localCluster(mesh, cache, workload) &&
    kept.passing === passingOf(shared, workload, proxy, kept.view)
      ? kept
      : undefined;
  if (!known) return compileAnew(shared, workload, proxy).snapshot;
  const outbound = outboundOf(shared, known.view, known.ofView);
  if (outbound === known.outbound) return known.snapshot;
  const unpatched = snapshotOf(known.own, outbound, known.outbound, known.snapshot.unpatched ?? known.snapshot);
  known.snapshot = known.program ? patchedSnapshot(unpatched, known.program) : unpatched;
  known.outbound = outbound;
  return known.snapshot;
}

/** A snapshot for each workload that has a proxy. */
export function compileProxies(shared: SharedResources): ReadonlyMap<WorkloadKey, ProxySnapshot> {
  const workloads = proxiedWorkloads(shared.mesh);
  const snapshots = new Map<WorkloadKey, ProxySnapshot>();
  for (const [i, key] of shared.mesh.index.proxied.entries()) {
    const snapshot = compileProxy(shared, workloads[i]!);
    if (snapshot) snapshots.set(key, snapshot);
  }
  return snapshots;
}

/** Of thousands few are looked for. */
function isBoundAsBefore({ mesh, cache }: SharedResources, kept: KeptProxy): boolean {
  const { inboundPorts } = mesh.index;
  if (kept.inboundPorts === inboundPorts) return true;
  if (cache.boundOtherwiseSince(kept.inboundPorts).has(kept.key)) return false;
  kept.inboundPorts = inboundPorts;
  return true;
}

/** What a proxy was told last, and what it was made from. */
interface KeptProxy {
  readonly key: WorkloadKey;
  readonly basis: unknown;
  /** Those of a mesh in which it has what it had since. */
  inboundPorts: InboundPorts;
  readonly local: Compiled | undefined;
  /** Endpoints of what a gateway hands on; undefined: it is none. */
  readonly passing: readonly Compiled[] | undefined;
  readonly view: View;
  readonly ofView: ViewState;
  readonly own: OwnSets;
  outbound: OutboundSets;
  readonly program: PatchProgram | undefined;
  snapshot: ProxySnapshot;
}

/** The same object as long as what the proxy has of its own is made from nothing else but its workload, and what leads to that. */
function basisOf(cache: CompileCache, proxy: WorkloadProxy): unknown {
  return isGateway(proxy) || proxy.upstreams.length > 0 ? cache.routed : cache.unrouted;
}

type KeptProxies = WeakMap<Workload, KeptProxy>;

function keptProxies({ references }: CompileCache): KeptProxies {
  return references.get("proxies", [], (): KeptProxies => new WeakMap());
}

function compileAnew(shared: SharedResources, workload: Workload, proxy: WorkloadProxy): KeptProxy {
  const { cache, mesh } = shared;
  const scope = isGateway(proxy) ? undefined : shared.mesh.index.proxyScopes.of(workload);
  const seen = viewOf(workload, proxy, shared.selectors, proxyTelemetry(shared.mesh, workload), scope);
  const { perspectives } = cache;
  const view = viewFrom(seen, perspectives.placeOf(workload), perspectives.holderOf(workload, isGateway(proxy)));
  const ofView = cache.references.get(`view/${view.key}`, [], (): ViewState => ({ of: undefined, kept: undefined }));
  const outbound = outboundOf(shared, view, ofView);
  const key = workloadKey(workload);
  const inputs = isGateway(proxy)
    ? gatewayInputs(shared, workload, view)
    : ownInputs(shared, workload, proxy, view, scope);
  const local = localCluster(mesh, cache, workload);
  const passing = passingOf(shared, workload, proxy, view);
  const own = cache.references.get(`own/${key}`, [local, passing, ...inputs], () =>
    ownSets(shared, workload, ownResources(shared, workload, proxy, view, scope), [
      ...(local ? [local] : []),
      ...(passing ?? []),
    ]),
  );
  const snapshot = cache.references.get(`snapshot/${key}`, [own, outbound], () => snapshotOf(own, outbound));
  const program = programOf(shared, workload);
  const patched = program
    ? cache.references.get(`patched/${key}`, [snapshot, program], () => patchedSnapshot(snapshot, program))
    : snapshot;
  const basis = basisOf(cache, proxy);
  const { inboundPorts } = mesh.index;
  const kept = { key, basis, inboundPorts, local, passing, view, ofView, own, outbound, program, snapshot: patched };
  shared.kept.set(workload, kept);
  return kept;
}

function programOf({ mesh, cache }: SharedResources, workload: Workload): PatchProgram | undefined {
  const inputs = inputsFor(mesh, workload);
  if (!inputs) return undefined;
  const key = programKey(inputs, workload);
  return cache.references.get(
    `program/${key}`,
    [...inputs.patches, ...inputs.plugins],
    () => new PatchProgram(inputs, workload),
  );
}

/** What patches add lies over the rest, but takes no name that is there. */
function patchedSnapshot(unpatched: ProxySnapshot, program: PatchProgram): ProxySnapshot {
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

/** What a proxy does not share, the uppermost first. */
export function ownOf(
  { layers, shared }: Pick<ProxySnapshot, "layers" | "shared">,
  kind: ResourceKind,
): readonly ResourceSet[] {
  const sets = layers[kind] ?? NO_SETS;
  return sets.slice(0, sets.length - (shared[kind]?.length ?? 0));
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

interface OwnSets {
  readonly sets: OutboundSets;
  readonly serverNames: ReadonlySet<string>;
}

/** All that `compileOwn` looks at. Routing only where the proxy has routes of its own. */
function ownInputs(
  { mesh, cache }: SharedResources,
  workload: Workload,
  proxy: WorkloadProxy,
  view: View,
  scope: ProxyScope | undefined,
) {
  const routing = proxy.upstreams.length > 0 ? cache.routingVersion : 0;
  const bindings = mesh.index.inboundPorts.get(workloadKey(workload));
  const { serverPolicies, authorizationPolicies, requestAuthentications, telemetries, keySets, settings } = mesh;
  const policies = [serverPolicies, authorizationPolicies, requestAuthentications, telemetries, keySets];
  const secrets = view.holder && [mesh.credentials, mesh.clientPolicies];
  return [workload, view.key, scope, bindings, handsLegsOn(mesh), ...policies, settings, routing, ...(secrets ?? [])];
}

/** All that `compileGateway` looks at. */
function gatewayInputs({ mesh }: SharedResources, workload: Workload, view: View) {
  const { gateways, gatewayRoutes, credentials, services, clientPolicies, telemetries, settings, index } = mesh;
  const bindings = index.inboundPorts.get(workloadKey(workload));
  const written = [gateways, gatewayRoutes, credentials, services, clientPolicies, telemetries, settings];
  return [workload, view.key, bindings, ...written];
}

function passingOf(
  shared: SharedResources,
  workload: Workload,
  proxy: WorkloadProxy,
  view: View,
): readonly Compiled[] | undefined {
  return isGateway(proxy) ? passageEndpoints(shared, workload, view) : undefined;
}

function ownSets(
  shared: SharedResources,
  workload: Workload,
  own: OwnResources,
  endpoints: readonly Compiled[],
): OwnSets {
  const key = workloadKey(workload);
  const sets = OWN_KINDS.map((kind) => [kind, [shared.cache.sets.share(`${key}/${kind}`, own[kind])]] as const);
  // Endpoints are of all proxies alike, but for the list of the workload's fellows where somebody has zones, and for legs that it hands on.
  const eds = endpoints.length > 0 ? { eds: [shared.cache.sets.share(`${key}/eds`, endpoints)] } : {};
  return { sets: { ...Object.fromEntries(sets), ...eds }, serverNames: own.serverNames };
}

/** `before`: with the same of its own over what it shared then. Kinds of which it shares the same are as they were. */
function snapshotOf(
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

type Merged = Partial<Record<ResourceKind, ResourceMap>>;

const mergedLists = new WeakMap<readonly ResourceSet[], ResourceMap>();

/** Once for all proxies that share it. */
function merged(shared: readonly ResourceSet[]): ResourceMap {
  const known = mergedLists.get(shared) ?? merge(shared);
  mergedLists.set(shared, known);
  return known;
}

function snapshotOfLayers(
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

/** Of these the uppermost layer of a snapshot is the proxy's own. */
const OWN_KINDS = ["lds", "cds", "rds", "vhds", "sds"] as const;

type OwnResources = Readonly<Record<(typeof OWN_KINDS)[number], readonly Compiled[]>> & {
  readonly serverNames: ReadonlySet<string>;
};

function ownResources(
  { mesh, cache }: SharedResources,
  workload: Workload,
  proxy: WorkloadProxy,
  view: View,
  scope: ProxyScope | undefined,
): OwnResources {
  const { memo, routing } = cache;
  if (isGateway(proxy)) return { ...compileGateway({ mesh, memo }, workload, proxy, view), serverNames: new Set() };
  const secrets = new CredentialSecrets(mesh, workload.namespace);
  originateAll(mesh, view, secrets);
  return {
    vhds: [],
    sds: secrets.resources(memo),
    ...compileOwn(
      { mesh: scopedMeshOf(mesh, cache, view).mesh, whole: mesh, memo, routing, scope },
      workload,
      proxy,
      view,
    ),
  };
}

/** What proxies of one view are told, as of the compilation that looked last. */
interface ViewState {
  of: SharedResources | undefined;
  kept: KeptOutbound | undefined;
}

function outboundOf(shared: SharedResources, view: View, state: ViewState): OutboundSets {
  const before = state.kept;
  if (before && state.of === shared) return before.sets;
  const { unrouted, moving } = shared.cache;
  const { routes } = shared.mesh;
  const common = view.scope ? undefined : commonOf(shared, commonView(view));
  const own = before && isKept(shared, before, common) ? before.own : ownOutboundOf(shared, view, common);
  const sets = laidOver(own.sets, common?.sets, before?.sets);
  const listening = common?.routing.listening;
  state.kept = { unrouted, routes, listening, moving, own, sets };
  state.of = shared;
  return sets;
}

/** What proxies of a view were told, and what it was made from. */
interface KeptOutbound {
  readonly unrouted: readonly unknown[];
  readonly routes: Mesh["routes"];
  /** Everybody's: ports are shared. */
  readonly listening: OutboundListening | undefined;
  readonly moving: Moving;
  readonly own: OwnOutbound;
  readonly sets: OutboundSets;
}

function ownOutboundOf(shared: SharedResources, view: View, common: Outbound | undefined): OwnOutbound {
  return common ? compileOutbound(shared, view, common) : compileScoped(shared, view);
}

/** A scope leaves what routes lead to. */
function isKept({ mesh, cache }: SharedResources, before: KeptOutbound, common: Outbound | undefined): boolean {
  if (before.unrouted !== cache.unrouted || before.listening !== common?.routing.listening) return false;
  if (concerns(cache.movedSince(before.moving), before.own)) return false;
  if (before.routes === mesh.routes) return true;
  const rerouted = common && cache.reroutedSince(before.routes);
  return rerouted !== undefined && !concerns(rerouted, before.own);
}

function concerns(moved: ReadonlySet<string>, { hosts }: OwnOutbound): boolean {
  for (const host of moved) if (hosts.has(host)) return true;
  return false;
}

function commonOf(shared: SharedResources, view: View): Outbound {
  const known = shared.common.get(view.key);
  if (known) return known;
  const made = compileCommon(shared, view);
  shared.common.set(view.key, made);
  return made;
}

function merge(sets: readonly ResourceSet[]): ResourceMap {
  return sets.reduceRight<ResourceMap>((below, set) => layer(set, below), NONE);
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
