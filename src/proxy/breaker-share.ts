// Circuit breakers of one of several processes. Envoy's threads share theirs (atomics); processes do not, and each takes its part: the kernel
// spreads connections evenly over them.

import type { CircuitBreakers, Cluster } from "../table/cluster.ts";

function part(breakers: CircuitBreakers, processes: number): CircuitBreakers {
  const of = (limit: number): number => (limit === 0 ? 0 : Math.ceil(limit / processes));
  return {
    ...breakers,
    maxConnections: of(breakers.maxConnections),
    maxPendingRequests: of(breakers.maxPendingRequests),
    maxRequests: of(breakers.maxRequests),
    maxRetries: of(breakers.maxRetries),
    maxConnectionsPerHost: of(breakers.maxConnectionsPerHost),
  };
}

/** At least 1 each: a limit below the number of processes is met by that number instead. */
export function shareOf(breakers: Cluster["breakers"], processes: number): Cluster["breakers"] {
  return { default: part(breakers.default, processes), high: part(breakers.high, processes) };
}
