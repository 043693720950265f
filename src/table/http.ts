// An HttpConnectionManager as a table: everything of it that a request needs, ready to be looked up.

import type { Cidr } from "../base/cidr.ts";
import type { AuthorityRules } from "./authority.ts";
import type { ClientRules } from "./client-address.ts";
import type { HttpFilter } from "./filter/filter.ts";
import type { LineFormat } from "./format/line-format.ts";
import type { LogFilter } from "./log-filter.ts";
import type { StreamedLog } from "./streamed-log.ts";
import type { RequestIdRules, Tracing } from "./tracing.ts";
import type { VirtualHosts } from "./virtual-hosts.ts";

/** Where the routes of a listener come from. */
export type RouteSource =
  | { readonly kind: "inline"; readonly routes: RouteConfiguration }
  /** `fetchTimeoutMs`: how long a new listener waits for them; 0 is for ever. */
  | { readonly kind: "rds"; readonly name: string; readonly fetchTimeoutMs: number };

export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: VirtualHosts;
  /** Virtual hosts come one by one (VHDS) beside those that are here. */
  readonly vhds: boolean;
  /** Refused while a cluster is missing that it leads to; undefined: if it stands in a listener. */
  readonly validateClusters: boolean | undefined;
}

/** `http2_protocol_options.connection_keepalive`; an interval of 0 is off. */
export interface Keepalive {
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
}

export type LogPlace = { readonly kind: "file"; readonly path: string; readonly format: LineFormat } | StreamedLog;

export interface AccessLog {
  readonly to: LogPlace;
  /** Undefined: everything is written. */
  readonly filter: LogFilter | undefined;
}

export type ServerHeader =
  | { readonly kind: "overwrite" | "if-absent"; readonly value: string }
  | { readonly kind: "pass" };

export type ClientCertificateForwarding =
  | "sanitize"
  | "forward-only"
  | "append-forward"
  | "sanitize-set"
  | "always-forward-only";

export interface CertificateDetails {
  readonly certificate: boolean;
  readonly subject: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
}

export interface HttpTable extends Keepalive, ClientRules, AuthorityRules {
  readonly statPrefix: string;
  readonly codec: "auto" | "http1" | "http2";
  readonly routes: RouteSource;
  /** In their order, the router excepted: it is always last. */
  readonly filters: readonly HttpFilter[];
  readonly accessLogs: readonly AccessLog[];
  readonly serverHeader: ServerHeader;
  /** The direct peer is the client: x-forwarded-for gets its address, and headers that only the mesh may set are removed. */
  readonly useRemoteAddress: boolean;
  /** What came in x-forwarded-for goes on as it is. */
  readonly skipsForwardedFor: boolean;
  /** Undefined: no trace context is made. */
  readonly tracing: Tracing | undefined;
  readonly requestId: RequestIdRules;
  /** Clients whose x-envoy-* commands are obeyed (internal_address_config). */
  readonly internalAddresses: readonly Cidr[];
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  /** The client hears it, too. */
  readonly answersRequestId: boolean;
  /** The router adds none of Envoy's headers, but for the count of attempts (suppress_envoy_headers). */
  readonly suppressesEnvoyHeaders: boolean;
  /** x-forwarded-port says where the connection came to. */
  readonly appendsForwardedPort: boolean;
  readonly clientCertificate: ClientCertificateForwarding;
  /** What x-forwarded-client-cert says of the peer beside `By` and `Hash`. */
  readonly certificateDetails: CertificateDetails;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  /** What becomes of a path with `%2F` or `%5C` (path_with_escaped_slashes_action). */
  readonly escapedSlashes: "keep" | "reject" | "redirect" | "forward";
  /** `Expect: 100-continue` goes to the upstream, which answers it; else the proxy does. */
  readonly proxiesContinue: boolean;
  /** HTTP/1.1: names of a request's fields go on in the letters that they came in. */
  readonly preservesCase: boolean;
  readonly upgrades: ReadonlySet<string>;
  readonly streamIdleTimeoutMs: number;
  /** From the head to the last byte of a request; 0 is none. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a head to its last; 0 is none. */
  readonly headTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Age at which a connection takes no more requests; 0 is none. */
  readonly maxConnectionMs: number;
  /** Of a request with its response, from its head on; 0 is none. */
  readonly maxStreamMs: number;
  /** 0 is without limit. */
  readonly maxRequestsPerConnection: number;
  readonly underscores: "allow" | "reject" | "drop";
  readonly drainTimeoutMs: number;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
}
