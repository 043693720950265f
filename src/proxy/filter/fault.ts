// Delays, aborts and slow responses, on purpose (Envoy: FaultFilter).

import { Alarm, timers } from "../../base/timer-wheel.ts";
import { getHeader } from "../../http/headers.ts";
import * as names from "../../stats/names/filter.ts";
import type { FaultAbort, FaultDelay, FaultFilter, FaultRateLimit } from "../../table/filter/fault.ts";
import { isChosen } from "../../table/fraction.ts";
import { matchesHeaders } from "../../table/header-match.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "./filter.ts";
import { Throttle } from "./throttle.ts";

type Abort = { readonly kind: "http" | "grpc"; readonly status: number };

/** What a request is to suffer, and counts among the active faults for. */
interface Active {
  readonly wait: Alarm | undefined;
  throttle: Throttle | undefined;
}

function numberIn(request: FilteredRequest, header: string): number | undefined {
  const value = getHeader(request.head.headers, header);
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

/** A header may lower the share that the configuration sets, and not raise it. */
function isHit(request: FilteredRequest, fraction: number, header: string): boolean {
  const percent = numberIn(request, header);
  return isChosen(percent === undefined ? fraction : Math.min(fraction, percent / 100), Math.random());
}

function delayOf(request: FilteredRequest, delay: FaultDelay | undefined): number | undefined {
  if (!delay) return undefined;
  const ms = delay.kind === "fixed" ? delay.ms : numberIn(request, "x-envoy-fault-delay-request");
  if (ms === undefined || ms === 0) return undefined;
  return isHit(request, delay.fraction, "x-envoy-fault-delay-request-percentage") ? ms : undefined;
}

function abortOf(request: FilteredRequest, abort: FaultAbort | undefined): Abort | undefined {
  if (!abort) return undefined;
  const chosen = abort.kind === "header" ? abortAsked(request) : abort;
  if (!chosen) return undefined;
  return isHit(request, abort.fraction, "x-envoy-fault-abort-request-percentage") ? chosen : undefined;
}

function abortAsked(request: FilteredRequest): Abort | undefined {
  const http = numberIn(request, "x-envoy-fault-abort-request");
  if (http !== undefined && http >= 200 && http < 600) return { kind: "http", status: http };
  const grpc = numberIn(request, "x-envoy-fault-abort-grpc-request");
  return grpc === undefined ? undefined : { kind: "grpc", status: grpc };
}

function rateOf(request: FilteredRequest, limit: FaultRateLimit | undefined): number | undefined {
  if (!limit) return undefined;
  const rate = limit.kind === "fixed" ? limit.kibPerSecond : numberIn(request, "x-envoy-fault-throughput-response");
  if (rate === undefined || rate === 0) return undefined;
  return isHit(request, limit.fraction, "x-envoy-fault-throughput-response-percentage") ? rate : undefined;
}

function concerns(table: FaultFilter, request: FilteredRequest): boolean {
  if (table.cluster !== "" && table.cluster !== request.record.clusterName) return false;
  if (table.downstreamNodes.size > 0) {
    const node = getHeader(request.head.headers, "x-envoy-downstream-service-node");
    if (node === undefined || !table.downstreamNodes.has(node)) return false;
  }
  return matchesHeaders(table.headers, request.head);
}

export class Fault implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: FaultFilter;
  readonly stats = { delays: 0, aborts: 0, rateLimits: 0, overflows: 0 };
  readonly #active = new Map<FilteredRequest, Active>();

  constructor(name: string, disabled: boolean, table: FaultFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    const own = request.routeFilters.get(this.name);
    const table = own?.kind === "fault" ? own : this.#table;
    if (!concerns(table, request)) return "continue";
    const rate = rateOf(request, table.rateLimit);
    const delay = delayOf(request, table.delay);
    if (delay === undefined) return this.#abortOrGoOn(request, table, rate);
    if (!this.#begin(request, table, delay)) return this.#abortOrGoOn(request, table, rate);
    this.stats.delays++;
    request.record.flag("DI");
    return "waiting";
  }

  /** False when there are too many already. */
  #begin(request: FilteredRequest, table: FaultFilter, delayMs: number): boolean {
    if (this.#active.size >= table.maxActive) {
      this.stats.overflows++;
      return false;
    }
    const wait = new Alarm(() => {
      if (this.#abortOrGoOn(request, table, rateOf(request, table.rateLimit)) === "continue") request.continueRequest();
    });
    this.#active.set(request, { wait, throttle: undefined });
    timers.arm(wait, delayMs);
    return true;
  }

  #abortOrGoOn(request: FilteredRequest, table: FaultFilter, rate: number | undefined): Verdict {
    const abort = abortOf(request, table.abort);
    if (abort && (this.#active.has(request) || this.#active.size < table.maxActive)) {
      this.stats.aborts++;
      this.#reply(request, abort);
      return "answered";
    }
    if (rate !== undefined) this.#slowDown(request, rate);
    return "continue";
  }

  #reply(request: FilteredRequest, { kind, status }: Abort): void {
    const details = "fault_filter_abort";
    if (kind === "http") request.reply(status, "fault filter abort", details, "FI");
    else request.reply(200, "fault filter abort", details, "FI", [], status);
  }

  #slowDown(request: FilteredRequest, kibPerSecond: number): void {
    this.stats.rateLimits++;
    request.wrapResponseBody((next) => {
      const throttle = new Throttle(next, kibPerSecond, () => request.resumeResponse());
      const active = this.#active.get(request);
      if (active) active.throttle = throttle;
      else this.#active.set(request, { wait: undefined, throttle });
      return throttle;
    });
  }

  counts(statPrefix: string): readonly FilterCount[] {
    const labels = [statPrefix];
    return [
      { counter: names.FAULT_DELAYS, labels, value: this.stats.delays },
      { counter: names.FAULT_ABORTS, labels, value: this.stats.aborts },
      { counter: names.FAULT_RATE_LIMITS, labels, value: this.stats.rateLimits },
      { counter: names.FAULT_OVERFLOWS, labels, value: this.stats.overflows },
    ];
  }

  onEnd(request: FilteredRequest): void {
    const active = this.#active.get(request);
    if (!active) return;
    this.#active.delete(request);
    if (active.wait?.armed) timers.disarm(active.wait);
    active.throttle?.cancel();
  }
}
