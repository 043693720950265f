// From a mesh to what each proxy must know. Pure: the same mesh and the same acknowledgements give the same bytes; what is remembered
// between two compilations saves work and changes nothing.

import { proxiedWorkloads } from "../model/lookup.ts";
import type { ClientSelector } from "../model/match.ts";
import type { InboundPorts, Mesh } from "../model/mesh.ts";
import type { ProxyScope } from "../model/proxy-scope.ts";
import { type Workload, type WorkloadKey, type WorkloadProxy, workloadKey } from "../model/workload.ts";
import { CompileCache } from "./cache.ts";
import { CredentialSecrets } from "./credential-secrets.ts";
import { compileGateway, isGateway } from "./gateway.ts";
import { type AcknowledgedServerNames, handsLegsOn } from "./leg.ts";
import { passageEndpoints } from "./leg-passage.ts";
import { localCluster } from "./local-cluster.ts";
import { originateAll } from "./origination.ts";
import type { OutboundSets } from "./outbound-sets.ts";
import { serverFirstPorts } from "./outside.ts";
import { compileOwn } from "./own.ts";
import { inputsFor, PatchProgram, programKey } from "./patch/program.ts";
import { patchedSnapshot } from "./patch/snapshot.ts";
import type { Compiled } from "./provenance.ts";
import { type OwnSets, type ProxySnapshot, snapshotOf } from "./proxy-snapshot.ts";
import { scopedMeshOf } from "./scoped.ts";
import { proxyTelemetry } from "./telemetry.ts";
import { outboundOf, type SharedOutbound, type ViewState } from "./view-outbound.ts";
import { type View, viewFrom, viewOf } from "./visibility.ts";

/** A mesh being compiled: what several proxies need is made when the first of them is compiled, and shared by all. */
export interface SharedResources extends SharedOutbound {
  readonly selectors: readonly ClientSelector[];
  /** What proxies were told before. */
  readonly kept: KeptProxies;
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
    [...inputs.patches, ...inputs.extensions],
    () => new PatchProgram(inputs, workload),
  );
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
  const serverFirst = serverFirstPorts(mesh).join();
  const secrets = view.holder && [mesh.credentials, mesh.clientPolicies];
  return [
    workload,
    view.key,
    scope,
    bindings,
    handsLegsOn(mesh),
    serverFirst,
    ...policies,
    settings,
    routing,
    ...(secrets ?? []),
  ];
}

/** All that `compileGateway` looks at. */
function gatewayInputs({ mesh }: SharedResources, workload: Workload, view: View) {
  const { gateways, gatewayRoutes, credentials, services, clientPolicies, telemetries, settings, index } = mesh;
  const { authorizationPolicies, requestAuthentications, keySets } = mesh;
  const bindings = index.inboundPorts.get(workloadKey(workload));
  const written = [gateways, gatewayRoutes, credentials, services, clientPolicies, telemetries, settings];
  const policies = [authorizationPolicies, requestAuthentications, keySets];
  return [workload, view.key, bindings, ...written, ...policies];
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
