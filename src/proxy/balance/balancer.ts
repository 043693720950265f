// Which host gets a request.

import type { BalancerPolicy } from "../../table/cluster.ts";
import type { Balancer } from "./candidate.ts";
import { LeastRequest } from "./least-request.ts";
import { RandomChoice } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";

export function createBalancer(policy: BalancerPolicy): Balancer {
  switch (policy.kind) {
    case "round-robin":
      return new RoundRobin();
    case "least-request":
      return new LeastRequest(policy.choices);
    case "random":
      return new RandomChoice();
  }
}
