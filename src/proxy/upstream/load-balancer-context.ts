// What a balancer may know of the request or byte stream that it chooses a host for (Envoy: LoadBalancerContext).

import type { Host } from "./host.ts";

export interface LoadBalancerContext {
  /** Of the route's hash policies (xxHash64); undefined when none found anything. */
  readonly hash: bigint | undefined;
  /** True when another host should be drawn instead, if there is one. */
  rejects(host: Host): boolean;
  /** How many draws it may take; 1 asks no further. */
  readonly hostSelectionAttempts: number;
}

/** Of somebody who takes any host. */
export const NO_PREFERENCE: LoadBalancerContext = { hash: undefined, rejects: () => false, hostSelectionAttempts: 1 };
