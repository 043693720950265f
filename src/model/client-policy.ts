// What a client does towards a service: subsets, balancing, pools, ejection, TLS. Unset is kept apart from every default:
// an absent block means that nobody said anything, and the mesh's defaults apply.

import type { LocalityPreference } from "./locality-preference.ts";
import type { ClientSelector } from "./match.ts";
import type { Authored, Origin } from "./origin.ts";
import type { Visibility } from "./visibility.ts";

/** How an endpoint is chosen, and among which. */
export type LoadBalancing = EndpointChoice & {
  /** Undefined: the mesh's. */
  readonly locality?: LocalityPreference | undefined;
};

/** `original-destination`: no choice at all, the address that the client dialled. */
export type EndpointChoice =
  | { readonly kind: "round-robin" | "least-request"; readonly warmup?: Warmup | undefined }
  | ({ readonly kind: "backend-utilization" } & BackendUtilization)
  | { readonly kind: "random" }
  | { readonly kind: "original-destination" }
  | { readonly kind: "consistent-hash"; readonly key: HashKey; readonly table: HashTable };

/** Weights by the load that endpoints report in their responses (ORCA). Undefined: the proxy's own default. */
export interface BackendUtilization {
  /** How long an endpoint must have reported before it counts, and how long its last report does. */
  readonly blackoutMs?: number | undefined;
  readonly expirationMs?: number | undefined;
  readonly updateMs?: number | undefined;
  /** What a failed request adds to an endpoint's utilization. */
  readonly errorPenalty?: number | undefined;
  /** Metrics whose largest is the utilization, before the application's and the processor's. */
  readonly metrics: readonly string[];
  readonly warmup?: Warmup | undefined;
}

/** A new endpoint's share grows from `minimumPercent` to its whole; `aggression` 1 is a straight line, more is steeper at the end. */
export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number;
  readonly aggression: number;
}

/** What of a request decides which endpoint gets it. A byte stream has its source address alone. */
export type HashKey =
  | { readonly kind: "header" | "query"; readonly name: string }
  | { readonly kind: "source-address" }
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path?: string | undefined;
      /** Given: a client without the cookie gets one that lives so long; 0: as long as its session. */
      readonly ttlMs?: number | undefined;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    };

/** `ring`: at least so many points. `maglev`: the table's size, a prime. */
export type HashTable =
  | { readonly kind: "ring"; readonly minSize: number }
  | { readonly kind: "maglev"; readonly size: number };

/** Probes of a connection on which nothing comes; undefined: the operating system's numbers. */
export interface TcpKeepalive {
  readonly probes?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly intervalMs?: number | undefined;
}

/** PINGs of HTTP/2. Undefined `intervalMs`: none, whatever the timeout. */
export interface Http2Keepalive {
  readonly intervalMs?: number | undefined;
  readonly timeoutMs: number;
}

/** Undefined: no limit, or the proxy's own default for times. Limits are at least 1. */
export interface ConnectionPool {
  readonly connectTimeoutMs?: number | undefined;
  readonly tcpKeepalive?: TcpKeepalive | undefined;
  /** How long an address that a name was resolved to is good for, unless the answer says less. The mesh alone says it. */
  readonly dnsRefreshMs?: number | undefined;
  /** Of each connection and direction; undefined: the proxy's. The mesh alone says it. */
  readonly bufferBytes?: number | undefined;
  /** Of a connection that carries bytes, and of one to an endpoint that carries requests. */
  readonly maxConnectionDurationMs?: number | undefined;
  /** Of bytes; 0: never. */
  readonly tcpIdleTimeoutMs?: number | undefined;
  readonly http2Keepalive?: Http2Keepalive | undefined;
  readonly maxConnections?: number | undefined;
  readonly maxPendingRequests?: number | undefined;
  readonly maxRequests?: number | undefined;
  readonly maxRequestsPerConnection?: number | undefined;
  readonly maxRetries?: number | undefined;
  readonly httpIdleTimeoutMs?: number | undefined;
  readonly maxConcurrentStreams?: number | undefined;
  /** Whether HTTP/1.1 is turned into HTTP/2; undefined: the mesh decides. */
  readonly upgradeToHttp2?: boolean | undefined;
  /** Each request in the protocol that its client speaks; `upgradeToHttp2` then means nothing. */
  readonly keepsProtocol?: boolean | undefined;
}

/**
 * Retries under way at once: this share of the requests under way, or of those that began within the interval, but as many as
 * `minConcurrency` in any case.
 */
export interface RetryBudget {
  readonly percent: number;
  readonly minConcurrency: number;
  readonly intervalMs?: number;
}

export type ProxyProtocolVersion = "v1" | "v2";

/** Byte streams, and they alone, ask the endpoint for a way on, to this host. */
export interface Tunnel {
  readonly method: "CONNECT" | "POST";
  readonly host: string;
  readonly port: number;
}

/** Ejection of endpoints that fail. 0 errors: that detection is off. */
export interface OutlierDetection {
  /** Statuses that are errors, and no others; undefined: 5xx. */
  readonly errorStatuses?: readonly number[] | undefined;
  readonly consecutive5xx: number;
  readonly consecutiveGatewayErrors: number;
  /** Connections that fail in a row, counted apart from responses; undefined: they count as 5xx. */
  readonly consecutiveLocalFailures?: number | undefined;
  /** Of an endpoint's requests in one interval, so many of 100; undefined: they are not compared. */
  readonly failurePercentage?: number | undefined;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionPercent: number;
  /** Below this share of healthy endpoints, all are used; 0: never. */
  readonly minHealthPercent: number;
}

/** `disable`: plaintext. `mesh`: mutual TLS with the mesh's certificates. The others are TLS to a server outside the mesh. */
export type ClientTls =
  | { readonly kind: "disable" }
  | { readonly kind: "mesh"; readonly sni?: string | undefined; readonly subjectAltNames: readonly string[] }
  | {
      readonly kind: "simple";
      /** Undefined: the request's host. */
      readonly sni?: string | undefined;
      readonly subjectAltNames: readonly string[];
      /** File of trusted roots; undefined: the operating system's. */
      readonly caFile?: string | undefined;
      /** File with lists of revoked certificates, of every authority that is trusted; undefined: nobody is looked for. */
      readonly revokedFile?: string | undefined;
      readonly skipVerify: boolean;
      /** A certificate of one's own makes it mutual. */
      readonly certificate?: { readonly chainFile: string; readonly keyFile: string } | undefined;
      /** In place of all these files, or of the roots alone. */
      readonly credential?: OriginationCredential | undefined;
    };

/** With a server outside, or as with a server of the mesh. */
export type OriginatedTls = Exclude<ClientTls, { readonly kind: "disable" }>;

/** A credential of the client's namespace: its roots, where the server is verified, and its certificate, where that is mutual. */
export interface OriginationCredential {
  readonly name: string;
  /** Credential that has the roots; undefined: that one. */
  readonly rootsName?: string | undefined;
  readonly mutual: boolean;
  readonly verifies: boolean;
}

/** Undefined `tls`: mutual TLS to each endpoint that can, plaintext to the rest (auto mTLS). */
export interface ClientSettings {
  readonly loadBalancing?: LoadBalancing | undefined;
  readonly connectionPool?: ConnectionPool | undefined;
  /** Overrides the pool's `maxRetries`. */
  readonly retryBudget?: RetryBudget | undefined;
  readonly outlierDetection?: OutlierDetection | undefined;
  readonly tls?: ClientTls | undefined;
  readonly tunnel?: Tunnel | undefined;
  /** The header that says who the client is, in front of connections that are not the mesh's own. */
  readonly proxyProtocol?: ProxyProtocolVersion | undefined;
}

/** What holds for client settings that nobody set. */
export interface ClientDefaults extends ClientSettings {
  /** A whole pool, where no policy has one. What it or a policy's leaves out is `connectionPool`'s. */
  readonly limits?: ConnectionPool | undefined;
}

/** Settings for a service or a subset. A port found in `ports` has those settings and none of `settings`: dialects have merged already. */
export interface ScopedSettings {
  readonly settings: ClientSettings;
  readonly ports: readonly { readonly port: number; readonly settings: ClientSettings }[];
}

/** A named part of a service's endpoints, with settings of its own. */
export interface Subset extends ScopedSettings {
  readonly name: string;
  /** Endpoints that have all of these; empty: every endpoint. */
  readonly labels: Readonly<Record<string, string>>;
  /** The object that brought it: several objects may make one policy. */
  readonly origin: Origin;
}

/** What clients that see it follow towards the services of a host (Istio's DestinationRule, Consul's service-defaults and resolver). */
export interface ClientPolicy extends Authored, ScopedSettings {
  readonly namespace: string;
  /** Host of the service, or a wildcard. */
  readonly host: string;
  readonly visibility: Visibility;
  /** Undefined: every client that sees it. Otherwise only these, and it beats policies for everybody. */
  readonly clients?: ClientSelector | undefined;
  readonly subsets: readonly Subset[];
}

/** The settings in force for one port of a service (`scope` is the policy) or of a subset. */
export function settingsFor(scope: ScopedSettings, port: number): ClientSettings {
  return scope.ports.find((entry) => entry.port === port)?.settings ?? scope.settings;
}

export function subsetByName(policy: ClientPolicy, name: string): Subset | undefined {
  return policy.subsets.find((subset) => subset.name === name);
}

const named = new WeakMap<ClientPolicy, readonly OriginationCredential[]>();

/** That it names at whatever level: clients that follow it may need them. */
export function credentialsNamed(policy: ClientPolicy): readonly OriginationCredential[] {
  const known = named.get(policy) ?? findCredentials(policy);
  named.set(policy, known);
  return known;
}

function findCredentials(policy: ClientPolicy): readonly OriginationCredential[] {
  return [policy, ...policy.subsets].flatMap(({ settings, ports }) =>
    [settings, ...ports.map((port) => port.settings)].flatMap(({ tls }) =>
      tls?.kind === "simple" && tls.credential ? [tls.credential] : [],
    ),
  );
}
