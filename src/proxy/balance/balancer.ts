// The balancer of a cluster for the hosts that it has now.

import type { Balancing } from "../../table/balancing.ts";
import type { Candidate } from "./candidate.ts";
import { HashBalancer } from "./hash-balancer.ts";
import type { PrioritySet } from "./host-set.ts";
import type { LoadBalancer } from "./load-balancer.ts";
import { SubsetBalancer } from "./subset-balancer.ts";
import { TurnBalancer } from "./turn-balancer.ts";

function withoutSubsets<C extends Candidate>(
  all: PrioritySet<C>,
  balancing: Balancing,
  callers: PrioritySet<Candidate> | undefined,
): LoadBalancer<C> {
  const { policy } = balancing;
  return policy.kind === "ring-hash" || policy.kind === "maglev"
    ? new HashBalancer(all, balancing, policy)
    : new TurnBalancer(all, balancing, policy, callers);
}

/** `callers`: the proxy's own cluster, where it is known: zones matter then. */
export function createBalancer<C extends Candidate>(
  all: PrioritySet<C>,
  balancing: Balancing,
  callers: PrioritySet<Candidate> | undefined,
): LoadBalancer<C> {
  if (!balancing.subsets) return withoutSubsets(all, balancing, callers);
  return new SubsetBalancer(all, balancing.subsets, (subset) => withoutSubsets(subset, balancing, callers));
}
