// What the two proxies do not have in common. Each entry goes when it becomes true of both.

import type { WorkloadProxy } from "../model/workload.ts";

export interface ProxyFeatures {
  /** Reports requests to the agent's access log service, which counts them: Heddle's proxy counts its own. */
  readonly accessLogService: boolean;
  /** Asks external authorizers (envoy.filters.http.ext_authz). */
  readonly asksAuthorizers: boolean;
  /** Verifies tokens (envoy.filters.http.jwt_authn). */
  readonly verifiesTokens: boolean;
  /** Judges connections by rules that are on trial. */
  readonly triesConnections: boolean;
}

const FEATURES: Readonly<Record<WorkloadProxy["kind"], ProxyFeatures>> = {
  heddle: { accessLogService: false, asksAuthorizers: false, verifiesTokens: false, triesConnections: false },
  envoy: { accessLogService: true, asksAuthorizers: true, verifiesTokens: true, triesConnections: true },
};

export function featuresOf(kind: WorkloadProxy["kind"]): ProxyFeatures {
  return FEATURES[kind];
}
