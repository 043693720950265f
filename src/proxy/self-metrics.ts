// What the proxy says of itself for each scrape, under Envoy's names: its state, its clusters, its listeners. Requests do not pay for
// it: they count in plain fields, which are read here.

import { timers } from "../base/timer-wheel.ts";
import { parseCertificates } from "../pki/certificate.ts";
import type { CounterDefinition } from "../stats/definition.ts";
import * as names from "../stats/names/proxy.ts";
import type { Registry } from "../stats/registry.ts";
import type { Configuration } from "./configuration.ts";
import { advance, countOf, type Figure, gaugeOf } from "./figure.ts";
import { filterMetrics } from "./filter-metrics.ts";
import { CLASS_NAMES, httpMetrics } from "./http-metrics.ts";
import type { Listener } from "./listener.ts";
import {
  breakerFigures,
  healthCheckFigures,
  outlierFigures,
  overloadMetrics,
  remainingFigures,
} from "./resilience-metrics.ts";
import { streamedLogMetrics } from "./streamed-log/streamed-log-metrics.ts";
import { tracingMetrics } from "./tracing/tracing-metrics.ts";
import type { UdpListener } from "./udp-listener.ts";
import type { Overflows } from "./upstream/breakers.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

const MS_PER_DAY = 86_400_000;

const LIVE = 0;
const DRAINING = 1;
const INITIALIZING = 3;

function sum(hosts: readonly Host[], read: (host: Host) => number): number {
  return hosts.reduce((total, host) => total + read(host), 0);
}

function clusterFigures(registry: Registry): Figure<Cluster>[] {
  const overflows = (definition: CounterDefinition<readonly ["cluster_name"]>, what: keyof Overflows) =>
    countOf(
      registry.counter(definition),
      ({ breakers, highBreakers }: Cluster) => breakers.overflows[what] + highBreakers.overflows[what],
    );
  return [
    countOf(registry.counter(names.CLUSTER_REQUESTS), ({ stats }) => stats.requests),
    countOf(registry.counter(names.CLUSTER_RETRIES), ({ stats }) => stats.retries),
    countOf(registry.counter(names.CLUSTER_RETRY_SUCCESSES), ({ stats }) => stats.retrySuccesses),
    countOf(registry.counter(names.CLUSTER_RETRY_LIMITS), ({ stats }) => stats.retryLimits),
    countOf(registry.counter(names.CLUSTER_RECEIVED), ({ stats }) => stats.bytes.received),
    countOf(registry.counter(names.CLUSTER_SENT), ({ stats }) => stats.bytes.sent),
    countOf(registry.counter(names.CLUSTER_REQUEST_TIMEOUTS), ({ stats }) => stats.timeouts),
    countOf(
      registry.counter(names.CLUSTER_CONNECTIONS),
      ({ stats, hosts }) => stats.goneConnections + sum(hosts, (host) => host.stats.connections),
    ),
    countOf(
      registry.counter(names.CLUSTER_CONNECT_FAILURES),
      ({ stats, hosts }) => stats.goneConnectFailures + sum(hosts, (host) => host.stats.connectFailures),
    ),
    gaugeOf(registry.gauge(names.CLUSTER_CONNECTIONS_ACTIVE), ({ hosts }) =>
      sum(hosts, (host) => host.stats.activeConnections),
    ),
    gaugeOf(
      registry.gauge(names.CLUSTER_REQUESTS_ACTIVE),
      ({ breakers, highBreakers }) => breakers.requests + highBreakers.requests,
    ),
    gaugeOf(
      registry.gauge(names.CLUSTER_REQUESTS_PENDING),
      ({ breakers, highBreakers }) => breakers.pending + highBreakers.pending,
    ),
    overflows(names.CLUSTER_CONNECTION_OVERFLOWS, "connections"),
    overflows(names.CLUSTER_PENDING_OVERFLOWS, "pending"),
    overflows(names.CLUSTER_REQUEST_OVERFLOWS, "requests"),
    overflows(names.CLUSTER_RETRY_OVERFLOWS, "retries"),
    gaugeOf(registry.gauge(names.CLUSTER_MEMBERS), ({ hosts }) => hosts.length),
    gaugeOf(registry.gauge(names.CLUSTER_MEMBERS_HEALTHY), ({ hosts }) =>
      sum(hosts, ({ health }) => (health === "healthy" ? 1 : 0)),
    ),
    gaugeOf(registry.gauge(names.CLUSTER_MEMBERS_DEGRADED), ({ hosts }) =>
      sum(hosts, ({ isCounted, health }) => (isCounted && health === "degraded" ? 1 : 0)),
    ),
    gaugeOf(registry.gauge(names.CLUSTER_MEMBERS_EXCLUDED), ({ hosts }) =>
      sum(hosts, ({ isCounted }) => (isCounted ? 0 : 1)),
    ),
  ];
}

function listenerFigures(registry: Registry): Figure<Listener>[] {
  return [
    countOf(registry.counter(names.LISTENER_CONNECTIONS), ({ stats }) => stats.accepted),
    countOf(registry.counter(names.LISTENER_OVERFLOWS), ({ stats }) => stats.overflows),
    countOf(registry.counter(names.LISTENER_HANDSHAKES), ({ stats }) => stats.handshakes),
    countOf(registry.counter(names.LISTENER_HANDSHAKE_ERRORS), ({ stats }) => stats.handshakeFailures),
    gaugeOf(registry.gauge(names.LISTENER_CONNECTIONS_ACTIVE), ({ connections }) => connections),
  ];
}

function udpFigures(registry: Registry): Figure<UdpListener>[] {
  return [
    countOf(registry.counter(names.UDP_SESSIONS), ({ stats }) => stats.sessions),
    gaugeOf(registry.gauge(names.UDP_SESSIONS_ACTIVE), ({ activeSessions }) => activeSessions),
    countOf(registry.counter(names.UDP_BYTES_RECEIVED), ({ stats }) => stats.bytesReceived),
    countOf(registry.counter(names.UDP_BYTES_SENT), ({ stats }) => stats.bytesSent),
    countOf(registry.counter(names.UDP_DATAGRAMS_RECEIVED), ({ stats }) => stats.datagramsReceived),
    countOf(registry.counter(names.UDP_DATAGRAMS_SENT), ({ stats }) => stats.datagramsSent),
    countOf(registry.counter(names.UDP_NO_ROUTE), ({ stats }) => stats.noRoute),
    countOf(registry.counter(names.UDP_IDLE_TIMEOUTS), ({ stats }) => stats.idleTimeouts),
    countOf(
      registry.counter(names.UDP_DROPPED),
      ({ stats }) => stats.dropped + stats.overflows + stats.noHost + stats.noRoute,
    ),
  ];
}

/** Responses of clusters by class, each a figure of its own. */
function clusterResponses(registry: Registry): Figure<Cluster>[] {
  const responses = registry.counter(names.CLUSTER_RESPONSES);
  return CLASS_NAMES.flatMap((name, slot) => {
    if (name === undefined) return [];
    return {
      read: ({ stats }: Cluster) => stats.classes[slot]!,
      write: (cluster: string, value: number) => {
        if (value > 0) advance(responses, responses.series([cluster, name]), value);
      },
      remove: (cluster: string) => responses.remove(responses.series([cluster, name])),
    };
  });
}

/**
 * Writes the figures of those that are there, and drops the series of those that went. Who replaces another goes on with its `stats`;
 * who comes back under the name of one that went counts from 0, which scrapers know as a reset.
 */
function follow<Subject extends { readonly stats: object }>(
  figures: readonly Figure<Subject>[],
): (subjects: ReadonlyMap<string, Subject>) => void {
  let before = new Map<string, object>();
  return (subjects) => {
    for (const [name, stats] of before) {
      if (subjects.get(name)?.stats === stats) continue;
      for (const { remove } of figures) remove(name);
    }
    before = new Map([...subjects].map(([name, { stats }]) => [name, stats]));
    for (const [name, subject] of subjects) for (const { write, read } of figures) write(name, read(subject));
  };
}

/** Those that have one name in statistics are counted together. */
function followClusters(figures: readonly Figure<Cluster>[]): (clusters: readonly Cluster[]) => void {
  const together = figures.map(
    (figure): Figure<NamedAlike> => ({
      ...figure,
      read: ({ clusters }) => clusters.reduce((total, cluster) => total + figure.read(cluster), 0),
    }),
  );
  const write = follow(together);
  let before: ReadonlyMap<string, NamedAlike> = new Map();
  return (clusters) => {
    const named = Map.groupBy(clusters, ({ table }) => table.statName);
    before = new Map([...named].map(([name, alike]) => [name, namedAlike(alike, before.get(name))]));
    write(before);
  };
}

interface NamedAlike {
  readonly clusters: readonly Cluster[];
  /** The same as long as their own are: a sum over others begins anew. */
  readonly stats: object;
}

function namedAlike(clusters: readonly Cluster[], before: NamedAlike | undefined): NamedAlike {
  if (clusters.length === 1) return { clusters, stats: clusters[0]!.stats };
  const isSame =
    before?.clusters.length === clusters.length &&
    clusters.every(({ stats }, i) => before.clusters[i]!.stats === stats);
  return { clusters, stats: isSame ? before.stats : {} };
}

/** Who does not do a thing has no figures of it, as in Envoy. */
function only(clusters: readonly Cluster[], does: (cluster: Cluster) => boolean): readonly Cluster[] {
  return clusters.filter(does);
}

/** Days until the first certificate expires, whole ones as Envoy counts them; undefined without certificates. */
function certificateDays(configuration: Configuration): number | undefined {
  const ends = configuration.secrets.certificates().flatMap(({ chain }) => {
    const parsed = parseCertificates(chain);
    return parsed.kind === "parsed" ? parsed.value.map(({ notAfterMs }) => notAfterMs) : [];
  });
  if (ends.length === 0) return undefined;
  return Math.max(0, Math.floor((Math.min(...ends) - Date.now()) / MS_PER_DAY));
}

export interface ProxyState {
  readonly configuration: Configuration;
  /** `performance.now()` of the start. */
  readonly startedAt: number;
  isReady(): boolean;
}

export function collectProxy(registry: Registry, { configuration, startedAt, isReady }: ProxyState): void {
  const clusters = followClusters([
    ...clusterFigures(registry),
    ...clusterResponses(registry),
    ...breakerFigures(registry),
  ]);
  const outliers = followClusters(outlierFigures(registry));
  const checks = followClusters(healthCheckFigures(registry));
  const remaining = followClusters(remainingFigures(registry, "default", ({ breakers }) => breakers));
  const remainingHigh = followClusters(remainingFigures(registry, "high", ({ highBreakers }) => highBreakers));
  const overload = overloadMetrics(registry);
  const managers = httpMetrics(registry);
  const tracing = tracingMetrics(registry);
  const streamedLogs = streamedLogMetrics(registry);
  const filters = filterMetrics(registry);
  const listeners = follow(listenerFigures(registry));
  const datagrams = follow(udpFigures(registry));
  const set = (definition: typeof names.SERVER_LIVE, value: number): void => {
    const gauge = registry.gauge(definition);
    gauge.set(gauge.series([]), value);
  };
  set(names.SERVER_CONCURRENCY, 1);
  registry.onCollect(() => {
    const state = configuration.draining ? DRAINING : isReady() ? LIVE : INITIALIZING;
    const { heapUsed, heapTotal, rss } = process.memoryUsage();
    set(names.SERVER_UPTIME, Math.floor((performance.now() - startedAt) / 1_000));
    set(names.SERVER_LIVE, state === LIVE ? 1 : 0);
    set(names.SERVER_STATE, state);
    set(names.SERVER_MEMORY_ALLOCATED, heapUsed);
    set(names.SERVER_MEMORY_HEAP, heapTotal);
    set(names.SERVER_MEMORY_PHYSICAL, rss);
    set(names.SERVER_CONNECTIONS, configuration.connections);
    set(names.DEADLINES_ARMED, timers.armed);
    const days = certificateDays(configuration);
    if (days !== undefined) set(names.SERVER_CERTIFICATE_DAYS, days);
    const all = [...configuration.clusters.values()];
    clusters(all);
    outliers(only(all, (cluster) => cluster.outliers !== undefined));
    checks(only(all, (cluster) => cluster.checker !== undefined));
    remaining(only(all, ({ table }) => table.breakers.default.tracksRemaining));
    remainingHigh(only(all, ({ table }) => table.breakers.high.tracksRemaining));
    overload(configuration.overload);
    listeners(configuration.listenerManager.listeners);
    datagrams(configuration.listenerManager.udpListeners);
    managers(configuration.listenerManager.listeners);
    tracing(configuration.tracers);
    streamedLogs(configuration.streamedLogs);
    filters(configuration.listenerManager.listeners);
  });
}
