// How a cluster shares requests out among its hosts.

import type { SubsetPolicy } from "./subset.ts";

/** New hosts begin with a part of their weight, and have all of it when the window is over. */
export interface SlowStart {
  readonly windowMs: number;
  /** 1 grows evenly; above it more at the beginning. */
  readonly aggression: number;
  /** The least part, from 0 to 1. */
  readonly minWeight: number;
}

export type HashFunction = "xx-hash" | "murmur-hash-2";

export interface ConsistentHashing {
  /** The host's name stands for it, instead of its address. */
  readonly byHostname: boolean;
  /** No host has more than this percentage of the average; 0 is without bound. */
  readonly balanceFactor: number;
}

/** By the load that hosts report in their responses (ORCA). */
export interface ByReportedLoad {
  /** How long a host must have reported before its reports count. */
  readonly blackoutMs: number;
  /** How long its last report counts. */
  readonly expirationMs: number;
  readonly updateMs: number;
  /** What a request that failed adds to the utilization. */
  readonly errorPenalty: number;
  /** Metrics whose largest is the utilization, in place of the application's and the processor's; like `named_metrics.queue`. */
  readonly metricNames: readonly string[];
  readonly slowStart: SlowStart | undefined;
}

export type BalancerPolicy =
  | { readonly kind: "round-robin"; readonly slowStart: SlowStart | undefined }
  | {
      readonly kind: "least-request";
      readonly choices: number;
      /** All hosts are looked at in place of `choices`. */
      readonly fullScan: boolean;
      /** How much requests under way count against a host where weights differ; 0 is round robin. */
      readonly activeRequestBias: number;
      readonly slowStart: SlowStart | undefined;
    }
  | ({ readonly kind: "client-side-weighted-round-robin" } & ByReportedLoad)
  | { readonly kind: "random" }
  /** Of two drawn hosts, the one whose response is expected first. `decayMs`: after it, a past latency counts a third. */
  | { readonly kind: "peak-ewma"; readonly decayMs: number }
  | {
      readonly kind: "ring-hash";
      readonly minimumSize: number;
      readonly maximumSize: number;
      readonly hashFunction: HashFunction;
      readonly hashing: ConsistentHashing;
    }
  | { readonly kind: "maglev"; readonly tableSize: number; readonly hashing: ConsistentHashing };

export type LocalityPolicy =
  /** Localities as such do not matter. Zones do where the proxy knows its own cluster, as in Envoy. */
  | {
      readonly kind: "zone-aware";
      readonly minClusterSize: number;
      /** Percentage of the requests that keep to the zone. */
      readonly routingEnabled: number;
      readonly failTrafficOnPanic: boolean;
      /** With so many healthy hosts in the proxy's zone all requests keep to it. */
      readonly forcedLocalHosts: number;
      /** What zones are measured by. */
      readonly basis: "hosts" | "weights";
    }
  /** By the weights of the localities. */
  | { readonly kind: "weighted" };

export interface Balancing {
  readonly policy: BalancerPolicy;
  readonly locality: LocalityPolicy;
  /** Below this percentage of healthy hosts, health is ignored. */
  readonly panicThreshold: number;
  readonly subsets: SubsetPolicy | undefined;
}
