// All changes to the configuration of one proxy, and what they make of a set of its resources. Proxies with the same changes share the program,
// and what it makes of sets that they share.

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { EnvoyPatches, ProxyMatch } from "../../model/envoy-patch.ts";
import type { Mesh } from "../../model/mesh.ts";
import { byAge, compareText, type Origin, originKey } from "../../model/origin.ts";
import type { TrafficExtension } from "../../model/traffic-extension.ts";
import type { Workload } from "../../model/workload.ts";
import { type Cluster, ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { parseVirtualHostName } from "../../xds/names.ts";
import { decodeResource, encodeResource, type Resource } from "../../xds/resource.ts";
import type { ResourceKind, ResourceMessage } from "../../xds/type-urls.ts";
import type { Compiled, Source } from "../provenance.ts";
import { type ResourceSet, resourceSet } from "../resource-set.ts";
import { clusterContext, type ProxyFacts } from "./istio-names.ts";
import { patchListener } from "./listeners.ts";
import { inContext, matchesCluster } from "./match.ts";
import { Changed, inserted, merge, type Patch, patchesOf, patchOf } from "./patch.ts";
import { patchRoutes, patchVirtualHost } from "./routes.ts";
import { type PlacedExtension, placeExtensions } from "./traffic-extensions.ts";
import { fetchClusters } from "./wasm.ts";

/** What patches may change. */
export const PATCHED_KINDS: readonly ResourceKind[] = ["lds", "cds", "rds", "vhds"];

/** Whose behaviour Heddle's configuration has: what patches for certain versions of Istio's proxies ask for. */
const ISTIO_VERSION = "1.32.0";

export interface ProgramInputs {
  readonly patches: readonly EnvoyPatches[];
  readonly extensions: readonly TrafficExtension[];
}

/** What patches may ask of a proxy. */
export type DescribedWorkload = Pick<Workload, "name" | "namespace" | "cluster" | "serviceAccount" | "workloadName">;

/** Undefined: nobody wants to change what the workload's proxy is told. Heddle's proxy takes no changes. */
export function inputsFor(mesh: Mesh, workload: Workload): ProgramInputs | undefined {
  if (workload.proxy?.kind !== "envoy") return undefined;
  const patches = patchesFor(mesh, workload);
  const extensions = mesh.index.trafficExtensions.of(workload);
  if (patches.length + extensions.length === 0) return undefined;
  return { patches, extensions: extensions.toSorted(byAge) };
}

/** In Istio's order (PushContext.EnvoyFilters). */
export function patchesFor(
  { index, settings }: Mesh,
  workload: Pick<Workload, "namespace" | "labels">,
): readonly EnvoyPatches[] {
  const isRoot = ({ origin }: EnvoyPatches) => settings.rootNamespaces.includes(origin.namespace);
  return index.envoyPatches
    .of(workload)
    .toSorted(
      (a, b) =>
        a.priority - b.priority ||
        Number(isRoot(b)) - Number(isRoot(a)) ||
        a.createdAt - b.createdAt ||
        compareText(nameOf(a), nameOf(b)),
    );
}

/** Objects that change what the workload's proxy is told, whatever of it is left to see. */
export function changersOf(mesh: Mesh, workload: Workload): readonly Origin[] {
  const inputs = inputsFor(mesh, workload);
  if (!inputs) return [];
  const patches = inputs.patches.filter((each) => chosenOf(each, workload).length > 0);
  return [...patches, ...inputs.extensions].map(({ origin }) => origin);
}

function nameOf({ origin }: EnvoyPatches): string {
  return `${origin.name}.${origin.namespace}`;
}

/** What tells programs apart. */
export function programKey({ patches, extensions }: ProgramInputs, workload: Workload): string {
  const chosen = patches.map((each) => [originKey(each.origin), chosenOf(each, workload)]);
  return JSON.stringify([chosen, extensions.map(({ origin }) => originKey(origin)), factsOf(workload)]);
}

/** Places of the patches that are for this proxy, by what it says of itself. */
export function chosenOf({ patches }: EnvoyPatches, workload: DescribedWorkload): readonly number[] {
  return patches.flatMap(({ proxy }, i) => (!proxy || isMeant(proxy, workload) ? [i] : []));
}

function isMeant({ version, metadata }: ProxyMatch, workload: DescribedWorkload): boolean {
  if (version !== undefined && !matchesVersion(version)) return false;
  const known = nodeMetadata(workload);
  return Object.entries(metadata).every(([key, value]) => known[key] === value);
}

/** Of six characters, whatever the expression. RE2's own syntax that JavaScript does not have fits nothing. */
function matchesVersion(expression: string): boolean {
  try {
    return new RegExp(expression).test(ISTIO_VERSION);
  } catch {
    return false;
  }
}

/** Istio's names. */
function nodeMetadata({
  name,
  namespace,
  cluster,
  serviceAccount,
  workloadName,
}: DescribedWorkload): Record<string, string> {
  return {
    ISTIO_VERSION,
    NAME: name,
    NAMESPACE: namespace,
    CLUSTER_ID: cluster,
    SERVICE_ACCOUNT: serviceAccount,
    WORKLOAD_NAME: workloadName,
  };
}

function factsOf({ proxy }: Workload): ProxyFacts {
  return { gateway: proxy?.gateway !== undefined, upstreams: proxy?.upstreams ?? [] };
}

type Made = Compiled | "removed";

export class PatchProgram {
  readonly #patches: readonly Patch[];
  readonly #extensions: readonly PlacedExtension[];
  readonly #proxy: ProxyFacts;
  readonly #fetched: readonly (readonly [Cluster, Source])[];
  readonly #patchesRoutes: boolean;
  readonly #sets = new WeakMap<ResourceSet, ResourceSet>();
  /** Sets come and go with one of their resources. */
  readonly #made = new WeakMap<Resource, Made>();

  constructor({ patches, extensions }: ProgramInputs, workload: Workload) {
    this.#patches = patches.flatMap((each) => {
      const chosen = new Set(chosenOf(each, workload));
      return each.patches.flatMap((patch, i) => (chosen.has(i) ? [patchOf(each.origin, patch)] : []));
    });
    this.#extensions = placeExtensions(extensions);
    this.#proxy = factsOf(workload);
    this.#fetched = fetchClusters(extensions);
    this.#patchesRoutes = patchesOf(this.#patches, "route-configuration", "virtual-host", "http-route").length > 0;
  }

  /** The set with everything changed that is meant; the very set when nothing is. */
  patched(set: ResourceSet): ResourceSet {
    const known = this.#sets.get(set);
    if (known) return known;
    const made = this.#patchSet(set);
    this.#sets.set(set, made);
    return made;
  }

  #patchSet(set: ResourceSet): ResourceSet {
    const removed: string[] = [];
    let isSame = true;
    const members = [...set.resources.values()].flatMap((resource): Compiled[] => {
      const sources = set.sources.get(resource.name) ?? [];
      const made = this.#madeOf(resource, sources);
      if (made === "removed") removed.push(resource.name);
      isSame &&= made !== "removed" && made.resource === resource;
      return made === "removed" ? [] : [made];
    });
    return isSame ? set : resourceSet(members, [...new Set([...set.hidden, ...removed])]);
  }

  #madeOf(resource: Resource, sources: readonly Source[]): Made {
    const known = this.#made.get(resource);
    if (known) return known;
    const made = this.#make(resource, sources);
    this.#made.set(resource, made);
    return made;
  }

  #make(resource: Resource, sources: readonly Source[]): Made {
    const changed = new Changed();
    const result = this.#safely(resource, changed);
    if (result === undefined) return "removed";
    return result === resource
      ? { resource, sources }
      : { resource: result, sources: [...sources, ...changed.sources] };
  }

  /** What cannot be changed stays as it is: one resource must not take all others with it. */
  #safely(resource: Resource, changed: Changed): Resource | undefined {
    try {
      return this.#patch(resource, changed);
    } catch {
      return resource;
    }
  }

  /** The very resource when nothing is changed; undefined when it is taken away. */
  #patch(resource: Resource, changed: Changed): Resource | undefined {
    switch (resource.kind) {
      case "lds": {
        const change = { patches: this.#patches, extensions: this.#extensions, proxy: this.#proxy };
        const listener = patchListener(decodeResource("lds", resource.bytes), change, changed);
        return listener && this.#encoded(resource, "lds", listener, changed);
      }
      case "rds": {
        if (!this.#patchesRoutes) return resource;
        const routes = decodeResource("rds", resource.bytes);
        patchRoutes(routes, this.#patches, this.#proxy, changed);
        return this.#encoded(resource, "rds", routes, changed);
      }
      case "vhds": {
        if (!this.#patchesRoutes) return resource;
        const host = decodeResource("vhds", resource.bytes);
        const routes = parseVirtualHostName(host.name)?.route ?? "";
        const result = patchVirtualHost(host, routes, this.#patches, this.#proxy, changed);
        return result === "removed" ? undefined : this.#encoded(resource, "vhds", host, changed);
      }
      case "cds":
        return this.#patchCluster(resource, changed);
      default:
        return resource;
    }
  }

  #encoded<Kind extends ResourceKind>(
    before: Resource,
    kind: Kind,
    message: ResourceMessage<Kind>,
    changed: Changed,
  ): Resource {
    return changed.sources.length === 0 ? before : encodeResource(kind, message);
  }

  #patchCluster(resource: Resource, changed: Changed): Resource | undefined {
    const { name } = resource;
    const place = clusterContext(name, this.#proxy);
    let cluster: Cluster | undefined;
    const read = () => {
      cluster ??= decodeResource("cds", resource.bytes);
      return cluster;
    };
    for (const patch of patchesOf(this.#patches, "cluster")) {
      if (!inContext(patch, place) || !matchesCluster(patch, name, () => servicesOf(read()))) continue;
      if (patch.operation === "remove") return undefined;
      if (merge(ClusterSchema, read(), patch)) changed.by(patch);
    }
    if (!cluster || changed.sources.length === 0) return resource;
    cluster.name = name;
    return encodeResource("cds", cluster);
  }

  /** Clusters and listeners that are new to the proxy. Of one name the first counts. */
  get added(): Readonly<Partial<Record<ResourceKind, ResourceSet>>> {
    return {
      cds: resourceSet(this.#addedClusters(), []),
      lds: resourceSet(this.#added("listener", "lds", ListenerSchema), []),
    };
  }

  #addedClusters(): readonly Compiled[] {
    const fetched = this.#fetched.map(([cluster, source]) => ({
      resource: encodeResource("cds", cluster),
      sources: [source],
    }));
    return distinct([...fetched, ...this.#added("cluster", "cds", ClusterSchema)]);
  }

  #added<Kind extends "cds" | "lds", Schema extends DescMessage>(
    target: Patch["target"],
    kind: Kind,
    schema: Schema,
  ): readonly Compiled[] {
    return distinct(
      patchesOf(this.#patches, target).flatMap((patch) => {
        if (patch.operation !== "add" || !this.#isFor(patch)) return [];
        const message = inserted(schema, patch) as (MessageShape<Schema> & ResourceMessage<Kind>) | undefined;
        return message ? [{ resource: encodeResource(kind, message), sources: [patch.source] }] : [];
      }),
    );
  }

  #isFor(patch: Patch): boolean {
    if (this.#proxy.gateway) return inContext(patch, "gateway");
    return inContext(patch, "inbound") || inContext(patch, "outbound");
  }
}

function servicesOf({ metadata }: Cluster): readonly string[] {
  const services = metadata?.filterMetadata.istio?.services;
  if (!Array.isArray(services)) return [];
  return services.flatMap((service) =>
    typeof service === "object" && service !== null && "host" in service ? [String(service.host)] : [],
  );
}

function distinct(members: readonly Compiled[]): readonly Compiled[] {
  const byName = new Map<string, Compiled>();
  for (const member of members) if (!byName.has(member.resource.name)) byName.set(member.resource.name, member);
  return [...byName.values()];
}
