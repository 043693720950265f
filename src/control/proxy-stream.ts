// One proxy's discovery stream: who it is, what it gets, what it said of it.

import { logger } from "../base/log.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";
import { changesBetween } from "../compile/changes.ts";
import { MESH_INBOUND } from "../compile/listener-names.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { lengthOf } from "../grpc/message.ts";
import type { CallHandler, CallPeer, ServerCall } from "../grpc/server.ts";
import type { Workload } from "../model/workload.ts";
import { deltaResponseParts } from "../xds/delta-response.ts";
import { DeltaServer, type Pending, type TypeStatus } from "../xds/delta-server.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { DeltaDiscoveryRequest } from "../xds/gen/envoy/service/discovery/v3/discovery_pb.ts";
import type { HeldResource } from "../xds/held.ts";
import { RequestReader } from "../xds/request-reader.ts";
import type { Resource } from "../xds/resource.ts";
import { kindOfTypeUrl, type ResourceKind } from "../xds/type-urls.ts";
import type { ControlMetrics } from "./metrics.ts";
import { type Cost, StreamCost } from "./stream-cost.ts";

const log = logger("control");

const NO_NAMES: ReadonlySet<string> = new Set();

/** Of all streams. */
const requests = new RequestReader();

/** Requests of a proxy whose workload is not known yet: its first ones, for each type. More than this is not a proxy of ours. */
const MAX_WAITING_REQUESTS = 64;
/** And than so many bytes: who resumes lists all that it has, 100 bytes a resource. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * What is known of a node that proved `principal`: `unknown` while its workload is not registered, or was not compiled yet; `stranger`
 * when its workload is another's.
 */
export type LookUp =
  | { readonly kind: "found"; readonly workload: Workload; readonly snapshot: ProxySnapshot }
  | { readonly kind: "unknown" }
  | { readonly kind: "stranger" };

/** What the stream asks of the service that it belongs to. */
export interface StreamHost {
  readonly metrics: ControlMetrics;
  /** How long a route may wait for the clusters that it names. */
  readonly patienceMs: number;
  lookUp(principal: string, node: Node): LookUp;
  onIdentified(stream: ProxyStream): void;
  /** The server names that the proxy takes with what it acknowledged; none when it refused the first that it was given. */
  onServerNames(stream: ProxyStream, serverNames: ReadonlySet<string>): void;
  /** It acknowledged or refused something. */
  onAnswered(): void;
  onOver(stream: ProxyStream): void;
}

/**
 * - `anonymous`: no request with a node came yet.
 * - `waiting`: its workload is not registered, or was not compiled yet. Its requests wait.
 * - `serving`: it has a snapshot.
 */
type State =
  | { readonly kind: "anonymous" }
  | { readonly kind: "waiting"; readonly node: Node; readonly requests: DeltaDiscoveryRequest[]; bytes: number }
  | {
      readonly kind: "serving";
      readonly node: Node;
      workload: Workload;
      snapshot: ProxySnapshot;
      readonly server: DeltaServer;
    };

export class ProxyStream implements CallHandler {
  readonly connectedAt = Date.now();
  readonly #call: ServerCall;
  readonly #host: StreamHost;
  /** The listener of the mesh port that was sent last. One response of a type is on its way at a time, so no other can be acknowledged. */
  #sent: { readonly version: string; readonly serverNames: ReadonlySet<string> } | undefined;
  /** Version of that listener whose server names the host was told. */
  #toldVersion: string | undefined;
  #state: State = { kind: "anonymous" };
  #lastRefusal: string | undefined;
  readonly #cost = new StreamCost();
  /** What stays back, as of the arming of the alarm; what came to it later has its own time. */
  #heldBack: Resource[] = [];
  /** And what stays for its routes' sake. */
  #orphaned: HeldResource[] = [];
  readonly #patience = new Alarm(() => this.#losePatience());
  #over = false;

  constructor(call: ServerCall, host: StreamHost) {
    this.#call = call;
    this.#host = host;
  }

  get node(): Node | undefined {
    return this.#state.kind === "anonymous" ? undefined : this.#state.node;
  }

  get workload(): Workload | undefined {
    return this.#state.kind === "serving" ? this.#state.workload : undefined;
  }

  get snapshot(): ProxySnapshot | undefined {
    return this.#state.kind === "serving" ? this.#state.snapshot : undefined;
  }

  /** One object for all streams of a connection. */
  get peer(): CallPeer {
    return this.#call.peer;
  }

  get principal(): string {
    return this.#call.peer.principal;
  }

  /** DER of the certificate that the proxy showed. */
  get certificate(): Uint8Array | undefined {
    return this.#call.peer.certificate;
  }

  get address(): string {
    return this.#call.peer.address;
  }

  /** What the proxy refused last, in its words; undefined when it took everything since. */
  get lastRefusal(): string | undefined {
    return this.#lastRefusal;
  }

  /** What the proxy is to have and has not acknowledged. */
  get unacknowledged(): ReturnType<DeltaServer["unacknowledged"]> {
    return this.#state.kind === "serving" ? this.#state.server.unacknowledged() : [];
  }

  /** What it asked for, as it is to have it. */
  asked(kind: ResourceKind): Iterable<Resource> {
    return this.#state.kind === "serving" ? this.#state.server.asked(kind) : [];
  }

  /** What it cost so far. */
  get cost(): Cost {
    return this.#cost.sum;
  }

  /** What of its snapshot may not be in force yet. Names are told once it is past its start: until then it may lack all of them. */
  get pending(): readonly Pending[] {
    if (this.#state.kind !== "serving") return [];
    const { server } = this.#state;
    const lacking = server.lacking();
    return lacking.length > 0 ? lacking : server.pending();
  }

  get status(): readonly TypeStatus[] {
    return this.#state.kind === "serving" ? this.#state.server.status() : [];
  }

  onMessage(message: Buffer): void {
    let request: DeltaDiscoveryRequest;
    try {
      request = requests.read(message);
    } catch {
      this.#end("INVALID_ARGUMENT", "bytes are not a DeltaDiscoveryRequest");
      return;
    }
    if (this.#state.kind === "serving") this.#take(this.#state, request);
    else this.#wait(request, message.length);
  }

  #wait(request: DeltaDiscoveryRequest, bytes: number): void {
    const state = this.#state;
    if (state.kind === "anonymous") {
      // It can never be a workload's, so nothing of it is kept: whoever reaches the port may open streams.
      if (this.principal === "") {
        this.#end("UNAUTHENTICATED", "the connection proved no identity");
        return;
      }
      if (!request.node) {
        this.#end("INVALID_ARGUMENT", "the first request of a stream must carry the node");
        return;
      }
      this.#state = { kind: "waiting", node: request.node, requests: [request], bytes };
    } else if (state.kind === "waiting") {
      state.requests.push(request);
      state.bytes += bytes;
      if (state.requests.length > MAX_WAITING_REQUESTS || state.bytes > MAX_WAITING_BYTES) {
        this.#end("RESOURCE_EXHAUSTED", "too many requests before the workload is known");
        return;
      }
    }
    this.refresh();
  }

  /** A new compilation: the stream finds its workload, or its snapshot changed. True when something was sent. */
  refresh(): boolean {
    const state = this.#state;
    if (state.kind === "anonymous" || this.#over) return false;
    const found = this.#host.lookUp(this.principal, state.node);
    if (found.kind === "stranger") {
      this.#end("PERMISSION_DENIED", `node ${state.node.id} is not of ${this.principal}`);
      return false;
    }
    if (found.kind === "unknown") return false; // a workload that went away keeps what it has until its proxy goes, too
    const { workload, snapshot } = found;
    if (state.kind === "serving") {
      state.server.update(snapshot, changesBetween(state.snapshot, snapshot));
      state.workload = workload;
      state.snapshot = snapshot;
      return this.#push(state);
    }
    const serving: State = { kind: "serving", node: state.node, workload, snapshot, server: new DeltaServer(snapshot) };
    this.#state = serving;
    this.#host.onIdentified(this);
    for (const request of state.requests) this.#take(serving, request);
    return state.requests.length > 0;
  }

  #take(serving: State & { kind: "serving" }, request: DeltaDiscoveryRequest): void {
    if (this.#over) return;
    const { server } = serving;
    const received = server.receive(request);
    this.#cost.took(received);
    switch (received.kind) {
      case "nack":
        this.#lastRefusal = received.reason;
        this.#host.metrics.refused(received.type, serving.node.id, request.errorDetail?.code ?? 2);
        log.warn("a proxy refused its configuration", {
          proxy: this.node?.id,
          type: received.type,
          reason: received.reason,
        });
        // Without that listener it takes nothing on the leg, however long it lives.
        if (received.type === "lds" && server.acknowledged("lds", MESH_INBOUND) === undefined)
          this.#host.onServerNames(this, NO_NAMES);
        break;
      case "ack":
        this.#lastRefusal = undefined;
        this.#host.metrics.accepted(received.type, serving.node.id);
        break;
      case "unknown-type":
        log.debug("a proxy asked for a type that is not served", { proxy: this.node?.id, type: received.typeUrl });
        break;
      case "too-many-names":
        this.#end("RESOURCE_EXHAUSTED", `more than ${received.limit} names of ${received.type}`);
        return;
      case "request":
        if (request.responseNonce !== "")
          this.#host.metrics.expiredNonce(kindOfTypeUrl(request.typeUrl) ?? request.typeUrl);
        break;
    }
    this.#tellServerNames(serving);
    this.#push(serving);
    if (received.kind === "ack" || received.kind === "nack") this.#host.onAnswered();
  }

  /** After an acknowledgement, and after a request that says what the proxy kept from the stream before. */
  #tellServerNames({ server, snapshot }: State & { kind: "serving" }): void {
    const version = server.acknowledged("lds", MESH_INBOUND);
    if (version === undefined || version === this.#toldVersion) return;
    const isNewest = snapshot.resources.lds?.get(MESH_INBOUND)?.version === version;
    const names = isNewest
      ? snapshot.serverNames
      : this.#sent?.version === version
        ? this.#sent.serverNames
        : undefined;
    if (!names) return;
    this.#toldVersion = version;
    this.#host.onServerNames(this, names);
  }

  /** A slow proxy holds back nothing but itself: what changes meanwhile becomes one response. */
  #push({ server, snapshot }: State & { kind: "serving" }): boolean {
    let sent = false;
    for (let startedAt = performance.now(); ; startedAt = performance.now()) {
      const response = server.next();
      if (!response) {
        this.#watchHeldBack(server);
        return sent;
      }
      sent = true;
      const mesh = response.kind === "lds" && response.resources.find(({ name }) => name === MESH_INBOUND);
      if (mesh && mesh.resource !== undefined)
        this.#sent = { version: mesh.resource.version, serverNames: snapshot.serverNames };
      const parts = deltaResponseParts(response);
      const bytes = lengthOf(parts);
      this.#cost.pushed(response, bytes);
      const encodedAt = performance.now();
      const writable = this.#call.sendParts(parts);
      const sentAt = performance.now();
      this.#host.metrics.pushed(response.kind, bytes, sentAt - startedAt, sentAt - encodedAt);
      if (!writable) return sent;
    }
  }

  #watchHeldBack(server: DeltaServer): void {
    if (isEmpty(server.heldBack()) && isEmpty(server.orphanedClusters())) timers.disarm(this.#patience);
    else if (!this.#patience.armed) {
      this.#heldBack = [...server.heldBack()];
      this.#orphaned = [...server.orphanedClusters()];
      timers.arm(this.#patience, this.#host.patienceMs);
    }
  }

  #losePatience(): void {
    if (this.#state.kind !== "serving" || this.#over) return;
    const { server } = this.#state;
    server.release(this.#heldBack.splice(0));
    server.releaseClusters(this.#orphaned.splice(0));
    this.#push(this.#state);
  }

  onWritable(): void {
    if (this.#state.kind === "serving") this.#push(this.#state);
  }

  #end(
    code: "INTERNAL" | "INVALID_ARGUMENT" | "PERMISSION_DENIED" | "RESOURCE_EXHAUSTED" | "UNAUTHENTICATED",
    message: string,
  ): void {
    log.warn("discovery stream ended", { principal: this.principal, reason: message });
    this.#call.end({ code, message });
    this.#finish();
  }

  /** The same proxy opened so many streams since that this one can only be left over. */
  supersede(): void {
    this.#end("RESOURCE_EXHAUSTED", "the proxy opened too many streams after this one");
  }

  /** The configuration could not be made: the proxy keeps what it has, and comes back. */
  fail(): void {
    this.#end("INTERNAL", "the configuration could not be made");
  }

  onEnd(): void {
    this.#call.end();
    this.#finish();
  }

  onCancel(): void {
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.#patience);
    this.#heldBack = [];
    this.#orphaned = [];
    this.#host.onOver(this);
  }
}

function isEmpty(items: Iterable<unknown>): boolean {
  return items[Symbol.iterator]().next().done === true;
}
