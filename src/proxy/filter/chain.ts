// The filters of a listener, sorted by what they want to hear, so that a request asks none in vain. The router is what comes after.

import type { ResponseHead } from "../../http/stream.ts";
import type { HttpFilter } from "../../table/filter/filter.ts";
import { AdaptiveConcurrency } from "./adaptive-concurrency.ts";
import { AdmissionControl } from "./admission-control.ts";
import { BufferRequest } from "./buffer.ts";
import { Cors } from "./cors.ts";
import { ExtProc } from "./ext-proc/ext-proc.ts";
import { Fault } from "./fault.ts";
import type { BoundFilter, FilteredRequest, Verdict } from "./filter.ts";
import { HeaderMutation } from "./header-mutation.ts";
import { HeaderToMetadata } from "./header-to-metadata.ts";
import { HealthCheck } from "./health-check.ts";
import { LocalRateLimit } from "./local-rate-limit.ts";
import { Rbac } from "./rbac.ts";
import { SetFilterState } from "./set-filter-state.ts";
import { SetMetadata } from "./set-metadata.ts";
import { StatefulSession } from "./stateful-session.ts";

type With<K extends keyof BoundFilter> = BoundFilter & Required<Pick<BoundFilter, K>>;

function bind({ name, disabled, table }: HttpFilter): BoundFilter | undefined {
  switch (table.kind) {
    case "buffer":
      return new BufferRequest(name, disabled, table);
    case "header-mutation":
      return new HeaderMutation(name, disabled, table);
    case "adaptive-concurrency":
      return new AdaptiveConcurrency(name, disabled, table);
    case "admission-control":
      return new AdmissionControl(name, disabled, table);
    case "health-check":
      return new HealthCheck(name, disabled, table);
    case "cors":
      return new Cors(name, disabled);
    case "ext-proc":
      return new ExtProc(name, disabled, table);
    case "fault":
      return new Fault(name, disabled, table);
    case "local-rate-limit":
      return new LocalRateLimit(name, disabled, table);
    case "rbac":
      return new Rbac(name, disabled, table);
    case "set-filter-state":
      return new SetFilterState(name, disabled, table);
    case "set-metadata":
      return new SetMetadata(name, disabled, table);
    case "stateful-session":
      return new StatefulSession(name, disabled, table);
    case "header-to-metadata":
      return new HeaderToMetadata(name, disabled, table);
    case "on-demand":
    case "dynamic-forward-proxy":
      return undefined;
  }
}

function isOff({ name, disabled }: BoundFilter, { routeFilters }: FilteredRequest): boolean {
  if (routeFilters.size === 0) return disabled;
  const own = routeFilters.get(name);
  return own ? own.kind === "disabled" : disabled;
}

/** What `onRequest` returns beside positions. */
export const PASSED = -1;
export const ANSWERED = -2;

export class FilterChain {
  /** In their order. */
  readonly bound: readonly BoundFilter[];
  readonly #request: readonly With<"onRequest">[];
  /** From the router back to the client. */
  readonly #response: readonly With<"onResponse">[];
  readonly #end: readonly With<"onEnd">[];
  readonly #checks: readonly With<"isHealthCheck">[];

  constructor(tables: readonly HttpFilter[]) {
    const filters = tables.flatMap((table) => bind(table) ?? []);
    this.bound = filters;
    this.#request = filters.filter((filter): filter is With<"onRequest"> => filter.onRequest !== undefined);
    this.#response = filters
      .filter((filter): filter is With<"onResponse"> => filter.onResponse !== undefined)
      .reverse();
    this.#checks = filters.filter((filter): filter is With<"isHealthCheck"> => filter.isHealthCheck !== undefined);
    this.#end = filters.filter((filter): filter is With<"onEnd"> => filter.onEnd !== undefined);
  }

  /** Runs the filters from position `from` on, and returns PASSED, ANSWERED, or the position to go on from after a wait. */
  onRequest(request: FilteredRequest, from: number): number {
    const filters = this.#request;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i]!;
      if (isOff(filter, request)) continue;
      const verdict: Verdict = filter.onRequest(request);
      if (verdict === "waiting") return i + 1;
      if (verdict === "answered") return ANSWERED;
    }
    return PASSED;
  }

  /** Before the filters have seen the request. */
  isHealthCheck(request: FilteredRequest): boolean {
    return this.#checks.some((filter) => !isOff(filter, request) && filter.isHealthCheck(request));
  }

  /** As `onRequest`, from the router back: PASSED, or the position to go on from after a wait. */
  onResponse(request: FilteredRequest, head: ResponseHead, end: boolean, from: number): number {
    const filters = this.#response;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i]!;
      if (!isOff(filter, request) && filter.onResponse(request, head, end) === "waiting") return i + 1;
    }
    return PASSED;
  }

  onEnd(request: FilteredRequest): void {
    const filters = this.#end;
    // Also where the filter is off by now: the route may have changed after it began.
    for (let i = 0; i < filters.length; i++) filters[i]!.onEnd(request);
  }
}
