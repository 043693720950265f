// What holds for a whole mesh before anybody writes a policy.

import type { AccessLog } from "./access-log.ts";
import type { Authorizer } from "./authorizer.ts";
import type { ClientDefaults, OriginatedTls, RetryBudget } from "./client-policy.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import type { EntryVisibility } from "./entry-visibility.ts";
import type { TlsVersion } from "./gateway.ts";
import type { LabelSelector } from "./label-selector.ts";
import { NEAREST_FIRST } from "./locality-preference.ts";
import { DEFAULT_PROXY_HEADERS, type ProxyHeaders } from "./proxy-headers.ts";
import { AS_IT_LIKES, type ProxyStart } from "./proxy-start.ts";
import type { BackendTarget, RetryPolicy } from "./route.ts";
import type { MtlsMode } from "./server-policy.ts";
import type { DefaultProviders, LogService, TelemetryProvider, TracingDefaults } from "./telemetry.ts";
import type { DefaultVisibility } from "./visibility.ts";
import { PUBLIC } from "./visibility.ts";
import type { GatewayProxy } from "./workload.ts";

/**
 * Requests to hosts that are no service of the mesh: let through to where their client was going, or to where their Host leads by DNS, or
 * refused (Istio's outboundTrafficPolicy).
 */
export type OutboundPolicy = "allow-any" | "dynamic-dns" | "registry-only";

/** What proxies make of a path before anybody looks at it; each does what the one before does (Istio's pathNormalization). */
export const PATH_NORMALIZATIONS = ["none", "base", "merge-slashes", "decode-and-merge-slashes"] as const;
export type PathNormalization = (typeof PATH_NORMALIZATIONS)[number];

/** Given to dialects, which complete names and identities by it, and kept in the mesh. A change of it changes everything. */
export interface MeshSettings {
  /** Several meshes may share one control plane; nothing of one is seen by another. */
  readonly name: string;
  readonly trustDomain: string;
  /** Other names of the trust domain: an identity in one of them is the same identity. */
  readonly trustDomainAliases: readonly string[];
  /** Services that may be asked whether a request goes on; policies name them. */
  readonly authorizers: readonly Authorizer[];
  readonly clusterDomain: string;
  /** The cluster that objects come from unless they say otherwise. */
  readonly cluster: string;
  /** Policies of these namespaces hold for the whole mesh. */
  readonly rootNamespaces: readonly string[];
  /** Namespaces whose objects are read, by their labels: those that one of these selects; none: all. */
  readonly discovery: readonly LabelSelector[];
  /** Undefined: ServiceEntries say themselves who sees them. */
  readonly entryVisibility?: EntryVisibility | undefined;
  readonly outboundPolicy: OutboundPolicy;
  /** What is let through goes there instead; undefined: to whom it is for. */
  readonly egressProxy?: BackendTarget | undefined;
  /** TLS to hosts that requests lead to by DNS ("dynamic-dns"); undefined: plaintext. */
  readonly dynamicTls?: OriginatedTls | undefined;
  readonly accessLog: AccessLog;
  /** Whom Telemetry may name. */
  readonly providers: readonly TelemetryProvider[];
  readonly defaultProviders: DefaultProviders;
  readonly tracing: TracingDefaults;
  /** That are told beside `accessLog`, where no Telemetry and no default provider says who is. */
  readonly logServices: readonly LogService[];
  readonly pathNormalization: PathNormalization;
  /** How long a connection to a port of undeclared protocol may be silent before it is taken for one whose server speaks first; 0: for ever. One that is declared TCP waits no longer, where it waits at all. */
  readonly protocolDetectionMs: number;
  readonly proxyHeaders: ProxyHeaders;
  /** Of sidecars; gateways have theirs (GatewayProxy). */
  readonly connections?: ConnectionSettings | undefined;
  /** Where proxies reach the application beside them, unless a workload says it: at 127.0.0.1, or at the workload's own address. */
  readonly applicationAddress: "loopback" | "workload";
  /** PEM of roots that proxies trust beside the mesh's own, one certificate each. */
  readonly trustAnchors: readonly string[];
  /** More of them, by the trust domain whose identities alone they vouch for; where there are any, nobody of a domain that is not named is taken. */
  readonly trustDomainAnchors: Readonly<Record<string, readonly string[]>>;
  readonly clusterStatNames: ClusterStatNames;
  readonly listenPorts: ListenPorts;
  /** Agents tell the metrics of applications that say where they serve some; false: Prometheus asks those itself. */
  readonly mergesMetrics: boolean;
  readonly meshTls: MeshTls;
  readonly outsideTls: OutsideTls;
  readonly defaults: MeshDefaults;
}

/** Patterns by which services' clusters are called in statistics, with Istio's %SERVICE% and the like; undefined: by their names. */
export interface ClusterStatNames {
  readonly inbound?: string | undefined;
  readonly outbound?: string | undefined;
}

/** Ports of sidecars whose workloads say none. */
export interface ListenPorts {
  /** That captured connections are redirected to. */
  readonly outbound: number;
  readonly inbound: number;
  /** Of the HTTP proxy for the application; undefined: it has one only where its workload says so. */
  readonly http?: number | undefined;
}

/** Mutual TLS between workloads, on the application's own ports: the leg speaks TLS 1.3. */
export interface MeshTls {
  readonly min: TlsVersion;
  /** BoringSSL's names, for TLS 1.2; none: the proxy's. */
  readonly cipherSuites: readonly string[];
}

/** TLS that is not the mesh's own: of gateways, and to servers outside. Who says something himself says it in place of this. */
export interface OutsideTls {
  readonly min: TlsVersion;
  /** As MeshTls has them. */
  readonly cipherSuites: readonly string[];
  /** BoringSSL's names, the preferred one first; none: the proxy's. */
  readonly curves: readonly string[];
}

/** What holds where nobody wrote anything. The dialects' own defaults differ, so nothing fills these in while reading. */
export interface MeshDefaults {
  /** For HTTP routes that say nothing about retries. */
  readonly retry: RetryPolicy;
  /** Of requests to the application beside the proxy; undefined: what never reached it. */
  readonly inboundRetry?: RetryPolicy | undefined;
  /** For client settings that nobody set; `tls` undefined means auto mTLS. */
  readonly client: ClientDefaults;
  readonly mtls: MtlsMode;
  /** For objects that do not say to whom they are exported. */
  readonly visibility: DefaultVisibilities;
  /** For gateways that do not say whom they trust. */
  readonly gateway: GatewayProxy;
  /** For proxies of which nobody says how they are started. */
  readonly proxyStart: ProxyStart;
}

export interface DefaultVisibilities {
  readonly services: DefaultVisibility;
  readonly routes: DefaultVisibility;
  readonly clientPolicies: DefaultVisibility;
}

/** Istio's settings of a gateway: nobody in front of it is trusted, and what clients say of certificates is dropped. */
const EDGE: GatewayProxy = { trustedProxies: 0, clientCertificate: "SANITIZE_SET", proxyProtocol: false };

/** Istio's default (retry.go): never a request that an endpoint may have begun to work on. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 2,
  conditions: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
  statuses: [],
  avoidPreviousHosts: true,
  avoidPreviousLocalities: false,
};

/** Envoy's own numbers. Istio sets no limit, so that its retries multiply the load of a service that is failing. */
const DEFAULT_RETRY_BUDGET: RetryBudget = { percent: 20, minConcurrency: 3 };

/** Istio's defaults (pkg/config/mesh/mesh.go), with the access log on: the first question of a new user is where a request went. */
export const DEFAULT_SETTINGS: MeshSettings = {
  name: "default",
  trustDomain: "cluster.local",
  trustDomainAliases: [],
  authorizers: [],
  clusterDomain: "cluster.local",
  cluster: "Kubernetes",
  rootNamespaces: ["heddle-system", "istio-system"],
  discovery: [],
  outboundPolicy: "allow-any",
  accessLog: { kind: "text", path: "/dev/stdout" },
  providers: [],
  defaultProviders: { logging: [], tracing: [] },
  tracing: {
    samplingPercent: undefined,
    tags: {},
    istioTags: undefined,
    maxTagLength: undefined,
    receiver: undefined,
    // As metrics and the dashboard name them. Istio's is the app.
    naming: "canonical-and-namespace",
  },
  logServices: [],
  pathNormalization: "base",
  // Shorter, and a client that connects ahead of its first request loses its routes; Istio waits for ever, and such servers never answer.
  protocolDetectionMs: 5_000,
  proxyHeaders: DEFAULT_PROXY_HEADERS,
  // Applications of the mesh may bind loopback alone, so that nothing but their sidecar reaches them.
  applicationAddress: "loopback",
  trustAnchors: [],
  trustDomainAnchors: {},
  clusterStatNames: {},
  mergesMetrics: true,
  listenPorts: { outbound: 15_001, inbound: 15_006 },
  meshTls: { min: "TLSV1_2", cipherSuites: [] },
  outsideTls: { min: "TLSV1_2", cipherSuites: [], curves: [] },
  defaults: {
    retry: DEFAULT_RETRY,
    client: {
      loadBalancing: { kind: "least-request", locality: NEAREST_FIRST },
      connectionPool: { connectTimeoutMs: 10_000 },
      retryBudget: DEFAULT_RETRY_BUDGET,
    },
    mtls: "permissive",
    visibility: { services: PUBLIC, routes: PUBLIC, clientPolicies: PUBLIC },
    gateway: EDGE,
    proxyStart: AS_IT_LIKES,
  },
};
