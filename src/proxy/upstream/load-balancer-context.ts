// What a balancer may know of the request or byte stream that it chooses a host for (Envoy: LoadBalancerContext).

import type { Host } from "./host.ts";

export interface LoadBalancerContext {
  /** Of the route's hash policies (xxHash64); undefined when none found anything. */
  readonly hash: bigint | undefined;
  /** Hosts to avoid, because this request was on them already. */
  readonly tried: readonly Host[] | undefined;
  /** How many draws it may take to avoid them. */
  readonly hostSelectionAttempts: number;
}

/** Of somebody who takes any host. */
export const NO_PREFERENCE: LoadBalancerContext = { hash: undefined, tried: undefined, hostSelectionAttempts: 1 };
