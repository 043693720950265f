// Make before break, between the types of one stream: a route to a cluster is not sent before the client acknowledged the cluster, nor, in
// place of one that works, before there is such a cluster; and a cluster is not removed while the client holds a route to it, until it is
// released: nobody tells its endpoints any more. Endpoints and secrets never wait: Envoy acknowledges a cluster only once it is warm, which
// takes its endpoints and certificates.

import type { HeldResource } from "./held.ts";
import { parseClusterName, parseVirtualHostName } from "./names.ts";
import type { Resource } from "./resource.ts";
import type { Gate, ServerType } from "./server-type.ts";
import { resourcesOf, type Snapshot } from "./snapshot.ts";
import type { ResourceKind } from "./type-urls.ts";
import { routesOf } from "./virtual-host-lookup.ts";

export type Types = ReadonlyMap<ResourceKind, ServerType>;

/** The types whose resources refer to clusters. */
const ROUTING: readonly ResourceKind[] = ["lds", "rds", "vhds"];

/**
 * Whether what the client routes by in place of `resource` is better kept: a cluster that nobody has made yet, a subset whose DestinationRule
 * comes after the VirtualService, is a 503 for each request. Not of names of another form, which a bootstrap may have.
 */
function isAhead(name: string, resource: Resource, type: ServerType): boolean {
  const held = type.held.get(resource.name);
  if (!held || held.references?.includes(name)) return false;
  return parseClusterName(name)?.direction === "outbound";
}

function mayRoute(resource: Resource, type: ServerType, types: Types, snapshot: Snapshot): "yes" | "wait" | "blocked" {
  const clusters = types.get("cds");
  if (!clusters) return "yes";
  const released = type.released.has(resource);
  let blocked = false;
  for (const name of resource.references) {
    if (clusters.held.has(name)) continue;
    const cluster = resourcesOf(snapshot, "cds").get(name);
    // A cluster that is not to be sent has nothing to wait for: it is in the bootstrap, or the user named one that does not exist.
    if (!cluster || !clusters.subscription.wants(name)) blocked ||= !released && isAhead(name, resource, type);
    else if (clusters.refuses(cluster)) blocked = true;
    else if (!released) return "wait";
  }
  return blocked ? "blocked" : "yes";
}

/** Names of clusters that the client may be routing to; undefined when it holds routes from an earlier stream that nobody can read. */
function clustersInUse(types: Types): ReadonlySet<string> | undefined {
  const used = new Set<string>();
  for (const kind of ROUTING) {
    const type = types.get(kind);
    if (!type) continue;
    for (const { references } of [...type.held.values(), ...type.doubted.values()]) {
      if (!references) return undefined;
      for (const name of references) used.add(name);
    }
    for (const { resource } of type.inFlight?.resources ?? [])
      for (const name of resource?.references ?? []) used.add(name);
  }
  return used;
}

function clusterGate(types: Types): Gate {
  let used: ReadonlySet<string> | undefined;
  let known = false;
  return {
    mayAdd: () => "yes",
    mayAddAll: () => "yes",
    mayRemove(name) {
      const clusters = types.get("cds");
      const held = clusters?.held.get(name);
      if (held && clusters?.released.has(held)) return true;
      if (!known) used = clustersInUse(types);
      known = true;
      return used !== undefined && !used.has(name);
    },
  };
}

function endpointGate(types: Types, snapshot: Snapshot): Gate {
  return {
    mayAdd: () => "yes",
    mayAddAll: () => "yes",
    mayRemove(name) {
      // With its cluster gone, the client unsubscribes from them; until then the cluster is on its way out and keeps them.
      const clusters = types.get("cds");
      if (!clusters) return true;
      for (const cluster of [...clusters.due, ...(clusters.inFlight?.removed ?? [])]) {
        if (!resourcesOf(snapshot, "cds").has(cluster) && clusters.held.get(cluster)?.references?.includes(name))
          return false;
      }
      return true;
    },
  };
}

/**
 * Virtual hosts wait for their route configuration: Envoy acknowledges those of one that it does not have yet, and forgets them. Those of
 * one that is not asked for, or was refused, are looked at again when it is acknowledged.
 */
function virtualHostGate(types: Types, snapshot: Snapshot, mayRouteTo: Gate["mayAdd"]): Gate {
  const routes = types.get("rds");
  const stateOf = (route: string | undefined): "there" | "coming" | "absent" => {
    const resource = route === undefined ? undefined : resourcesOf(snapshot, "rds").get(route);
    if (!resource || routes?.held.has(resource.name)) return "there";
    return routes?.subscription.wants(resource.name) && !routes.refuses(resource) ? "coming" : "absent";
  };
  return {
    mayAdd(resource) {
      const state = stateOf(parseVirtualHostName(resource.name)?.route);
      return state === "there" ? mayRouteTo(resource) : state === "coming" ? "wait" : "no";
    },
    mayAddAll(resources) {
      const clusters = types.get("cds");
      const all = clusters?.held.holdsAll(resourcesOf(snapshot, "cds"));
      const begins = clusters?.inFlight && clusters.held.size === 0;
      if (!all && !begins) return "no";
      const states = new Set(routesOf(resources).map(stateOf));
      // Clients ask for routes once they have listeners: until they have what they asked for, they may ask for more.
      if (states.has("absent") && routes?.idle) return "no";
      return all && !states.has("absent") && !states.has("coming") ? "yes" : "wait";
    },
    mayRemove(name) {
      // A virtual host may go at any time; that there are none at all is for a route configuration to hear that is there.
      const parsed = parseVirtualHostName(name);
      return parsed?.host !== "" || stateOf(parsed.route) === "there";
    },
  };
}

const OPEN: Gate = { mayAdd: () => "yes", mayAddAll: () => "yes", mayRemove: () => true };

/** What `kind` may send and remove now. Good until the stream's state changes. */
export function gateOf(kind: ResourceKind, types: Types, snapshot: Snapshot): Gate {
  if (kind === "cds") return clusterGate(types);
  if (kind === "eds") return endpointGate(types, snapshot);
  const type = types.get(kind);
  if (!type || !ROUTING.includes(kind)) return OPEN;
  const mayAdd: Gate["mayAdd"] = (resource) => mayRoute(resource, type, types, snapshot);
  if (kind === "vhds") return virtualHostGate(types, snapshot, mayAdd);
  return { mayAdd, mayAddAll: () => "no", mayRemove: () => true };
}

/**
 * Clusters that are there no more, and that routes as they are to be lead to all the same: a DestinationRule was deleted before the
 * VirtualService that names its subset. To be asked when there is nothing to send.
 */
export function* orphanedClusters(types: Types, snapshot: Snapshot): Generator<HeldResource> {
  const clusters = types.get("cds");
  if (!clusters || clusters.inFlight) return;
  const gone = new Map<string, HeldResource>();
  for (const name of clusters.due) {
    const held = clusters.held.get(name);
    if (held && !resourcesOf(snapshot, "cds").has(name) && !clusters.released.has(held)) gone.set(name, held);
  }
  if (gone.size > 0) yield* routedTo(gone, types, snapshot);
}

/** Those that a route leads to which the client holds as it is to be. */
function* routedTo(gone: Map<string, HeldResource>, types: Types, snapshot: Snapshot): Generator<HeldResource> {
  for (const kind of ROUTING) {
    const held = types.get(kind)?.held;
    for (const { name, version, references } of resourcesOf(snapshot, kind).values()) {
      for (const cluster of references) {
        const orphan = gone.get(cluster);
        if (!orphan || held?.get(name)?.version !== version) continue;
        gone.delete(cluster);
        yield orphan;
      }
    }
  }
}

/** What is due to the client and stays back for the sake of the clusters that it names. To be asked when there is nothing to send. */
export function* heldBack(types: Types, snapshot: Snapshot): Generator<Resource> {
  for (const kind of ROUTING) {
    const type = types.get(kind);
    if (!type || type.inFlight) continue;
    for (const name of type.due) {
      const resource = resourcesOf(snapshot, kind).get(name);
      if (resource && !type.released.has(resource)) yield resource;
    }
  }
}
