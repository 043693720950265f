// Answers health checks of this proxy, or marks those that the application answers (Envoy: HealthCheckFilter). While the proxy drains,
// it is not healthy, and says so with every response.

import { getHeader, type HeaderList, setHeader } from "../../http/headers.ts";
import type { ResponseHead } from "../../http/stream.ts";
import type { HealthCheckFilter } from "../../table/filter/health-check.ts";
import { matchesHeaders } from "../../table/header-match.ts";
import type { ProxyContext } from "../context.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

interface Answer {
  readonly status: number;
  readonly details: string;
  readonly degraded: boolean;
}

const UNHEALTHY = 503;
const HEALTHY: Answer = { status: 200, details: "health_check_ok", degraded: false };
const CLUSTERS_HEALTHY: Answer = { ...HEALTHY, details: "health_check_ok_cluster_healthy" };

function isFailing({ draining, healthCheckFailed }: ProxyContext): boolean {
  return draining || healthCheckFailed;
}

/** Undefined: the cluster has what it must have. */
function faultOf({ clusters }: ProxyContext, name: string, minPercent: number): string | undefined {
  const cluster = clusters.get(name);
  if (!cluster) return "health_check_failed_no_cluster_found";
  const { hosts } = cluster;
  if (hosts.length === 0) return minPercent === 0 ? undefined : "health_check_failed_cluster_empty";
  const up = hosts.filter(({ health }) => health !== "unhealthy").length;
  return 100 * up < hosts.length * minPercent ? "health_check_failed_cluster_unhealthy" : undefined;
}

export class HealthCheck implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: HealthCheckFilter;
  /** What the application said last, on the clock of performance.now(). */
  #cached: { readonly answer: Answer; readonly until: number } | undefined;

  constructor(name: string, disabled: boolean, table: HealthCheckFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  isHealthCheck({ head }: FilteredRequest): boolean {
    return matchesHeaders(this.#table.headers, head);
  }

  onRequest(request: FilteredRequest): Verdict {
    if (!this.isHealthCheck(request)) return "continue";
    request.record.isHealthCheck = true;
    const answer = this.#answer(request.connection.context);
    if (!answer) return "continue";
    const { status, details, degraded } = answer;
    const headers: HeaderList = degraded ? ["x-envoy-degraded", ""] : [];
    request.reply(status, "", details, status === UNHEALTHY ? "LH" : undefined, headers);
    return "answered";
  }

  /** Undefined: it is the application's to answer. */
  #answer(context: ProxyContext): Answer | undefined {
    if (isFailing(context)) return { status: UNHEALTHY, details: "health_check_failed", degraded: false };
    const { mode } = this.#table;
    if (mode.kind === "pass-through")
      return this.#cached && performance.now() < this.#cached.until ? this.#cached.answer : undefined;
    for (const [cluster, minPercent] of mode.minHealthyPercents) {
      const details = faultOf(context, cluster, minPercent);
      if (details !== undefined) return { status: UNHEALTHY, details, degraded: false };
    }
    return mode.minHealthyPercents.size > 0 ? CLUSTERS_HEALTHY : HEALTHY;
  }

  onResponse(request: FilteredRequest, head: ResponseHead): "continue" {
    const { context } = request.connection;
    if (request.record.isHealthCheck) {
      this.#remember(request, head);
      setHeader(head.headers, "x-envoy-upstream-healthchecked-cluster", context.serviceCluster);
    } else if (isFailing(context)) setHeader(head.headers, "x-envoy-immediate-health-check-fail", "true");
    return "continue";
  }

  /** Of what came from upstream; answers from the cache do not make it last longer. */
  #remember(request: FilteredRequest, { status, headers }: ResponseHead): void {
    const { mode } = this.#table;
    if (mode.kind !== "pass-through" || mode.cacheMs === 0 || request.record.host === undefined) return;
    const degraded = getHeader(headers, "x-envoy-degraded") !== undefined;
    const details = status === 200 ? HEALTHY.details : "health_check_cached";
    this.#cached = { answer: { status, details, degraded }, until: performance.now() + mode.cacheMs };
  }
}
