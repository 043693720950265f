// The settings that a client follows towards one cluster: the policy's or the subset's, else the mesh's.

import {
  type ClientDefaults,
  type ClientPolicy,
  type ClientSettings,
  type ClientTls,
  type ConnectionPool,
  type EndpointChoice,
  type OutlierDetection,
  type ProxyProtocolVersion,
  type RetryBudget,
  type Subset,
  settingsFor,
  subsetByName,
  type TcpKeepalive,
  type Tunnel,
} from "../model/client-policy.ts";
import type { LocalityPreference } from "../model/locality-preference.ts";
import { type Client, clientPolicyFor, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service } from "../model/service.ts";

export interface EffectiveSettings {
  readonly loadBalancing: EndpointChoice;
  readonly locality: LocalityPreference;
  readonly connectTimeoutMs: number;
  readonly pool: ConnectionPool | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
  readonly tls: ClientTls | undefined;
  readonly tunnel: Tunnel | undefined;
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
}

const NONE: LocalityPreference = { kind: "none" };

/**
 * By block, as the policy's author sees it: a pool that sets one limit does not take the others from the mesh's defaults. A few things
 * Istio takes field by field from the mesh (applyH2Upgrade, setKeepAliveSettings).
 */
function poolOf(own: ConnectionPool | undefined, mesh: ConnectionPool | undefined): ConnectionPool | undefined {
  if (!own || !mesh) return own ?? mesh;
  const { tcpKeepalive: probing, upgradeToHttp2, dnsRefreshMs, bufferBytes } = mesh;
  if (!probing && [upgradeToHttp2, dnsRefreshMs, bufferBytes].every((each) => each === undefined)) return own;
  return {
    ...own,
    dnsRefreshMs,
    bufferBytes,
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

/** Without ejection Envoy never finds that an endpoint fails, and nobody would be fallen back to. */
function localityOf(defaults: ClientSettings, own: ClientSettings): LocalityPreference {
  const preference = own.loadBalancing?.locality ?? defaults.loadBalancing?.locality ?? NONE;
  const ejects = (own.outlierDetection ?? defaults.outlierDetection) !== undefined;
  return preference.kind === "failover" && !ejects && !preference.always ? NONE : preference;
}

function nearest(...names: readonly string[]): LocalityPreference {
  return { kind: "failover", labels: names.map((name) => ({ name })), regions: [], always: true };
}

const TOPOLOGY = [
  "topology.istio.io/network",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
] as const;

/** Istio's order of failover for each trafficDistribution (GetLocalityLbSetting), which waits for no ejection. */
const PREFERRED = { zone: nearest(...TOPOLOGY), node: nearest(...TOPOLOGY, "kubernetes.io/hostname") };

/** What holds towards the service where no policy says anything: its own preference of places, else the mesh's. */
export function defaultsTowards(defaults: ClientDefaults, { prefers }: Pick<Service, "prefers">): ClientDefaults {
  if (!prefers) return defaults;
  const balancing = defaults.loadBalancing ?? ({ kind: "least-request" } as const);
  return { ...defaults, loadBalancing: { ...balancing, locality: PREFERRED[prefers] } };
}

/** Istio's `connectTimeout`. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What holds for one port of a service, or of a subset. */
export function settingsAt(
  defaults: ClientDefaults,
  policy: ClientPolicy | undefined,
  subset: Subset | undefined,
  port: number,
): EffectiveSettings {
  const scope = subset ?? policy;
  return effectiveSettings(defaults, scope ? settingsFor(scope, port) : {});
}

export function effectiveSettings(defaults: ClientDefaults, own: ClientSettings): EffectiveSettings {
  const said = own.connectionPool ?? defaults.limits;
  const pool = poolOf(said, defaults.connectionPool);
  return {
    loadBalancing: own.loadBalancing ?? defaults.loadBalancing ?? { kind: "least-request" },
    locality: localityOf(defaults, own),
    connectTimeoutMs: pool?.connectTimeoutMs ?? defaults.connectionPool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    pool,
    // Who counts retries himself does not want the mesh's budget.
    retryBudget: own.retryBudget ?? (said?.maxRetries === undefined ? defaults.retryBudget : undefined),
    outlierDetection: own.outlierDetection ?? defaults.outlierDetection,
    tls: own.tls ?? defaults.tls,
    tunnel: own.tunnel,
    proxyProtocol: own.proxyProtocol,
  };
}

/** Undefined: nobody said anything of this service, nor of all services, and what proxies do by themselves holds. */
export function clientSettingsFor(
  mesh: Mesh,
  client: Client,
  host: string,
  port: number,
  subset: string,
): EffectiveSettings | undefined {
  const service = serviceFor(mesh, host, client.namespace);
  const policy = service && clientPolicyFor(mesh, service, client);
  const { client: defaults } = mesh.settings.defaults;
  if (!service || !(policy || defaults.limits)) return undefined;
  const own = subset === "" || !policy ? undefined : subsetByName(policy, subset);
  return settingsAt(defaultsTowards(defaults, service), policy, own, port);
}
