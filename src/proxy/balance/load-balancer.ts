// Which host gets a request: a priority by its load, hosts of it by their health and locality, one of them by the policy.

import type { LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import type { Candidate } from "./candidate.ts";
import type { PrioritySet } from "./host-set.ts";
import { choosePriority, type PriorityChoice, type PriorityLoad, priorityLoad } from "./priority-load.ts";

/** One for each state of a cluster's hosts: a change of any of them makes another. */
export interface LoadBalancer<C> {
  /** Undefined: there is nobody to go to. */
  choose(context: LoadBalancerContext<C>): C | undefined;
}

/** The priority that a request goes to. `point`: from 0 to 99. A retry may avoid the priorities that it has tried. */
export function priorityFor<C extends Candidate>(
  context: LoadBalancerContext<C>,
  load: PriorityLoad,
  all: PrioritySet<C>,
  panicThreshold: number,
  point: number,
): PriorityChoice {
  if (context.priority) return context.priority;
  const tried = context.triedPriorities;
  if (!tried || all.sets.length === 1) return choosePriority(load, point);
  if (
    all.sets.every(({ priority, healthy, degraded }) => tried.has(priority) || healthy.length + degraded.length === 0)
  ) {
    context.forgetTriedPriorities();
    return choosePriority(load, point);
  }
  return choosePriority(priorityLoad(all, panicThreshold, tried), point);
}
