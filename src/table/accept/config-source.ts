// Where resources come from that others name. All of them come by the one stream: what is read of it is how long to wait.

import type { ConfigSource } from "../../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import { milliseconds } from "./scope.ts";

/** Envoy's default of initial_fetch_timeout. */
const DEFAULT_FETCH_TIMEOUT_MS = 15_000;

/** How long who names a resource waits for it before it goes on without; 0 is for ever. */
export function fetchTimeoutMs(source: ConfigSource | undefined): number {
  return milliseconds(source?.initialFetchTimeout, DEFAULT_FETCH_TIMEOUT_MS);
}
