// What the proxies reported, by edge: who calls whom, seen from which side. Ingestion writes it, the golden signals and the topology
// are pure functions over it.

import { Increments } from "./increments.ts";

export interface WorkloadRef {
  readonly namespace: string;
  readonly name: string;
  /** Canonical service and revision: what people call the application and its version. */
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
}

export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
  /** Fully qualified, as in `destination_service`. */
  readonly host: string;
}

export type Reporter = "source" | "destination";
export type Protocol = "http" | "grpc" | "tcp";

export interface EdgeIdentity {
  readonly reporter: Reporter;
  readonly protocol: Protocol;
  readonly source: WorkloadRef;
  readonly destination: WorkloadRef;
  readonly service: ServiceRef;
}

/** One way in which requests ended. */
export interface Outcome {
  /** 0: no response. */
  readonly code: number;
  /** Empty for what is not gRPC. */
  readonly grpcStatus: string;
  /** Envoy's short response flags, `-` for none. */
  readonly flags: string;
  readonly requests: Increments;
}

/** One pair of identities that an edge was seen with; `amount` counts requests, or connections of TCP. */
export interface Security {
  readonly policy: string;
  readonly sourcePrincipal: string;
  readonly destinationPrincipal: string;
  readonly amount: Increments;
}

/** Beyond this many, outcomes are kept by class (`500` for 5xx) and identities by policy alone: an application may answer any number. */
const MAX_KINDS = 128;
const MAX_BOUNDS = 64;

export class EdgeRecord {
  readonly identity: EdgeIdentity;
  readonly outcomes = new Map<string, Outcome>();
  readonly securities = new Map<string, Security>();
  /** Durations in ms by upper bound, not cumulative. */
  readonly durations = new Map<number, Increments>();
  readonly durationSumMs = new Increments();
  readonly requestBytes = new Increments();
  readonly responseBytes = new Increments();
  /** gRPC messages, both ways. */
  readonly messages = new Increments();
  readonly connectionsOpened = new Increments();
  readonly connectionsClosed = new Increments();
  /** As the server sees it: sent is what the server sent. */
  readonly bytesSent = new Increments();
  readonly bytesReceived = new Increments();
  lastActiveMs: number;

  constructor(identity: EdgeIdentity, nowMs: number) {
    this.identity = identity;
    this.lastActiveMs = nowMs;
  }

  outcome(code: number, grpcStatus: string, flags: string): Outcome {
    const kept = this.outcomes.size < MAX_KINDS ? code : Math.floor(code / 100) * 100;
    const key = `${kept} ${grpcStatus} ${flags}`;
    return getOrCreate(this.outcomes, key, () => ({ code: kept, grpcStatus, flags, requests: new Increments() }));
  }

  security(policy: string, sourcePrincipal: string, destinationPrincipal: string): Security {
    const full = this.securities.size >= MAX_KINDS;
    const [from, to] = full ? ["unknown", "unknown"] : [sourcePrincipal, destinationPrincipal];
    return getOrCreate(this.securities, `${policy} ${from} ${to}`, () => ({
      policy,
      sourcePrincipal: from,
      destinationPrincipal: to,
      amount: new Increments(),
    }));
  }

  /** Undefined for one bound too many: Envoy's histograms have 20. */
  duration(bound: number): Increments | undefined {
    if (this.durations.size >= MAX_BOUNDS && !this.durations.has(bound)) return undefined;
    return getOrCreate(this.durations, bound, () => new Increments());
  }
}

function getOrCreate<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

/** An edge's rings take 0.4 MB when it is busy the whole day: a mesh that outgrows this has Prometheus. */
const MAX_EDGES = 2_000;
const FORGET_AFTER_MS = 24 * 3_600_000;

function edgeKey({ reporter, protocol, source, destination, service }: EdgeIdentity): string {
  const parts = [reporter, protocol, service.host, service.namespace, service.name];
  for (const side of [source, destination]) parts.push(side.cluster, side.namespace, side.name, side.app, side.version);
  return parts.join("\0");
}

export class TrafficStore {
  readonly #edges = new Map<string, EdgeRecord>();
  readonly #maxEdges: number;
  #full = false;

  constructor(maxEdges = MAX_EDGES) {
    this.#maxEdges = maxEdges;
  }

  /** Some edge found no room. Shown to the operator: a picture that leaves something out must say so. */
  get full(): boolean {
    return this.#full;
  }

  /** The record of an edge, made when there is none; undefined when the store is full. */
  edge(identity: EdgeIdentity, nowMs: number): EdgeRecord | undefined {
    const key = edgeKey(identity);
    const known = this.#edges.get(key);
    if (known) return known;
    if (this.#edges.size >= this.#maxEdges) {
      this.#full = true;
      return undefined;
    }
    const record = new EdgeRecord(identity, nowMs);
    this.#edges.set(key, record);
    return record;
  }

  /** Marks traffic on a record, which comes back if it had expired. */
  touch(record: EdgeRecord, nowMs: number): void {
    if (nowMs - record.lastActiveMs > FORGET_AFTER_MS && this.#edges.size < this.#maxEdges) {
      this.#edges.set(edgeKey(record.identity), record);
    }
    record.lastActiveMs = nowMs;
  }

  edges(): readonly EdgeRecord[] {
    return [...this.#edges.values()];
  }

  /** Drops the edges without traffic for a day. */
  expire(nowMs: number): void {
    for (const [key, record] of this.#edges) {
      if (nowMs - record.lastActiveMs > FORGET_AFTER_MS) this.#edges.delete(key);
    }
    this.#full = this.#full && this.#edges.size >= this.#maxEdges;
  }
}
