// Counters begin anew; gauges say what is.

import { NO_CHECKS } from "../upstream/health/session.ts";
import { OK } from "./answer.ts";
import type { AdminState } from "./state.ts";

/** What clusters, hosts and listeners count in plain fields goes to 0 with the series that a scrape writes of it. */
export function resetCounters({ configuration, registry }: AdminState): Response {
  registry.collect(); // what managers counted since the last scrape belongs to the time before
  for (const { stats, hosts, breakers, highBreakers, outliers, checker } of configuration.clusters.values()) {
    stats.requests = stats.retries = stats.timeouts = stats.noHost = stats.retrySuccesses = stats.retryLimits = 0;
    stats.goneConnections = stats.goneConnectFailures = 0;
    stats.bytes.received = stats.bytes.sent = 0;
    stats.classes.fill(0);
    outliers?.resetCounts();
    if (checker) Object.assign(checker.stats, NO_CHECKS);
    breakers.resetOverflows();
    highBreakers.resetOverflows();
    for (const host of hosts)
      host.stats.requests = host.stats.errors = host.stats.connections = host.stats.connectFailures = 0;
  }
  for (const { stats } of configuration.listenerManager.listeners.values())
    stats.accepted = stats.handshakes = stats.noChain = stats.handshakeFailures = 0;
  registry.resetCounters();
  return OK();
}
