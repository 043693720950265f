// What every connection and request of a proxy shares. The maps are replaced entry by entry as configuration arrives; a request takes
// what is there when it needs it and keeps it to its end.

import type { RouteConfiguration } from "../table/http.ts";
import type { AccessLogs } from "./access-log.ts";
import type { OverloadState } from "./overload/state.ts";
import type { Reporter } from "./reporter.ts";
import type { SharedCells } from "./shared-cells.ts";
import type { StreamedLogs } from "./streamed-log/streamed-logs.ts";
import type { Taps } from "./tap.ts";
import type { Tracers } from "./tracing/exporter.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { NameCache } from "./upstream/names.ts";

/** The routes of a listener; RDS and VHDS replace `current`. Undefined until they arrive. */
export interface RouteHolder {
  current: RouteConfiguration | undefined;
}

export interface ProxyContext {
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly reporter: Reporter;
  readonly accessLogs: AccessLogs;
  readonly streamedLogs: StreamedLogs;
  readonly names: NameCache;
  /** Whether a listener of this proxy is bound to the port: what goes there from here would come back, and go there again. */
  isOwnPort(port: number): boolean;
  readonly taps: Taps;
  readonly tracers: Tracers;
  /** SPIFFE id of the proxy's own certificate; "" before it arrived. */
  readonly principal: string;
  /** The node's cluster in the bootstrap (Envoy: --service-cluster). */
  readonly serviceCluster: string;
  /** True from SIGTERM on: responses say `connection: close`. */
  readonly draining: boolean;
  /** True while the operator wants clients to go elsewhere: responses say the same, and health checks fail. */
  readonly healthCheckFailed: boolean;
  readonly overload: OverloadState;
  /** What it has in common with other processes; undefined: it is one process. */
  readonly shared: SharedCells | undefined;
}
