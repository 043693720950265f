// What the proxy says of itself for each scrape, under Envoy's names: its state, its clusters, its listeners. Requests do not pay for
// it: they count in plain fields, which are read here.

import { parseCertificates } from "../pki/certificate.ts";
import type { Counter } from "../stats/counter.ts";
import type { Gauge } from "../stats/gauge.ts";
import * as names from "../stats/names/proxy.ts";
import type { Registry } from "../stats/registry.ts";
import type { Configuration } from "./configuration.ts";
import type { Listener } from "./listener.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

const MS_PER_DAY = 86_400_000;

const LIVE = 0;
const DRAINING = 1;
const INITIALIZING = 3;

type ByName = Counter<readonly [string]> | Gauge<readonly [string]>;

/** One figure of every cluster, or of every listener. */
interface Figure<Subject> {
  readonly metric: ByName;
  readonly read: (subject: Subject) => number;
}

function sum(hosts: readonly Host[], read: (host: Host) => number): number {
  return hosts.reduce((total, host) => total + read(host), 0);
}

function clusterFigures(registry: Registry): Figure<Cluster>[] {
  return [
    { metric: registry.counter(names.CLUSTER_REQUESTS), read: ({ stats }) => stats.requests },
    { metric: registry.counter(names.CLUSTER_RETRIES), read: ({ stats }) => stats.retries },
    { metric: registry.counter(names.CLUSTER_REQUEST_TIMEOUTS), read: ({ stats }) => stats.timeouts },
    {
      metric: registry.counter(names.CLUSTER_CONNECTIONS),
      read: ({ stats, hosts }) => stats.goneConnections + sum(hosts, (host) => host.stats.connections),
    },
    {
      metric: registry.counter(names.CLUSTER_CONNECT_FAILURES),
      read: ({ stats, hosts }) => stats.goneConnectFailures + sum(hosts, (host) => host.stats.connectFailures),
    },
    {
      metric: registry.gauge(names.CLUSTER_CONNECTIONS_ACTIVE),
      read: ({ hosts }) => sum(hosts, (host) => host.stats.activeConnections),
    },
    { metric: registry.gauge(names.CLUSTER_REQUESTS_ACTIVE), read: ({ breakers }) => breakers.requests },
    { metric: registry.gauge(names.CLUSTER_REQUESTS_PENDING), read: ({ breakers }) => breakers.pending },
    { metric: registry.counter(names.CLUSTER_REQUEST_OVERFLOWS), read: ({ breakers }) => breakers.overflows },
    { metric: registry.gauge(names.CLUSTER_MEMBERS), read: ({ hosts }) => hosts.length },
    {
      metric: registry.gauge(names.CLUSTER_MEMBERS_HEALTHY),
      read: ({ hosts }) => sum(hosts, ({ health }) => (health === "healthy" ? 1 : 0)),
    },
  ];
}

function listenerFigures(registry: Registry): Figure<Listener>[] {
  return [
    { metric: registry.counter(names.LISTENER_CONNECTIONS), read: ({ stats }) => stats.accepted },
    { metric: registry.counter(names.LISTENER_HANDSHAKE_ERRORS), read: ({ stats }) => stats.handshakeFailures },
    { metric: registry.gauge(names.LISTENER_CONNECTIONS_ACTIVE), read: ({ connections }) => connections },
  ];
}

function write(metric: ByName, name: string, value: number): void {
  if (metric.definition.kind === "gauge") {
    const gauge = metric as Gauge<readonly [string]>;
    gauge.set(gauge.series([name]), value);
    return;
  }
  const counter = metric as Counter<readonly [string]>;
  const series = counter.series([name]);
  counter.add(series, Math.max(0, value - counter.value(series)));
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
      for (const { metric } of figures) metric.remove(metric.series([name]) as never);
    }
    before = new Map([...subjects].map(([name, { stats }]) => [name, stats]));
    for (const [name, subject] of subjects) for (const { metric, read } of figures) write(metric, name, read(subject));
  };
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
  const clusters = follow(clusterFigures(registry));
  const listeners = follow(listenerFigures(registry));
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
    const days = certificateDays(configuration);
    if (days !== undefined) set(names.SERVER_CERTIFICATE_DAYS, days);
    clusters(configuration.clusters);
    listeners(configuration.listeners);
  });
}
