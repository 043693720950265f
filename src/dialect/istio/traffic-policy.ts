// DestinationRule `trafficPolicy` → client settings, and how its levels go together.

import type {
  ClientSettings,
  ClientTls,
  ConnectionPool,
  OutlierDetection,
  RetryBudget,
  ScopedSettings,
} from "../../model/client-policy.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import type {
  ConnectionPoolSpec,
  OutlierDetectionSpec,
  PortPolicySpec,
  RetryBudgetSpec,
  TlsSpec,
  TrafficPolicySpec,
} from "./destination-rule-schema.ts";
import * as diagnostics from "./diagnostics.ts";
import { readLoadBalancer } from "./load-balancer.ts";
import * as refusals from "./refusals.ts";
import { checkRootsNames } from "./roots-names.ts";
import * as traffic from "./traffic-diagnostics.ts";

/** A policy as written: an unset block is undefined at each level. What has one level alone is for all ports. */
export function readTrafficPolicy(
  spec: TrafficPolicySpec | undefined,
  path: string,
  reporter: Reporter,
): ScopedSettings {
  if (spec && Object.keys(spec).length === 0)
    reporter.report(path, refusals.saysNothing("trafficPolicy", "no trafficPolicy"));
  if (spec?.tunnel && spec.proxyProtocol)
    reporter.report(`${path}.proxyProtocol`, refusals.tunnelBesideProxyProtocol());
  const common = readCommon(spec ?? {});
  const ports = (spec?.portLevelSettings ?? []).map(({ port, ...policy }, i) => {
    const at = `${path}.portLevelSettings[${i}]`;
    if (Object.keys(policy).length === 0)
      reporter.report(
        at,
        refusals.saysNothing(
          `the policy of port ${port.number}`,
          "loadBalancer, connectionPool, outlierDetection or tls",
        ),
      );
    return { port: port.number, settings: { ...readSettings(policy, at, reporter), ...common } };
  });
  const settings = { ...readSettings(spec ?? {}, path, reporter), ...common };
  return { settings, ports: ports.sort((a, b) => a.port - b.port) };
}

function readCommon({ retryBudget, tunnel, proxyProtocol }: TrafficPolicySpec): ClientSettings {
  return {
    retryBudget: retryBudget && readRetryBudget(retryBudget),
    tunnel: tunnel && { method: tunnel.protocol ?? "CONNECT", host: tunnel.targetHost, port: tunnel.targetPort },
    proxyProtocol: proxyProtocol && (proxyProtocol.version === "V2" ? "v2" : "v1"),
  };
}

/** Istio's defaults, which are Envoy's. */
function readRetryBudget({ percent = 20, minRetryConcurrency = 3, budgetInterval }: RetryBudgetSpec): RetryBudget {
  return {
    percent,
    minConcurrency: minRetryConcurrency,
    ...(budgetInterval ? { intervalMs: budgetInterval } : {}),
  };
}

function readSettings(spec: PortPolicySpec, path: string, reporter: Reporter): ClientSettings {
  for (const field of ["localityLbSetting", "zoneAwareLbSetting"] as const) {
    const locality = spec.loadBalancer?.[field];
    if ((locality?.failover || locality?.failoverPriority) && !spec.outlierDetection)
      reporter.report(`${path}.loadBalancer.${field}`, traffic.failoverWithoutDetection());
  }
  if (spec.outlierDetection?.consecutiveLocalOriginFailures && !spec.outlierDetection.splitExternalLocalOriginErrors)
    reporter.report(`${path}.outlierDetection.consecutiveLocalOriginFailures`, traffic.localFailuresNotSplit());
  checkConnectionPool(spec.connectionPool, `${path}.connectionPool`, reporter);
  const { h2UpgradePolicy, useClientProtocol } = spec.connectionPool?.http ?? {};
  if (h2UpgradePolicy === "UPGRADE" && useClientProtocol)
    reporter.report(`${path}.connectionPool.http.useClientProtocol`, traffic.upgradeOfClients());
  return {
    loadBalancing: spec.loadBalancer && readLoadBalancer(spec.loadBalancer, joinPath(path, "loadBalancer"), reporter),
    connectionPool: spec.connectionPool && readConnectionPool(spec.connectionPool),
    outlierDetection: spec.outlierDetection && readOutlierDetection(spec.outlierDetection),
    tls: spec.tls && readTls(spec.tls, joinPath(path, "tls"), reporter),
  };
}

/**
 * A subset's settings over those of its rule (MergeTrafficPolicy): block by block, an unset block is the rule's; but port settings
 * of the subset replace everything, unset blocks included.
 */
export function mergeSubset(rule: ScopedSettings, subset: ScopedSettings): ScopedSettings {
  const own = new Map(subset.ports.map((entry) => [entry.port, entry.settings]));
  const numbers = [...new Set([...own.keys(), ...rule.ports.map((entry) => entry.port)])].sort((a, b) => a - b);
  const inherited = new Map(rule.ports.map((entry) => [entry.port, entry.settings]));
  return {
    settings: overlay(rule.settings, subset.settings),
    ports: numbers.map((port) => ({ port, settings: portSettings(own.get(port), inherited.get(port), rule, subset) })),
  };
}

function portSettings(
  own: ClientSettings | undefined,
  inherited: ClientSettings | undefined,
  rule: ScopedSettings,
  subset: ScopedSettings,
): ClientSettings {
  if (own) return { ...own, ...overlayCommon(rule.settings, own) };
  return overlay(inherited ?? {}, subset.settings);
}

/** `above` where it says anything, block by block: a block is never mixed from two levels. */
function overlay(below: ClientSettings, above: ClientSettings): ClientSettings {
  return {
    loadBalancing: above.loadBalancing ?? below.loadBalancing,
    connectionPool: above.connectionPool ?? below.connectionPool,
    outlierDetection: above.outlierDetection ?? below.outlierDetection,
    tls: above.tls ?? below.tls,
    ...overlayCommon(below, above),
  };
}

/** What port settings do not replace. */
function overlayCommon(below: ClientSettings, above: ClientSettings): ClientSettings {
  return {
    retryBudget: above.retryBudget ?? below.retryBudget,
    tunnel: above.tunnel ?? below.tunnel,
    proxyProtocol: above.proxyProtocol ?? below.proxyProtocol,
  };
}

/** Istio reads 0 as "not said": a limit of none cannot be written. */
function limit(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

/** Envoy demands one; a peer that has not answered for that long answers no more. */
const PING_TIMEOUT_MS = 10_000;

export function checkConnectionPool(spec: ConnectionPoolSpec | undefined, path: string, reporter: Reporter): void {
  if (spec && !spec.tcp && !spec.http) reporter.report(path, refusals.saysNothing("connectionPool", "tcp or http"));
}

export function readConnectionPool({ tcp = {}, http = {} }: ConnectionPoolSpec): ConnectionPool {
  return {
    connectTimeoutMs: tcp.connectTimeout,
    tcpKeepalive: tcp.tcpKeepalive && {
      probes: limit(tcp.tcpKeepalive.probes),
      idleMs: tcp.tcpKeepalive.time,
      intervalMs: tcp.tcpKeepalive.interval,
    },
    maxConnectionDurationMs: tcp.maxConnectionDuration,
    tcpIdleTimeoutMs: tcp.idleTimeout,
    http2Keepalive: http.http2KeepAlive && {
      intervalMs: http.http2KeepAlive.interval,
      timeoutMs: http.http2KeepAlive.timeout ?? PING_TIMEOUT_MS,
    },
    maxConnections: limit(tcp.maxConnections),
    maxPendingRequests: limit(http.http1MaxPendingRequests),
    maxRequests: limit(http.http2MaxRequests),
    maxRequestsPerConnection: limit(http.maxRequestsPerConnection),
    maxRetries: limit(http.maxRetries),
    httpIdleTimeoutMs: http.idleTimeout,
    maxConcurrentStreams: limit(http.maxConcurrentStreams),
    upgradeToHttp2:
      http.h2UpgradePolicy === "UPGRADE" ? true : http.h2UpgradePolicy === "DO_NOT_UPGRADE" ? false : undefined,
    keepsProtocol: http.useClientProtocol === true ? true : undefined,
  };
}

/** Envoy's. */
const LOCAL_FAILURES = 5;

/** What the block leaves out is Envoy's default, except for gateway errors, which Istio counts only when asked to. */
export function readOutlierDetection(spec: OutlierDetectionSpec): OutlierDetection {
  const { outlierDetectionHttpErrorCodes: codes = [] } = spec;
  return {
    ...(codes.length === 0 ? {} : { errorStatuses: [...new Set(codes)].sort((a, b) => a - b) }),
    consecutive5xx: spec.consecutive5xxErrors ?? 5,
    consecutiveGatewayErrors: spec.consecutiveGatewayErrors ?? 0,
    consecutiveLocalFailures: spec.splitExternalLocalOriginErrors
      ? spec.consecutiveLocalOriginFailures || LOCAL_FAILURES
      : undefined,
    ...(spec.failurePercentageThreshold ? { failurePercentage: spec.failurePercentageThreshold } : {}),
    intervalMs: spec.interval ?? 10_000,
    baseEjectionMs: spec.baseEjectionTime ?? 30_000,
    maxEjectionPercent: spec.maxEjectionPercent || 10,
    minHealthPercent: spec.minHealthPercent ?? 0,
  };
}

type TlsMode = NonNullable<TlsSpec["mode"]>;

const ROOTS_FILES = ["caCertificates", "caCrl"] as const;
const FILES = ["clientCertificate", "privateKey", ...ROOTS_FILES] as const;

/**
 * `tls: {}` is DISABLE, the enum's zero, while no tls block at all leaves the choice to the mesh. Files are those of the proxy's
 * container; SIMPLE without `sni` takes the request's host, without roots the operating system's.
 */
export function readTls(spec: TlsSpec, path: string, reporter: Reporter): ClientTls {
  const { mode = "DISABLE", sni, subjectAltNames = [] } = spec;
  checkTlsFields(spec, mode, path, reporter);
  switch (mode) {
    case "DISABLE":
      return { kind: "disable" };
    case "ISTIO_MUTUAL":
      return { kind: "mesh", sni, subjectAltNames };
    case "SIMPLE":
    case "MUTUAL":
      return originated(spec, mode, path, reporter);
  }
}

function originated(spec: TlsSpec, mode: "SIMPLE" | "MUTUAL", path: string, reporter: Reporter): ClientTls {
  const { sni, subjectAltNames = [], clientCertificate, privateKey, caCertificates, caCrl, credentialName } = spec;
  const { caCertCredentialName } = spec;
  const skipVerify = spec.insecureSkipVerify ?? false;
  const common = { kind: "simple", sni, subjectAltNames, skipVerify } as const;
  const mutual = mode === "MUTUAL";
  checkRootsNames(spec, path, reporter);
  if (credentialName !== undefined) {
    for (const field of FILES)
      if (spec[field] !== undefined) reporter.report(joinPath(path, field), traffic.filesBesideCredential(field));
    const roots = caCertCredentialName === undefined ? {} : { rootsName: caCertCredentialName };
    return { ...common, credential: { name: credentialName, ...roots, mutual, verifies: !skipVerify } };
  }
  const files = mutual ? { certificate: { chainFile: clientCertificate ?? "", keyFile: privateKey ?? "" } } : {};
  if (caCertCredentialName !== undefined && !skipVerify) {
    for (const field of ROOTS_FILES)
      if (spec[field] !== undefined) reporter.report(joinPath(path, field), traffic.rootsOfSecret(field));
    return { ...common, ...files, credential: { name: caCertCredentialName, mutual: false, verifies: true } };
  }
  return { ...common, caFile: caCertificates, ...(caCrl === undefined ? {} : { revokedFile: caCrl }), ...files };
}

function checkTlsFields(spec: TlsSpec, mode: TlsMode, path: string, reporter: Reporter): void {
  const own = ["clientCertificate", "privateKey"] as const;
  const forbidden = mode === "SIMPLE" ? own : mode === "ISTIO_MUTUAL" ? ([...own, "caCertificates"] as const) : [];
  for (const field of forbidden)
    if (spec[field] !== undefined && spec.credentialName === undefined)
      reporter.report(joinPath(path, field), diagnostics.tlsFields(mode, field, "takes no"));
  if (mode === "MUTUAL" && spec.credentialName === undefined) {
    for (const field of own)
      if (spec[field] === undefined) reporter.report(path, diagnostics.tlsFields(mode, field, "needs"));
  }
  if (mode === "SIMPLE" || mode === "MUTUAL") return;
  for (const field of ["caCrl", "credentialName", "caCertCredentialName"] as const)
    if (spec[field] !== undefined) reporter.report(joinPath(path, field), traffic.withoutEffectInMode(mode, field));
}
