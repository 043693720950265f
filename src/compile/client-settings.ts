// The settings that a client follows towards one cluster: the policy's or the subset's, else the mesh's.

import {
  type ClientPolicy,
  type ClientSettings,
  type ClientTls,
  type ConnectionPool,
  type LoadBalancing,
  type OutlierDetection,
  type RetryBudget,
  type Subset,
  settingsFor,
} from "../model/client-policy.ts";

export interface EffectiveSettings {
  readonly loadBalancing: LoadBalancing;
  readonly connectTimeoutMs: number;
  readonly pool: ConnectionPool | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
}

/** Istio's `connectTimeout`. */
const CONNECT_TIMEOUT_MS = 10_000;

export function effectiveSettings(
  defaults: ClientSettings,
  policy: ClientPolicy | undefined,
  subset: Subset | undefined,
  port: number,
): EffectiveSettings {
  const scope = subset ?? policy;
  const own: ClientSettings = scope ? settingsFor(scope, port) : {};
  // By block, as the policy's author sees it: a pool that sets one limit does not take the others from the mesh's defaults.
  const pool = own.connectionPool ?? defaults.connectionPool;
  return {
    loadBalancing: own.loadBalancing ?? defaults.loadBalancing ?? { kind: "least-request" },
    connectTimeoutMs: pool?.connectTimeoutMs ?? defaults.connectionPool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    pool,
    // Who counts retries himself does not want the mesh's budget.
    retryBudget: own.retryBudget ?? (own.connectionPool?.maxRetries === undefined ? defaults.retryBudget : undefined),
    outlierDetection: own.outlierDetection ?? defaults.outlierDetection,
    tls: own.tls ?? defaults.tls,
  };
}
