// Requests and connections of clients by connection manager, for each scrape. Requests count in plain fields, which are read here; what
// a manager counted stays when it goes.

import * as names from "../stats/names/proxy.ts";
import type { Registry } from "../stats/registry.ts";
import type { BoundHttp } from "./downstream.ts";
import type { Listener } from "./listener.ts";

/** Label values of `response_code_class`, by slot; requests without a response have none. */
export const CLASS_NAMES: readonly (string | undefined)[] = [undefined, "1xx", "2xx", "3xx", "4xx", "5xx"];

type Stats = BoundHttp["stats"];

/** What was written so far of a manager, and of those that it replaced: they count together. */
interface Written {
  readonly listener: string;
  readonly prefix: string;
  connections: number;
  requests: number;
  received: number;
  sent: number;
  readonly classes: Float64Array;
}

export function httpMetrics(registry: Registry): (listeners: ReadonlyMap<string, Listener>) => void {
  const connections = registry.counter(names.HTTP_CONNECTIONS);
  const requests = registry.counter(names.HTTP_REQUESTS);
  const received = registry.counter(names.HTTP_RECEIVED);
  const sent = registry.counter(names.HTTP_SENT);
  const responses = registry.counter(names.HTTP_RESPONSES);
  const listenerResponses = registry.counter(names.LISTENER_REQUESTS);
  const open = registry.gauge(names.HTTP_CONNECTIONS_ACTIVE);
  const inFlight = registry.gauge(names.HTTP_REQUESTS_ACTIVE);
  const known = new Map<Stats, Written>();

  const add = (stats: Stats, written: Written): void => {
    const prefix = [written.prefix] as const;
    connections.add(connections.series(prefix), stats.connections - written.connections);
    requests.add(requests.series(prefix), stats.requests - written.requests);
    received.add(received.series(prefix), stats.bytes.received - written.received);
    sent.add(sent.series(prefix), stats.bytes.sent - written.sent);
    for (const [slot, name] of CLASS_NAMES.entries()) {
      const more = stats.classes[slot]! - written.classes[slot]!;
      if (name === undefined || more === 0) continue;
      responses.add(responses.series([name, written.prefix]), more);
      listenerResponses.add(listenerResponses.series([name, written.prefix, written.listener]), more);
    }
    written.connections = stats.connections;
    written.requests = stats.requests;
    written.received = stats.bytes.received;
    written.sent = stats.bytes.sent;
    written.classes.set(stats.classes);
  };

  return (listeners) => {
    const current = new Set<Stats>();
    for (const [listener, { managers }] of listeners)
      for (const { table, stats } of managers) {
        current.add(stats);
        if (known.has(stats)) continue;
        const classes = new Float64Array(CLASS_NAMES.length);
        const none = { connections: 0, requests: 0, received: 0, sent: 0, classes };
        known.set(stats, { listener, prefix: table.statPrefix, ...none });
      }
    const active = new Map<string, { connections: number; requests: number }>();
    for (const [stats, written] of known) {
      const sum = active.get(written.prefix) ?? { connections: 0, requests: 0 };
      sum.connections += stats.active;
      sum.requests += stats.activeRequests;
      active.set(written.prefix, sum);
      add(stats, written);
      if (!current.has(stats) && stats.active === 0) known.delete(stats);
    }
    for (const [prefix, sum] of active) {
      open.set(open.series([prefix]), sum.connections);
      inFlight.set(inFlight.series([prefix]), sum.requests);
    }
  };
}
