// What Envoys run in the way of requests and connections: WebAssembly, and scripts in Lua.

import type { Authored } from "./origin.ts";
import type { WorkloadScope } from "./workload-scope.ts";

/** `unreachable`: no proxy could fetch it. */
export type WasmModule =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "http"; readonly url: string; readonly sha256: string }
  | { readonly kind: "unreachable"; readonly url: string };

export interface WasmFilter {
  readonly kind: "wasm";
  /** Of whom the module is asked for: one may hold several. */
  readonly pluginName: string;
  readonly module: WasmModule;
  readonly layer: "http" | "network";
  /** JSON, as the module gets it. */
  readonly configuration?: string | undefined;
  /** When the module cannot be had or fails: refuse, go on without it, or start it anew and refuse meanwhile. */
  readonly onFailure: "refuse" | "pass" | "reload";
  readonly environment: {
    readonly values: Readonly<Record<string, string>>;
    /** Names of the proxy's own variables. */
    readonly fromProxy: readonly string[];
  };
}

export interface LuaFilter {
  readonly kind: "lua";
  /** The script itself. */
  readonly code: string;
}

/** Where it stands among authentication (`authn`: before), authorization (`authz`: before) and what comes then (`stats`, and last of all `end`). */
export type ExtensionPhase = "authn" | "authz" | "stats" | "end";

/** `client`: what the workload sends; `server`: what it is sent. No ports: all of them. */
export interface ExtendedTraffic {
  readonly mode: "client" | "server" | "both";
  readonly ports: readonly number[];
}

export interface TrafficExtension extends Authored {
  readonly scope: WorkloadScope;
  readonly filter: WasmFilter | LuaFilter;
  readonly phase: ExtensionPhase;
  /** Higher ones first. */
  readonly priority: number;
  /** None: everything. */
  readonly traffic: readonly ExtendedTraffic[];
}
