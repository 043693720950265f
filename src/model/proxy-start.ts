// How the mesh says that proxies are started: what one level leaves out, the level before it says.

import type { ClientTls, TcpKeepalive } from "./client-policy.ts";
import { type Authored, byAge } from "./origin.ts";
import type { Workload } from "./workload.ts";
import type { ScopeIndex, WorkloadScope } from "./workload-scope.ts";

export interface ProxyStart {
  /** Cores that it may use; 0 is all of them. Undefined: as who starts it likes. */
  readonly concurrency?: number | undefined;
  /** Variables of its process. */
  readonly environment: Readonly<Record<string, string>>;
  /** What connections of a listener or filter chain that has gone are given; undefined: as who starts it likes. */
  readonly listenerDrainMs?: number | undefined;
  /** From the end of its workload to its own; undefined: as who starts it likes. */
  readonly terminationDrainMs?: number | undefined;
  /** How long a line of an access log may wait to be written, and how much is written without waiting; undefined: as the proxy likes. */
  readonly logFlushMs?: number | undefined;
  readonly logFlushKb?: number | undefined;
  /** Of its admin interface and of its agent; undefined: the usual ones. */
  readonly adminPort?: number | undefined;
  readonly statusPort?: number | undefined;
  /** Of clients, at once; undefined: as many as its limit of open files lets it. */
  readonly maxConnections?: number | undefined;
  /** Whether its agent compresses statistics for who takes them so; undefined: yes. */
  readonly compressesStatistics?: boolean | undefined;
  /** Undefined: all. */
  readonly statistics?: StatisticsChoice | undefined;
  /** PEM of roots that it trusts beside the mesh's, one certificate each. */
  readonly trustAnchors?: readonly string[] | undefined;
  /** Of Envoy's runtime, by its keys. */
  readonly runtime?: Readonly<Record<string, string>> | undefined;
  readonly metricsService?: MetricsService | undefined;
  /** Where statistics are sent as lines of statsd, by UDP. */
  readonly statsd?: { readonly address: string; readonly port: number } | undefined;
}

/** Whom a proxy streams its statistics to (envoy.service.metrics.v3.MetricsService). Its own resolver finds the host. */
export interface MetricsService {
  readonly host: string;
  readonly port: number;
  /** No Secrets: files of the proxy's, or the mesh's certificates. */
  readonly tls: ClientTls | undefined;
  readonly keepalive: TcpKeepalive | undefined;
}

/** Statistics that are told beside those that always are: whose names, with dots as Envoy has them, fit one of these. */
export interface StatisticsChoice {
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
  /** RE2, of the whole name. */
  readonly regexes: readonly string[];
}

export interface ProxyStartRule extends Authored {
  readonly scope: WorkloadScope;
  readonly start: ProxyStart;
}

export const AS_IT_LIKES: ProxyStart = { environment: {} };

/** Each variable by itself, as in Istio. */
export function startOver(before: ProxyStart, after: ProxyStart): ProxyStart {
  const { concurrency, environment, listenerDrainMs, terminationDrainMs, statistics, trustAnchors, runtime } = after;
  const { logFlushMs, logFlushKb, maxConnections, adminPort, statusPort } = after;
  return {
    concurrency: concurrency ?? before.concurrency,
    environment: { ...before.environment, ...environment },
    listenerDrainMs: listenerDrainMs ?? before.listenerDrainMs,
    terminationDrainMs: terminationDrainMs ?? before.terminationDrainMs,
    logFlushMs: logFlushMs ?? before.logFlushMs,
    logFlushKb: logFlushKb ?? before.logFlushKb,
    adminPort: adminPort ?? before.adminPort,
    statusPort: statusPort ?? before.statusPort,
    maxConnections: maxConnections ?? before.maxConnections,
    compressesStatistics: after.compressesStatistics ?? before.compressesStatistics,
    statistics: statistics ?? before.statistics,
    trustAnchors: trustAnchors ?? before.trustAnchors,
    runtime: runtime ?? before.runtime,
    metricsService: after.metricsService ?? before.metricsService,
    statsd: after.statsd ?? before.statsd,
  };
}

/** `own`: what the workload says of itself, which comes last. Of several rules of a level the oldest wins. */
export function proxyStartOf(
  rules: ScopeIndex<ProxyStartRule>,
  byDefault: ProxyStart,
  workload: Pick<Workload, "namespace" | "labels">,
  own: ProxyStart,
): ProxyStart {
  const youngestFirst = [...rules.of(workload)].sort(byAge).reverse();
  const levels = [...youngestFirst.sort((a, b) => levelOf(a) - levelOf(b)).map(({ start }) => start), own];
  return levels.reduce(startOver, byDefault);
}

function levelOf({ scope }: ProxyStartRule): number {
  if (scope.kind === "services") return 0;
  const isChoosing = Object.keys(scope.labels).length > 0;
  return isChoosing ? 2 : scope.kind === "namespace" ? 1 : 0;
}
