// The discovery service: every connected proxy, and the newest compilation for each of them. Delta alone; the other forms are UNIMPLEMENTED
// by not being there.

import { logger } from "../base/log.ts";
import type { CallPeer, Method } from "../grpc/server.ts";
import { type WorkloadKey, workloadKey } from "../model/workload.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { ControlMetrics } from "./metrics.ts";
import type { Compilation } from "./pipeline.ts";
import { type LookUp, ProxyStream, type StreamHost } from "./proxy-stream.ts";
import type { ProxyProgress } from "./status/reach.ts";

const log = logger("control");

export const ADS_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/**
 * Longer than Envoy waits for what a cluster needs (initial_fetch_timeout, 15 s) before it acknowledges it without, and than people and
 * tools take from one `apply` to the next.
 */
export const DEFAULT_PATIENCE_MS = 20_000;

/** A proxy has one, its agent another. */
const MAX_STREAMS_OF_A_CONNECTION = 64;
/** One, and those of connections that broke and that nobody has noticed yet: a PING does within 40 s. */
const MAX_STREAMS_OF_A_NODE = 8;

const NODE_TYPES: ReadonlySet<string> = new Set(["sidecar", "router", "agent"]);

/**
 * `sidecar~10.1.2.3~pod.namespace~namespace.svc.cluster.local`; `router` in front is a gateway, `agent` what stands beside the proxy and
 * wants names alone.
 */
export function parseNodeId(id: string): { readonly namespace: string; readonly name: string } | undefined {
  const [kind, , instance, ...rest] = id.split("~");
  const dot = instance?.lastIndexOf(".") ?? -1;
  if (kind === undefined || !NODE_TYPES.has(kind) || instance === undefined || dot <= 0 || rest.length !== 1)
    return undefined;
  return { name: instance.slice(0, dot), namespace: instance.slice(dot + 1) };
}

/** That an agent lives says nothing of its proxy, nor does it take what is offered on the leg. */
function isProxy(stream: ProxyStream): boolean {
  return !stream.node?.id.startsWith("agent~");
}

export interface DiscoveryEvents {
  onServerNames(workload: WorkloadKey, serverNames: ReadonlySet<string> | undefined): void;
  /** `node`: how its proxy introduced itself. */
  onConnected(workload: WorkloadKey, node: Node): void;
  /** The last stream of the workload's proxy is gone. */
  onDisconnected(workload: WorkloadKey): void;
  /** What some proxy has in force may be other than before: it came, went, acknowledged or refused. */
  onProgress(): void;
}

/** Envoy's initial_fetch_timeout: a proxy that waited so long for its listeners goes on without them. */
export const DEFAULT_TRUST_MS = 15_000;

export class Discovery implements StreamHost {
  readonly #events: DiscoveryEvents;
  readonly #trustMs: number;
  readonly #streams = new Set<ProxyStream>();
  /** Of proxies that did not say yet what they take. */
  readonly #silent = new Map<ProxyStream, ReturnType<typeof setTimeout>>();
  /** Streams that found their workload, in that order, its agent's too: nobody who comes or goes looks at all the others. */
  readonly #identified = new Map<WorkloadKey, Set<ProxyStream>>();
  /** Streams by connection. */
  readonly #open = new WeakMap<CallPeer, number>();
  /** Connections so far, of workloads that there are. */
  readonly #counts = new Map<WorkloadKey, number>();
  #compilation: Compilation | undefined;

  readonly metrics: ControlMetrics;
  readonly patienceMs: number;

  /** `trustMs`: so long after it came, a proxy is taken to have what it may have kept, or gets at this moment. */
  constructor(
    events: DiscoveryEvents,
    metrics: ControlMetrics,
    trustMs = DEFAULT_TRUST_MS,
    patienceMs = DEFAULT_PATIENCE_MS,
  ) {
    this.#events = events;
    this.metrics = metrics;
    this.#trustMs = trustMs;
    this.patienceMs = patienceMs;
  }

  /** All streams of proxies, those too that wait for their workload. */
  get streams(): ReadonlySet<ProxyStream> {
    return new Set([...this.#streams].filter(isProxy));
  }

  /** How often the workload's proxy has connected since the control plane started. */
  connectionsOf(workload: WorkloadKey): number {
    return this.#counts.get(workload) ?? 0;
  }

  /** How far each proxy that has a configuration is with it. */
  *progress(): Iterable<ProxyProgress> {
    for (const stream of this.#streams) {
      const { workload, snapshot } = stream;
      if (!workload || !snapshot || !isProxy(stream)) continue;
      yield { name: `${workload.namespace}/${workload.name}`, workload, snapshot, pending: stream.pending };
    }
  }

  /** The discovery method of the gRPC service. */
  readonly method: Method = (call) => {
    const open = (this.#open.get(call.peer) ?? 0) + 1;
    if (open > MAX_STREAMS_OF_A_CONNECTION) {
      const message = `more than ${MAX_STREAMS_OF_A_CONNECTION} discovery streams on one connection`;
      call.end({ code: "RESOURCE_EXHAUSTED", message });
      return { onMessage() {}, onEnd() {}, onCancel() {} };
    }
    this.#open.set(call.peer, open);
    const stream = new ProxyStream(call, this);
    this.#streams.add(stream);
    return stream;
  };

  publish(compilation: Compilation): void {
    this.#compilation = compilation;
    for (const key of this.#counts.keys()) if (!compilation.snapshots.has(key)) this.#counts.delete(key);
    const startedAt = performance.now();
    for (const stream of this.#streams) {
      this.metrics.queued(performance.now() - startedAt);
      this.#refresh(stream, compilation);
    }
  }

  /** What goes wrong with one proxy's configuration is not the others' business. */
  #refresh(stream: ProxyStream, { changedAt }: Compilation): void {
    try {
      if (stream.refresh()) this.metrics.converged(performance.now() - changedAt);
    } catch (error) {
      this.metrics.internalError();
      log.error("cannot make the configuration of a proxy", { proxy: stream.node?.id, error });
      stream.fail();
    }
  }

  /** A node's word counts only within the identity that its connection proved. */
  lookUp(principal: string, node: Node): LookUp {
    const compilation = this.#compilation;
    const claimed = parseNodeId(node.id);
    if (!compilation || !claimed) return { kind: "unknown" };
    const { index, settings } = compilation.mesh;
    const cluster = node.metadata?.CLUSTER_ID;
    const workload = index.workloads.get(
      workloadKey({ cluster: typeof cluster === "string" ? cluster : settings.cluster, ...claimed }),
    );
    if (!workload) return { kind: "unknown" };
    if (workload.identity.kind !== "spiffe" || workload.identity.uri !== principal) return { kind: "stranger" };
    const snapshot = compilation.snapshots.get(workloadKey(workload));
    return snapshot ? { kind: "found", workload, snapshot } : { kind: "unknown" };
  }

  onIdentified(stream: ProxyStream): void {
    const key = workloadKey(stream.workload!);
    const siblings = this.#identified.get(key) ?? new Set();
    this.#identified.set(key, siblings.add(stream));
    this.#supersede(stream.node!.id, siblings);
    if (!isProxy(stream)) return;
    log.info("proxy connected", { workload: key, proxy: stream.node?.userAgentName });
    this.#events.onConnected(key, stream.node!);
    this.#counts.set(key, this.connectionsOf(key) + 1);
    this.#events.onProgress();
    // Nothing is acknowledged yet. A thousand proxies that come at once would take all endpoints off the leg, and bring them back.
    this.#silent.set(
      stream,
      setTimeout(() => this.onServerNames(stream, new Set()), this.#trustMs),
    );
  }

  /** Ends the oldest streams of a node that has too many. */
  #supersede(node: string, siblings: ReadonlySet<ProxyStream>): void {
    const same = [...siblings].filter((stream) => stream.node?.id === node);
    for (const stream of same.slice(0, Math.max(0, same.length - MAX_STREAMS_OF_A_NODE))) stream.supersede();
  }

  onServerNames(stream: ProxyStream, serverNames: ReadonlySet<string>): void {
    this.#endSilence(stream);
    if (isProxy(stream)) this.#events.onServerNames(workloadKey(stream.workload!), serverNames);
  }

  #endSilence(stream: ProxyStream): void {
    clearTimeout(this.#silent.get(stream));
    this.#silent.delete(stream);
  }

  onAnswered(): void {
    this.#events.onProgress();
  }

  onOver(stream: ProxyStream): void {
    this.#streams.delete(stream);
    this.#endSilence(stream);
    this.#open.set(stream.peer, (this.#open.get(stream.peer) ?? 1) - 1);
    this.#events.onProgress();
    if (stream.node) this.metrics.forget(stream.node.id);
    const { workload } = stream;
    if (!workload) return;
    const key = workloadKey(workload);
    const siblings = this.#identified.get(key);
    siblings?.delete(stream);
    if (siblings?.size === 0) this.#identified.delete(key);
    if (!isProxy(stream) || siblings?.values().some(isProxy)) return;
    log.info("proxy disconnected", { workload: key });
    this.#events.onServerNames(key, undefined);
    this.#events.onDisconnected(key);
  }
}
