// What a balancer may know of the request or byte stream that it chooses a host for (Envoy: LoadBalancerContext).

import type { SubsetMatch } from "../../table/subset.ts";
import type { Host } from "./host.ts";

export interface LoadBalancerContext<C = Host> {
  /** Of the route's hash policies (xxHash64); undefined when none found anything. */
  readonly hash: bigint | undefined;
  /** The metadata that hosts must have, where the cluster is divided by it; undefined: the route says nothing. */
  readonly metadataMatch: SubsetMatch | undefined;
  /** Matches to be tried one after the other in place of it. */
  readonly metadataMatches: readonly SubsetMatch[] | undefined;
  /** The host that a session is bound to, as `ip:port`; undefined without. */
  readonly overrideHost: OverrideHost | undefined;
  /** Priorities that a retry would rather not see again; undefined without such a policy. */
  readonly triedPriorities: ReadonlySet<number> | undefined;
  /** Decided already, by a cluster that stands for several; undefined: by the load of priorities. */
  readonly priority: { readonly priority: number; readonly degraded: boolean } | undefined;
  /** They are all that there are: from now on all will do again. */
  forgetTriedPriorities(): void;
  /** True when another host should be drawn instead, if there is one. */
  rejects(host: C): boolean;
  /** How many draws it may take; 1 asks no further. */
  readonly hostSelectionAttempts: number;
}

export interface OverrideHost {
  readonly label: string;
  /** No other host will do. */
  readonly strict: boolean;
}

/** Of somebody who takes any host. */
export const NO_PREFERENCE: LoadBalancerContext<unknown> = {
  hash: undefined,
  metadataMatch: undefined,
  metadataMatches: undefined,
  overrideHost: undefined,
  triedPriorities: undefined,
  priority: undefined,
  forgetTriedPriorities: () => {},
  rejects: () => false,
  hostSelectionAttempts: 1,
};
