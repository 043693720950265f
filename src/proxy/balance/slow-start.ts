// The part of its weight that a host has which began to be healthy a short while ago (Envoy: EdfLoadBalancerBase::applySlowStartFactor).

import type { SlowStart } from "../../table/balancing.ts";

export function slowStartFactor({ windowMs, aggression, minWeight }: SlowStart, healthyForMs: number): number {
  if (healthyForMs >= windowMs) return 1;
  const part = Math.max(healthyForMs, 1) / windowMs;
  return Math.max(aggression === 1 ? part : part ** (1 / aggression), minWeight);
}
