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
  subsetByName,
  type TcpKeepalive,
} from "../model/client-policy.ts";
import { type Client, clientPolicyFor, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";

export interface EffectiveSettings {
  readonly loadBalancing: LoadBalancing;
  readonly connectTimeoutMs: number;
  readonly pool: ConnectionPool | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
}

/**
 * By block, as the policy's author sees it: a pool that sets one limit does not take the others from the mesh's defaults. Two things
 * Istio takes field by field from the mesh (applyH2Upgrade, setKeepAliveSettings).
 */
function poolOf(own: ConnectionPool | undefined, mesh: ConnectionPool | undefined): ConnectionPool | undefined {
  if (!own || !mesh) return own ?? mesh;
  const { tcpKeepalive: probing, upgradeToHttp2 } = mesh;
  if (!probing && upgradeToHttp2 === undefined) return own;
  return {
    ...own,
    upgradeToHttp2: own.upgradeToHttp2 ?? upgradeToHttp2,
    tcpKeepalive: keepaliveOf(own.tcpKeepalive, probing),
  };
}

function keepaliveOf(own: TcpKeepalive | undefined, mesh: TcpKeepalive | undefined): TcpKeepalive | undefined {
  if (!own || !mesh) return own ?? mesh;
  return {
    probes: own.probes ?? mesh.probes,
    idleMs: own.idleMs ?? mesh.idleMs,
    intervalMs: own.intervalMs ?? mesh.intervalMs,
  };
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
  const pool = poolOf(own.connectionPool, defaults.connectionPool);
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

/** Undefined: nobody said anything of this service, and the mesh's defaults hold. */
export function clientSettingsFor(
  mesh: Mesh,
  client: Client,
  host: string,
  port: number,
  subset: string,
): EffectiveSettings | undefined {
  const service = serviceFor(mesh, host, client.namespace);
  const policy = service && clientPolicyFor(mesh, service, client);
  if (!policy) return undefined;
  const own = subset === "" ? undefined : subsetByName(policy, subset);
  return effectiveSettings(mesh.settings.defaults.client, policy, own, port);
}
