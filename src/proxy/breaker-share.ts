// Circuit breakers of one of several processes. What a cluster has under way they count together, as Envoy's threads do; what one of its hosts
// has, and everything where a process counts alone, is each one's part: the kernel spreads connections evenly over them.

import type { CircuitBreakers, Cluster } from "../table/cluster.ts";

function partOf(limit: number, processes: number): number {
  return limit === 0 ? 0 : Math.ceil(limit / processes);
}

function part(breakers: CircuitBreakers, processes: number, together: boolean): CircuitBreakers {
  const of = (limit: number): number => partOf(limit, processes);
  const { retryBudget } = breakers;
  return {
    ...breakers,
    maxConnectionsPerHost: of(breakers.maxConnectionsPerHost),
    ...(together
      ? {}
      : {
          maxConnections: of(breakers.maxConnections),
          maxPendingRequests: of(breakers.maxPendingRequests),
          maxRequests: of(breakers.maxRequests),
          maxRetries: of(breakers.maxRetries),
          retryBudget: retryBudget && { ...retryBudget, min: of(retryBudget.min) },
        }),
  };
}

/** At least 1 each: a limit below the number of processes is met by that number instead. `together`: they count together. */
export function shareOf(breakers: Cluster["breakers"], processes: number, together: boolean): Cluster["breakers"] {
  return {
    default: part(breakers.default, processes, together),
    high: part(breakers.high, processes, together),
  };
}
