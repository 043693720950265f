// Refuses what comes too often (envoy.filters.http.local_ratelimit).

import { GRPC_STATUS } from "../../base/grpc-code.ts";
import type { HeaderList } from "../../http/headers.ts";
import type { ResponseHead } from "../../http/stream.ts";
import * as names from "../../stats/names/filter.ts";
import type { LocalRateLimitFilter } from "../../table/filter/local-rate-limit.ts";
import type { Format } from "../../table/format/part.ts";
import { isChosen } from "../../table/fraction.ts";
import { type DescribedRequest, type Descriptor, describe, type RateLimit } from "../../table/rate-limit.ts";
import { formatValue } from "../format-value.ts";
import { mutateHeaders } from "../header-operations.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";
import { LocalRateLimiter } from "./local-rate-limiter.ts";
import type { Bucket } from "./token-bucket.ts";

const NONE: readonly Descriptor[] = [];

/** The limits of the route and of its virtual host, as far as the filter is to go by them (Envoy: FilterConfig::populateDescriptors). */
function limitsOf(table: LocalRateLimitFilter, { route, virtualHost }: FilteredRequest): readonly RateLimit[] {
  const action = route?.action.kind === "forward" ? route.action : undefined;
  const own = action?.rateLimits ?? [];
  const ofHost = virtualHost?.rateLimits ?? [];
  const includes =
    table.virtualHostLimits === "include" ||
    action?.includesVirtualHostLimits === true ||
    (table.virtualHostLimits === "override" && own.length === 0);
  return includes && table.virtualHostLimits !== "ignore" ? [...own, ...ofHost] : own;
}

/** What a request is to the actions of limits. */
class Described implements DescribedRequest {
  readonly #request: FilteredRequest;

  constructor(request: FilteredRequest) {
    this.#request = request;
  }

  get head() {
    return this.#request.head;
  }

  get remoteAddress(): string {
    return this.#request.remoteAddress;
  }

  get sourceCluster(): string {
    return this.#request.connection.context.serviceCluster;
  }

  get destinationCluster(): string {
    return this.#request.record.clusterName;
  }

  metadata(of: "dynamic" | "route") {
    return this.#request.metadata(of);
  }

  format(format: Format): string {
    return formatValue(format, this.#request.record);
  }
}

function descriptorsOf(table: LocalRateLimitFilter, request: FilteredRequest): readonly Descriptor[] {
  if (table.descriptors.length === 0) return NONE;
  const limits = table.rateLimits.length > 0 ? table.rateLimits : limitsOf(table, request);
  if (limits.length === 0) return NONE;
  const described = new Described(request);
  const inlined = table.rateLimits.length > 0;
  return limits.flatMap((limit) => {
    const descriptor = inlined || limit.stage === table.stage ? describe(limit, described) : undefined;
    return descriptor ? [descriptor] : [];
  });
}

function addRateLimitHeaders(headers: HeaderList, bucket: Bucket): void {
  headers.push("x-ratelimit-limit", String(bucket.maxTokens));
  headers.push("x-ratelimit-remaining", String(bucket.remaining));
  headers.push("x-ratelimit-reset", String(Math.ceil(bucket.nextTokenMs / 1_000)));
}

export interface LocalRateLimitStats {
  enabled: number;
  enforced: number;
  rateLimited: number;
  ok: number;
}

export class LocalRateLimit implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: LocalRateLimitFilter;
  /** By stat_prefix: routes may have their own. */
  readonly stats = new Map<string, LocalRateLimitStats>();
  readonly #shared = new WeakMap<LocalRateLimitFilter, LocalRateLimiter>();
  readonly #ofConnections = new WeakMap<object, Map<LocalRateLimitFilter, LocalRateLimiter>>();
  /** The bucket that a response will tell of. */
  readonly #told = new WeakMap<FilteredRequest, Bucket>();

  constructor(name: string, disabled: boolean, table: LocalRateLimitFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const own = request.routeFilters.get(this.name);
    const table = own?.kind === "local-rate-limit" ? own : this.#table;
    if (!isChosen(table.enabled, Math.random())) return "continue";
    const stats = this.#statsOf(table.statPrefix);
    stats.enabled++;
    const now = performance.now();
    const { allowed, bucket } = this.#limiterOf(table, request, now).take(descriptorsOf(table, request), now);
    if (table.rateLimitHeaders && bucket) this.#told.set(request, bucket);
    if (allowed) {
      stats.ok++;
      return "continue";
    }
    stats.rateLimited++;
    if (!isChosen(table.enforced, Math.random())) {
      mutateHeaders(request.head.headers, [], table.requestHeadersWhenNotEnforced, request.record);
      return "continue";
    }
    stats.enforced++;
    this.#refuse(request, table);
    return "answered";
  }

  #refuse(request: FilteredRequest, table: LocalRateLimitFilter): void {
    const headers: HeaderList = [];
    mutateHeaders(headers, [], table.responseHeaders, request.record);
    const status = table.resourceExhausted ? GRPC_STATUS.RESOURCE_EXHAUSTED : undefined;
    request.reply(table.status, "local_rate_limited", "local_rate_limited", "RL", headers, status);
  }

  onResponse(request: FilteredRequest, { headers }: ResponseHead): "continue" {
    const bucket = this.#told.get(request);
    if (bucket) addRateLimitHeaders(headers, bucket);
    return "continue";
  }

  counts(): readonly FilterCount[] {
    return [...this.stats].flatMap(([prefix, { enabled, enforced, rateLimited, ok }]) => [
      { counter: names.RATE_LIMIT_ENABLED, labels: [prefix], value: enabled },
      { counter: names.RATE_LIMIT_ENFORCED, labels: [prefix], value: enforced },
      { counter: names.RATE_LIMITED, labels: [prefix], value: rateLimited },
      { counter: names.RATE_LIMIT_OK, labels: [prefix], value: ok },
    ]);
  }

  #statsOf(prefix: string): LocalRateLimitStats {
    let stats = this.stats.get(prefix);
    if (!stats) {
      stats = { enabled: 0, enforced: 0, rateLimited: 0, ok: 0 };
      this.stats.set(prefix, stats);
    }
    return stats;
  }

  #limiterOf(table: LocalRateLimitFilter, { connection }: FilteredRequest, now: number): LocalRateLimiter {
    if (table.perConnection) return this.#limiterOfConnection(table, connection, now);
    let limiter = this.#shared.get(table);
    if (!limiter) {
      limiter = new LocalRateLimiter(table, now, connection.context.shared);
      this.#shared.set(table, limiter);
    }
    return limiter;
  }

  #limiterOfConnection(table: LocalRateLimitFilter, connection: object, now: number): LocalRateLimiter {
    let limiters = this.#ofConnections.get(connection);
    if (!limiters) {
      limiters = new Map();
      this.#ofConnections.set(connection, limiters);
    }
    let limiter = limiters.get(table);
    if (!limiter) {
      limiter = new LocalRateLimiter(table, now);
      limiters.set(table, limiter);
    }
    return limiter;
  }
}
