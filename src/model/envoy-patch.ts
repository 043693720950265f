// Changes to what Envoys are told, in Envoy's own terms: the one part of the model that speaks of one proxy, because that is what its author means.
// Heddle's own proxy takes none of them.

import type { Authored } from "./origin.ts";
import type { WorkloadScope } from "./workload-scope.ts";

export type PatchTarget =
  | "bootstrap"
  | "cluster"
  | "extension-config"
  | "filter-chain"
  | "http-filter"
  | "http-route"
  | "listener"
  | "listener-filter"
  | "network-filter"
  | "route-configuration"
  | "virtual-host";

/** `merge-replacing-lists`: as `merge`, but lists take the place of lists. */
export type PatchOperation =
  | "merge"
  | "merge-replacing-lists"
  | "add"
  | "remove"
  | "insert-before"
  | "insert-after"
  | "insert-first"
  | "replace";

export type PatchContext = "any" | "inbound" | "outbound" | "gateway";

/** Which proxies, by what they say of themselves. */
export interface ProxyMatch {
  /** RE2, found anywhere in the version. */
  readonly version?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** In all matches: undefined is anything. Ports, listeners and route configurations go by Istio's names. */
export interface ListenerMatch {
  readonly port?: number | undefined;
  readonly name?: string | undefined;
  readonly listenerFilter?: string | undefined;
  readonly chain?:
    | {
        readonly name?: string | undefined;
        readonly serverName?: string | undefined;
        readonly transportProtocol?: string | undefined;
        readonly applicationProtocols: readonly string[];
        readonly destinationPort?: number | undefined;
        readonly filter?: string | undefined;
        /** Of the HTTP filters inside of the filter. */
        readonly subFilter?: string | undefined;
      }
    | undefined;
}

export interface RouteConfigurationMatch {
  readonly port?: number | undefined;
  readonly portName?: string | undefined;
  /** `<namespace>/<name>`. */
  readonly gateway?: string | undefined;
  readonly name?: string | undefined;
  readonly virtualHost?:
    | {
        readonly name?: string | undefined;
        readonly domain?: string | undefined;
        readonly route?:
          | { readonly name?: string | undefined; readonly action: "any" | "route" | "redirect" | "direct-response" }
          | undefined;
      }
    | undefined;
}

export interface ClusterMatch {
  readonly name?: string | undefined;
  readonly service?: string | undefined;
  readonly subset?: string | undefined;
  readonly port?: number | undefined;
}

export interface EnvoyPatch {
  readonly target: PatchTarget;
  readonly operation: PatchOperation;
  readonly context: PatchContext;
  readonly proxy?: ProxyMatch | undefined;
  readonly listener?: ListenerMatch | undefined;
  readonly routes?: RouteConfigurationMatch | undefined;
  readonly cluster?: ClusterMatch | undefined;
  /** JSON of the target's message; undefined where nothing is put in. */
  readonly value?: unknown;
  /** Its place in the object. */
  readonly path: string;
}

/** The patches of one object, in their order. */
export interface EnvoyPatches extends Authored {
  readonly scope: WorkloadScope;
  /** Lower ones first. */
  readonly priority: number;
  readonly patches: readonly EnvoyPatch[];
}
