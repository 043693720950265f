// The server's end of one delta xDS stream as a state machine: requests and snapshots in, responses out; no socket, no clock. Responses
// are pulled, so that a slow client holds back nothing but itself, and whatever changes meanwhile becomes one response.

import type { DeltaResponse, SentResource } from "./delta-response.ts";
import { gateOf, heldBack, orphanedClusters } from "./gate.ts";
import type { DeltaDiscoveryRequest } from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { HeldResource } from "./held.ts";
import { virtualHostName } from "./names.ts";
import type { Resource } from "./resource.ts";
import { type Refusal, ServerType } from "./server-type.ts";
import { type Changes, changedNames, resourcesOf, type Snapshot } from "./snapshot.ts";
import { kindOfTypeUrl, type ResourceKind, SEND_ORDER } from "./type-urls.ts";
import { virtualHostsOf } from "./virtual-host-lookup.ts";

export interface DeltaServerOptions {
  /** Longest response in bytes; a longer resource still goes, alone. gRPC refuses messages above 4 MiB unless told otherwise. */
  readonly maxResponseBytes?: number;
  /** Most names that a client may be subscribed to, per type: what it can make the server remember. */
  readonly maxNames?: number;
}

const MAX_RESPONSE_BYTES = 4 * 1024 * 1024 - 1024; // leaves room for the response's own fields
const MAX_NAMES = 100_000;
/** Of the words of a NACK: names are looked for in them. What Envoy says beyond it, it says again of the retry. */
const MAX_REASON = 16 * 1024;

/** What a request was, for the caller to log, or to end the stream. */
export type Received =
  | { readonly kind: "request" }
  | { readonly kind: "ack"; readonly type: ResourceKind }
  | { readonly kind: "nack"; readonly type: ResourceKind; readonly reason: string }
  /** A type that is not served. The protocol has no answer to it; the client goes on without. */
  | { readonly kind: "unknown-type"; readonly typeUrl: string }
  /** The stream is to end with RESOURCE_EXHAUSTED. */
  | { readonly kind: "too-many-names"; readonly type: ResourceKind; readonly limit: number };

/** How far a client is with one type. */
export interface TypeStatus {
  readonly kind: ResourceKind;
  /** How many resources it acknowledged and holds. */
  readonly held: number;
  /** Everything it is to have was sent, and answered. */
  readonly synced: boolean;
  /** What it refused, at which version, in its words. It is not sent again until it changes. */
  readonly refusals: readonly Refusal[];
}

/** What a client is not known to have as it should: by name, with its words where it refused it. */
export type Pending =
  | { readonly kind: ResourceKind; readonly whole: true }
  | { readonly kind: ResourceKind; readonly whole: false; readonly names: ReadonlyMap<string, string | undefined> };

/** Whoever has not asked for these yet is only starting. */
const ALWAYS_ASKED: readonly ResourceKind[] = ["cds", "lds"];

export class DeltaServer {
  readonly #maxResponseBytes: number;
  readonly #maxNames: number;
  readonly #types = new Map<ResourceKind, ServerType>();
  #snapshot: Snapshot;
  #nonces = 0;

  /** A stream is made when its client's first snapshot is there; until then the transport leaves the client's requests unread. */
  constructor(snapshot: Snapshot, options: DeltaServerOptions = {}) {
    this.#snapshot = snapshot;
    this.#maxResponseBytes = options.maxResponseBytes ?? MAX_RESPONSE_BYTES;
    this.#maxNames = options.maxNames ?? MAX_NAMES;
  }

  /** Takes a request. `next()` may have something to send after it. */
  receive(request: DeltaDiscoveryRequest): Received {
    const kind = kindOfTypeUrl(request.typeUrl);
    if (kind === undefined) return { kind: "unknown-type", typeUrl: request.typeUrl };
    if (this.#isTooMuch(request)) return { kind: "too-many-names", type: kind, limit: this.#maxNames };
    const known = this.#types.get(kind);
    const type = known ?? new ServerType(kind);
    type.standIns = this.#snapshot.standIns?.[kind];
    this.#types.set(kind, type);
    const received = this.#takeAnswer(type, request);
    const {
      resourceNamesSubscribe: subscribe,
      resourceNamesUnsubscribe: unsubscribe,
      initialResourceVersions: initialVersions,
    } = request;
    type.subscribe({ subscribe, unsubscribe, initialVersions }, resourcesOf(this.#snapshot, kind));
    if (kind === "rds") this.#followRoutes(subscribe, initialVersions);
    if (kind === "vhds" && !known) this.#tellEmpty(this.#types.get("rds")?.subscription.names() ?? []);
    if (type.names > this.#maxNames) return { kind: "too-many-names", type: kind, limit: this.#maxNames };
    return received;
  }

  /**
   * What the client is to have from now on. `changes` tells what differs from the snapshot before, all of it; without them the maps are
   * compared, which costs a look at every name of every map that is not the same object.
   */
  update(snapshot: Snapshot, changes?: Changes): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    for (const [kind, type] of this.#types) {
      type.standIns = snapshot.standIns?.[kind];
      const was = resourcesOf(before, kind);
      const is = resourcesOf(snapshot, kind);
      const names = changes ? changes[kind] : changedNames(was, is);
      if (names) type.changed(names, is);
    }
  }

  /** The next response to send now; undefined until something happens. To be called until it gives none. */
  next(): DeltaResponse | undefined {
    for (const kind of SEND_ORDER) {
      const type = this.#types.get(kind);
      if (!type || type.inFlight) continue;
      const gate = gateOf(kind, this.#types, this.#snapshot);
      const contents = type.respond(resourcesOf(this.#snapshot, kind), gate, this.#maxResponseBytes);
      if (!contents) continue;
      const response = {
        kind,
        nonce: String(++this.#nonces),
        systemVersion: this.#snapshot.version,
        ...contents,
      };
      type.sent(response);
      if (kind === "cds") this.#followClusters(response);
      return response;
    }
    return undefined;
  }

  /** What stays back until the client has the clusters that it names. To be asked after `next()` gave nothing. */
  heldBack(): Iterable<Resource> {
    return heldBack(this.#types, this.#snapshot);
  }

  /** Clusters that are to go and stay for the sake of routes that lead to them. To be asked after `next()` gave nothing. */
  orphanedClusters(): Iterable<HeldResource> {
    return orphanedClusters(this.#types, this.#snapshot);
  }

  /** Has these go all the same, unless the client refused a cluster of theirs: what nobody mends must not hold up all later changes. */
  release(resources: Iterable<Resource>): void {
    for (const resource of resources) this.#types.get(resource.kind)?.released.add(resource);
  }

  /** Has these be removed although routes lead to them: whatever their endpoints were, nobody looks after them any more. */
  releaseClusters(clusters: Iterable<HeldResource>): void {
    for (const cluster of clusters) this.#types.get("cds")?.released.add(cluster);
  }

  /** The version of `name` that the client acknowledged and holds; undefined when it has none. */
  acknowledged(kind: ResourceKind, name: string): string | undefined {
    return this.#types.get(kind)?.held.get(name)?.version;
  }

  /** What the client asked for, is to have, and has not acknowledged; with its words where it refused it. */
  *unacknowledged(): Iterable<{ readonly kind: ResourceKind; readonly name: string; readonly refusal?: string }> {
    for (const [kind, type] of this.#types) {
      const reasons = new Map([...type.refusals].map(({ name, reason }) => [name, reason]));
      for (const name of type.unacknowledged(resourcesOf(this.#snapshot, kind))) {
        const refusal = reasons.get(name);
        yield refusal === undefined ? { kind, name } : { kind, name, refusal };
      }
    }
  }

  /** What of the snapshot the client asked for. */
  *asked(kind: ResourceKind): Iterable<Resource> {
    const type = this.#types.get(kind);
    for (const [name, resource] of type ? resourcesOf(this.#snapshot, kind) : [])
      if (type?.subscription.wants(name)) yield resource;
  }

  /** The kinds of which the client has nothing yet, or a whole on its way. None: it is past its start. */
  lacking(): readonly Pending[] {
    const kinds = ALWAYS_ASKED.filter((kind) => !this.#types.has(kind));
    if (!this.#types.has("rds") && resourcesOf(this.#snapshot, "rds").size > 0) kinds.push("rds");
    for (const [kind, type] of this.#types) if (type.pendsWhole) kinds.push(kind);
    return kinds.map((kind) => ({ kind, whole: true }));
  }

  /** What of the snapshot may not be in force yet. Costs by what changed, not by what there is; empty for a client that is up to date. */
  pending(): readonly Pending[] {
    const all = [...this.lacking()];
    for (const [kind, type] of this.#types) {
      let names: Map<string, string | undefined> | undefined;
      for (const name of type.pending()) {
        names ??= new Map();
        names.set(name, type.refusalOf(name));
      }
      if (names) all.push({ kind, whole: false, names });
    }
    return all;
  }

  /** The types that the client asked for, in the order in which they are sent. */
  status(): readonly TypeStatus[] {
    return SEND_ORDER.flatMap((kind) => {
      const type = this.#types.get(kind);
      return type ? { kind, held: type.held.size, synced: type.idle, refusals: [...type.refusals] } : [];
    });
  }

  /** Before any of it is remembered. */
  #isTooMuch({ resourceNamesSubscribe, initialResourceVersions }: DeltaDiscoveryRequest): boolean {
    if (resourceNamesSubscribe.length > this.#maxNames) return true;
    let count = 0;
    for (const _ in initialResourceVersions) if (++count > this.#maxNames) return true;
    return false;
  }

  /** An answer to a response that is no longer the latest says nothing any more; its (un)subscriptions still count. */
  #takeAnswer(type: ServerType, request: DeltaDiscoveryRequest): Received {
    if (request.responseNonce === "" || request.responseNonce !== type.inFlight?.nonce) return { kind: "request" };
    if (!request.errorDetail) {
      if (type.kind === "rds") this.#lookAtHosts(type.inFlight.resources.filter(({ name }) => !type.held.has(name)));
      type.acknowledge();
      return { kind: "ack", type: type.kind };
    }
    const reason = request.errorDetail.message.slice(0, MAX_REASON);
    type.refuse(reason, resourcesOf(this.#snapshot, type.kind));
    return { kind: "nack", type: type.kind, reason };
  }

  /**
   * Virtual hosts follow their route configuration when the client asks for it: Envoy forgot them when it last dropped it, and tells
   * nobody. What it kept from the stream before, it has.
   */
  #followRoutes(routes: readonly string[], initialVersions: Readonly<Record<string, string>>): void {
    const hosts = this.#types.get("vhds");
    const resources = resourcesOf(this.#snapshot, "vhds");
    for (const route of routes) {
      const members = virtualHostsOf(resources, route);
      if (hosts?.wantsWhole) break;
      if (route in initialVersions) for (const name of members) hosts?.look(name);
      else for (const name of members) hosts?.owe(name);
    }
    this.#tellEmpty(routes.filter((route) => !(route in initialVersions)));
  }

  /** Virtual hosts that came up before their route configuration was there. */
  #lookAtHosts(routes: readonly SentResource[]): void {
    const resources = resourcesOf(this.#snapshot, "vhds");
    for (const { name } of routes)
      for (const host of virtualHostsOf(resources, name)) this.#types.get("vhds")?.look(host);
  }

  /** Envoy keeps a listener down until it hears of a virtual host. The removal of none tells it that there are none. */
  #tellEmpty(routes: Iterable<string>): void {
    const resources = resourcesOf(this.#snapshot, "vhds");
    for (const route of routes) {
      if (virtualHostsOf(resources, route).length === 0)
        this.#types.get("vhds")?.owe(virtualHostName({ route, host: "" }));
    }
  }

  /**
   * Endpoints follow their cluster at once, changed or not: Envoy warms a changed cluster anew, without the endpoints it had, does not
   * subscribe to them again (envoy#13009), and holds the acknowledgement meanwhile.
   */
  #followClusters(response: DeltaResponse): void {
    const endpoints = this.#types.get("eds");
    if (!endpoints) return;
    for (const { resource } of response.resources) {
      for (const name of resource?.references ?? []) {
        const assignment = resourcesOf(this.#snapshot, "eds").get(name);
        if (assignment && endpoints.subscription.wants(name) && !endpoints.refuses(assignment)) endpoints.owe(name);
      }
    }
  }
}
