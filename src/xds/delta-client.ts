// The client's end of one delta xDS session as a state machine: what the proxy wants goes in, responses go in, requests come out; no
// socket, no clock. A session outlives its streams: what was accepted stays in force, and the next stream says so.

import { create } from "@bufbuild/protobuf";
import { ClientType } from "./client-type.ts";
import type { Node } from "./gen/envoy/config/core/v3/base_pb.ts";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import { parseVirtualHostName } from "./names.ts";
import { kindOfTypeUrl, RESOURCE_TYPES, type ResourceKind, SEND_ORDER } from "./type-urls.ts";
import { type Rejection, rejectionText, type Update, updateOf } from "./update.ts";

const INVALID_ARGUMENT = 3; // google.rpc.Code

export class DeltaClient {
  readonly #node: Node;
  readonly #types = new Map<ResourceKind, ClientType>();
  #stream = 0;
  /** Updates that wait for the caller's verdict, and how many of them came on streams before this one. */
  #undecided = 0;
  #undecidedBefore = 0;
  #nodeSent = false;

  constructor(node: Node) {
    this.#node = node;
  }

  /** Wants everything of a type that has a wildcard: listeners, clusters, virtual hosts, the name table. */
  wantAll(kind: ResourceKind): void {
    if (!RESOURCE_TYPES[kind].wildcard) throw new Error(`${kind} has no wildcard subscription`);
    this.#type(kind).wantAll();
  }

  /**
   * Wants exactly these names of a type. The caller forgets what it held of the others, and with a route configuration its virtual
   * hosts: the server will not say any more about them, and sends them again with the route configuration.
   */
  want(kind: ResourceKind, names: ReadonlySet<string>): void {
    this.#type(kind).want(names);
    if (kind === "rds") this.#types.get("vhds")?.forget((name) => !names.has(parseVirtualHostName(name)?.route ?? ""));
  }

  /** A stream was opened, the first or another one. */
  opened(): void {
    this.#stream++;
    this.#undecidedBefore = this.#undecided;
    this.#nodeSent = false;
    for (const type of this.#types.values()) type.opened();
  }

  /** What a response changes. Undefined for a type that was not asked for. The caller answers every update, now or later. */
  receive(response: DeltaDiscoveryResponse): Update | undefined {
    const kind = kindOfTypeUrl(response.typeUrl);
    const type = kind && this.#types.get(kind);
    if (!type) return undefined;
    this.#undecided++;
    return updateOf(type.kind, this.#stream, response, (name) => type.wants(name));
  }

  /**
   * The verdict on an update: what could be taken is in force, and `rejections` name what could not, or could not even be read, whose
   * last good versions stay.
   * Calls to want() that follow from the update belong before it, so that endpoints are asked for before routes to them are sent.
   */
  answer(update: Update, rejections: readonly Rejection[]): void {
    const rejected = new Set(rejections.map(({ name }) => name));
    const type = this.#type(update.kind);
    this.#undecided--;
    if (update.stream !== this.#stream) this.#undecidedBefore--;
    for (const { name, version } of update.resources) if (!rejected.has(name)) type.accepted(name, version);
    for (const name of update.removed) type.removed(name);
    // The stream that asked may be gone; the next one begins with the versions.
    if (update.stream === this.#stream)
      type.answer(update.nonce, rejections.length > 0 ? rejectionText(rejections) : undefined);
  }

  /** The next request to send; undefined when there is none. To be called until it gives none. */
  next(): DeltaDiscoveryRequest | undefined {
    // The first requests of a stream say what is held. What is taken later from an older stream's updates, the server would never learn.
    if (this.#stream === 0 || this.#undecidedBefore > 0) return undefined;
    // Subscriptions before acknowledgements: a server that sees the cluster acknowledged sends the routes to it, and the endpoints first
    // only if it knows by then that they are wanted.
    const type = this.#first((type) => type.subscriptionChanged) ?? this.#first((type) => type.hasAnswer);
    if (!type) return undefined;
    const { subscribe, unsubscribe, initialVersions, nonce, error } = type.takeRequest();
    const request = create(DeltaDiscoveryRequestSchema, {
      typeUrl: RESOURCE_TYPES[type.kind].typeUrl,
      resourceNamesSubscribe: subscribe,
      resourceNamesUnsubscribe: unsubscribe,
      initialResourceVersions: initialVersions,
      responseNonce: nonce,
      ...(error === undefined ? {} : { errorDetail: { code: INVALID_ARGUMENT, message: error } }),
      ...(this.#nodeSent ? {} : { node: this.#node }),
    });
    this.#nodeSent = true;
    return request;
  }

  /** The version of `name` in force; undefined when there is none. */
  version(kind: ResourceKind, name: string): string | undefined {
    return this.#types.get(kind)?.version(name);
  }

  #first(condition: (type: ClientType) => boolean): ClientType | undefined {
    for (const kind of SEND_ORDER) {
      const type = this.#types.get(kind);
      if (type && condition(type)) return type;
    }
    return undefined;
  }

  #type(kind: ResourceKind): ClientType {
    const type = this.#types.get(kind) ?? new ClientType(kind);
    this.#types.set(kind, type);
    return type;
  }
}
