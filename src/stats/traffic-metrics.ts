// Istio's metrics of requests and connections, by edge. The proxy records here, and so does the agent beside Envoy from its access log
// stream, so that both report the same.

import { detached } from "./detached.ts";
import { type MetricOverrides, NO_VALUES } from "./metric-overrides.ts";
import {
  REQUEST_BYTES,
  REQUEST_DURATION,
  REQUEST_MESSAGES,
  REQUESTS,
  RESPONSE_BYTES,
  RESPONSE_MESSAGES,
  TCP_CLOSED,
  TCP_OPENED,
  TCP_RECEIVED,
  TCP_SENT,
} from "./names/traffic.ts";
import type { Registry } from "./registry.ts";
import { RequestEdge, type RequestFamilies } from "./request-edge.ts";
import { OVERFLOW_VALUE } from "./series-table.ts";
import { TcpEdge, type TcpFamilies } from "./tcp-edge.ts";
import { messageLabels, type Peer, type Traffic } from "./traffic-labels.ts";

/** Edges beyond this many are counted as one: the Host header and peer metadata are the client's word. */
const MAX_EDGES = 10_000;

const OVERFLOW_PEER: Peer = {
  workload: {
    name: OVERFLOW_VALUE,
    namespace: OVERFLOW_VALUE,
    canonicalName: OVERFLOW_VALUE,
    canonicalRevision: OVERFLOW_VALUE,
    app: OVERFLOW_VALUE,
    version: OVERFLOW_VALUE,
    cluster: OVERFLOW_VALUE,
  },
  principal: "",
};

/** What an edge beyond the limit is reported as; protocol and reporter stay true. */
function overflow({ reporter, protocol }: Traffic): Traffic {
  const service = { host: OVERFLOW_VALUE, name: OVERFLOW_VALUE, namespace: OVERFLOW_VALUE };
  return { reporter, protocol, source: OVERFLOW_PEER, destination: OVERFLOW_PEER, service };
}

export class TrafficMetrics {
  readonly #requestFamilies: RequestFamilies;
  readonly #tcpFamilies: TcpFamilies;
  readonly #maxEdges: number;
  readonly #requestEdges = new Map<string, RequestEdge>();
  readonly #tcpEdges = new Map<string, TcpEdge>();

  constructor(registry: Registry, maxEdges = MAX_EDGES) {
    this.#maxEdges = maxEdges;
    this.#requestFamilies = {
      requests: registry.counter(REQUESTS),
      duration: registry.histogram(REQUEST_DURATION),
      requestBytes: registry.histogram(REQUEST_BYTES),
      responseBytes: registry.histogram(RESPONSE_BYTES),
      requestMessages: registry.counter(REQUEST_MESSAGES),
      responseMessages: registry.counter(RESPONSE_MESSAGES),
    };
    this.#tcpFamilies = {
      opened: registry.counter(TCP_OPENED),
      closed: registry.counter(TCP_CLOSED),
      sent: registry.counter(TCP_SENT),
      received: registry.counter(TCP_RECEIVED),
    };
  }

  /** The edge for this traffic; the same object for the same labels, so keep it rather than ask per request. */
  requests(traffic: Traffic, overrides?: MetricOverrides): RequestEdge {
    const create = (kept: Traffic) => new RequestEdge(this.#requestFamilies, kept, overrides);
    return this.#intern(this.#requestEdges, traffic, overrides?.key ?? "", create);
  }

  /** The edge of TCP connections for this traffic; `flags` as in the access log, `-` for none. `given`: values that the overrides ask for. */
  tcp(traffic: Traffic, flags: string, overrides?: MetricOverrides, given: readonly string[] = NO_VALUES): TcpEdge {
    const values = this.#tcpEdges.size < this.#maxEdges ? given : given.map(() => OVERFLOW_VALUE);
    const create = (kept: Traffic) => new TcpEdge(this.#tcpFamilies, kept, flags, overrides, values.map(detached));
    const kind = overrides ? [flags, overrides.key, ...values].join("\0") : flags;
    return this.#intern(this.#tcpEdges, traffic, kind, create);
  }

  /**
   * Drops the series of outcomes without a request in the last `idleSweeps` calls. Edges stay valid: a later request starts its series
   * anew from 0, which Prometheus reads as a counter's reset.
   */
  sweep(idleSweeps: number): void {
    for (const edge of this.#requestEdges.values()) edge.sweep(idleSweeps);
  }

  #intern<Edge>(edges: Map<string, Edge>, traffic: Traffic, kind: string, create: (traffic: Traffic) => Edge): Edge {
    const key = edgeKey(traffic, kind);
    const known = edges.get(key);
    if (known) return known;
    const full = edges.size >= this.#maxEdges;
    const overflowKey = full ? edgeKey(overflow(traffic), kind) : key;
    let edge = full ? edges.get(overflowKey) : undefined;
    if (!edge) {
      edge = create(full ? overflow(traffic) : kept(traffic));
      edges.set(overflowKey, edge);
    }
    return edge;
  }
}

/** The host may be a slice of a request's head, which an edge must not hold for good. */
function kept(traffic: Traffic): Traffic {
  const { host, name, namespace } = traffic.service;
  return { ...traffic, service: { host: detached(host), name: detached(name), namespace } };
}

function edgeKey(traffic: Traffic, kind: string): string {
  return `${messageLabels(traffic).join("\0")}\0${traffic.protocol}\0${kind}`;
}
