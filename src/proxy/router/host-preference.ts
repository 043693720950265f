// What a request says to the balancer that chooses a host for one of its attempts.

import type { MetadataMatch } from "../../table/route.ts";
import type { SubsetMatch } from "../../table/subset.ts";
import type { Host } from "../upstream/host.ts";
import { type LoadBalancerContext, NO_PREFERENCE, type OverrideHost } from "../upstream/load-balancer-context.ts";
import type { RetryState } from "./retry-state.ts";

/** Most requests have nothing to say. `retry`: undefined for the first attempt, which alone goes to the host that a session is bound to, as in Envoy. */
export function hostPreference(
  hash: bigint | undefined,
  match: MetadataMatch | undefined,
  session: OverrideHost | undefined,
  retry: RetryState | undefined,
): LoadBalancerContext {
  if (retry) return new RetryPreference(hash, match, retry);
  return hash === undefined && !match && !session ? NO_PREFERENCE : new HostPreference(hash, match, session);
}

class HostPreference implements LoadBalancerContext {
  readonly hash: bigint | undefined;
  readonly metadataMatch: SubsetMatch | undefined;
  readonly metadataMatches: readonly SubsetMatch[] | undefined;
  readonly overrideHost: OverrideHost | undefined;
  readonly priority = undefined;
  readonly triedPriorities = undefined;
  readonly hostSelectionAttempts = 1;

  constructor(hash: bigint | undefined, match: MetadataMatch | undefined, session: OverrideHost | undefined) {
    this.hash = hash;
    this.metadataMatch = match?.single;
    this.metadataMatches = match?.list;
    this.overrideHost = session;
  }

  forgetTriedPriorities(): void {}

  rejects(): boolean {
    return false;
  }
}

class RetryPreference implements LoadBalancerContext {
  readonly hash: bigint | undefined;
  readonly metadataMatch: SubsetMatch | undefined;
  readonly metadataMatches: readonly SubsetMatch[] | undefined;
  readonly overrideHost = undefined;
  readonly priority = undefined;
  readonly #retry: RetryState;

  constructor(hash: bigint | undefined, match: MetadataMatch | undefined, retry: RetryState) {
    this.hash = hash;
    this.metadataMatch = match?.single;
    this.metadataMatches = match?.list;
    this.#retry = retry;
  }

  get triedPriorities(): ReadonlySet<number> | undefined {
    return this.#retry.triedPriorities;
  }

  get hostSelectionAttempts(): number {
    return this.#retry.hostSelectionAttempts;
  }

  forgetTriedPriorities(): void {
    this.#retry.forgetTriedPriorities();
  }

  rejects(host: Host): boolean {
    return this.#retry.rejects(host);
  }
}
