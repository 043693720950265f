// What the pages of the admin interface look at, and the few things that they change.

import type { Registry } from "../../stats/registry.ts";
import type { Configuration } from "../configuration.ts";

export interface AdminState {
  readonly configuration: Configuration;
  readonly registry: Registry;
  /** An encoded Bootstrap: decoded when somebody asks for it. */
  readonly bootstrap: Uint8Array;
  readonly version: string;
  /** `performance.now()` of the start, and the same moment in milliseconds since 1970. */
  readonly startedAt: number;
  readonly startedMs: number;
  readonly drainMs: number;
  /** Processes that are one proxy. */
  readonly workers: number;
  /** LIVE once every listener of the first configuration is open. */
  isReady(): boolean;
  /** Ends the process, as a signal would. */
  quit(): void;
}

export type ServerState = "LIVE" | "DRAINING" | "INITIALIZING";

/** Envoy: Utility::serverState; who is told to fail health checks drains. */
export function serverState({ configuration, isReady }: AdminState): ServerState {
  if (configuration.draining || configuration.healthCheckFailed) return "DRAINING";
  return isReady() ? "LIVE" : "INITIALIZING";
}
