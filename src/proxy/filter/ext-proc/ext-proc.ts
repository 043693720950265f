// Has requests and responses processed by an external server (envoy.filters.http.ext_proc).

import type { ResponseHead } from "../../../http/stream.ts";
import * as names from "../../../stats/names/filter.ts";
import type { ExtProcFilter, ExtProcRoute } from "../../../table/filter/ext-proc.ts";
import type { BoundFilter, FilterCount, FilteredRequest, Verdict } from "../filter.ts";
import { type ExtProcStats, Processing } from "./processing.ts";

function overridden(table: ExtProcFilter, route: ExtProcRoute): ExtProcFilter {
  const service = route.service ?? table.service;
  return {
    ...table,
    mode: route.mode ?? table.mode,
    service: { ...service, metadata: [...service.metadata, ...route.initialMetadata] },
    metadata: route.metadata ?? table.metadata,
  };
}

export class ExtProc implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: ExtProcFilter;
  readonly #ofRoutes = new WeakMap<ExtProcRoute, ExtProcFilter>();
  readonly #processed = new WeakMap<FilteredRequest, Processing>();
  readonly stats: ExtProcStats = {
    streamsStarted: 0,
    messagesSent: 0,
    messagesReceived: 0,
    spuriousMessages: 0,
    streamsFailed: 0,
    failureModeAllowed: 0,
    messageTimeouts: 0,
  };

  constructor(name: string, disabled: boolean, table: ExtProcFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  #tableOf({ routeFilters }: FilteredRequest): ExtProcFilter {
    const own = routeFilters.get(this.name);
    if (own?.kind !== "ext-proc-route") return this.#table;
    let table = this.#ofRoutes.get(own);
    if (!table) {
      table = overridden(this.#table, own);
      this.#ofRoutes.set(own, table);
    }
    return table;
  }

  #begin(request: FilteredRequest): Processing {
    const processing = new Processing(this.#tableOf(request), request, this.stats);
    this.#processed.set(request, processing);
    return processing;
  }

  onRequest(request: FilteredRequest): Verdict {
    // An internal redirect brings a request a second time.
    this.#processed.get(request)?.end();
    return this.#begin(request).onRequest() ? "waiting" : "continue";
  }

  onResponse(request: FilteredRequest, head: ResponseHead, end: boolean): "continue" | "waiting" {
    // What an earlier filter has answered is processed too.
    const processing = this.#processed.get(request) ?? this.#begin(request);
    return processing.onResponse(head, end) ? "waiting" : "continue";
  }

  counts(statPrefix: string): readonly FilterCount[] {
    const labels = [statPrefix];
    const { stats } = this;
    return [
      { counter: names.EXT_PROC_STREAMS, labels, value: stats.streamsStarted },
      { counter: names.EXT_PROC_FAILED, labels, value: stats.streamsFailed },
      { counter: names.EXT_PROC_SENT, labels, value: stats.messagesSent },
      { counter: names.EXT_PROC_RECEIVED, labels, value: stats.messagesReceived },
      { counter: names.EXT_PROC_SPURIOUS, labels, value: stats.spuriousMessages },
      { counter: names.EXT_PROC_TIMEOUTS, labels, value: stats.messageTimeouts },
      { counter: names.EXT_PROC_ALLOWED, labels, value: stats.failureModeAllowed },
    ];
  }

  onEnd(request: FilteredRequest): void {
    this.#processed.get(request)?.end();
  }
}
