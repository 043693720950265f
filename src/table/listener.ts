// A listener as a table, and which of its filter chains a connection takes.

import type { Cidr } from "../base/cidr.ts";
import { containsAddress } from "../base/cidr.ts";
import type { AccessLog, HttpTable } from "./http.ts";
import type { Origin } from "./origin.ts";
import type { RbacTable } from "./rbac.ts";
import type { StreamClusterChoice } from "./route.ts";
import type { TcpKeepalive } from "./tcp-keepalive.ts";
import type { DownstreamTls } from "./transport-socket.ts";

export interface TcpTable {
  readonly statPrefix: string;
  readonly cluster: StreamClusterChoice;
  /** 0 is none. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  readonly accessLogs: readonly AccessLog[];
}

export type Terminal =
  | { readonly kind: "http"; readonly http: HttpTable }
  | { readonly kind: "tcp"; readonly tcp: TcpTable };

export interface FilterChain {
  readonly name: string;
  /** Hash of the chain as it was configured: connections of a chain that an update leaves alone stay. */
  readonly fingerprint: string;
  readonly tls: DownstreamTls | undefined;
  /** Network RBAC, in order, before the terminal filter. */
  readonly rbac: readonly RbacTable[];
  readonly terminal: Terminal;
}

/** What is known of a connection when its chain is chosen. */
export interface ChainFacts {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sourceAddress: string;
  /** SNI, "" without one. */
  readonly serverName: string;
  readonly transport: "tls" | "raw_buffer";
  /** ALPN of the handshake, or what sniffing found (`http/1.1`, `h2c`). */
  readonly applicationProtocols: readonly string[];
}

/** One `filter_chain_match`; empty members do not restrict. */
export interface ChainMatch {
  readonly destinationPort: number | undefined;
  readonly destinationRanges: readonly Cidr[];
  readonly sourceRanges: readonly Cidr[];
  readonly serverNames: readonly string[];
  readonly transport: "tls" | "raw_buffer" | undefined;
  readonly applicationProtocols: readonly string[];
}

/** A tree of exact maps (`filter_chain_matcher`); `chain` is a name. */
export type ChainMatcher =
  | { readonly kind: "chain"; readonly chain: string }
  | {
      readonly kind: "map";
      readonly input: "server-name" | "application-protocol" | "transport-protocol" | "destination-port";
      readonly map: ReadonlyMap<string, ChainMatcher>;
      readonly otherwise: ChainMatcher | undefined;
    };

export interface Listener {
  readonly name: string;
  readonly address:
    | { readonly kind: "socket"; readonly host: string; readonly port: number }
    | { readonly kind: "internal" };
  /** False: takes only what another listener hands over by original destination. */
  readonly bind: boolean;
  /** Hands a captured connection to the listener of its original destination, if there is one. */
  readonly useOriginalDestination: boolean;
  readonly direction: "inbound" | "outbound" | "unspecified";
  /** Looks at the first bytes before it chooses a chain. */
  readonly sniff:
    | { readonly tls: boolean; readonly http: boolean; readonly timeoutMs: number; readonly continueOnTimeout: boolean }
    | undefined;
  /** What TLS the listener ends: one setting for all of its chains, because the chain is chosen after the handshake. */
  readonly tls: DownstreamTls | undefined;
  readonly matcher: ChainMatcher | undefined;
  readonly matches: readonly { readonly match: ChainMatch; readonly chain: FilterChain }[];
  readonly chains: ReadonlyMap<string, FilterChain>;
  readonly defaultChain: FilterChain | undefined;
  /** Of accepted connections; undefined: none. */
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly origin: Origin | undefined;
}

function inputValue(input: (ChainMatcher & { kind: "map" })["input"], facts: ChainFacts): string {
  switch (input) {
    case "server-name":
      return facts.serverName;
    case "application-protocol":
      // Envoy's ApplicationProtocolInput: each protocol in single quotes, joined with commas.
      return facts.applicationProtocols.map((protocol) => `'${protocol}'`).join(",");
    case "transport-protocol":
      return facts.transport;
    case "destination-port":
      return String(facts.destinationPort);
  }
}

function walk(matcher: ChainMatcher | undefined, facts: ChainFacts): string | undefined {
  let at = matcher;
  while (at?.kind === "map") at = at.map.get(inputValue(at.input, facts)) ?? at.otherwise;
  return at?.chain;
}

/** Specificity in Envoy's order of criteria; undefined: does not match. Larger wins. */
function specificity(match: ChainMatch, facts: ChainFacts): number | undefined {
  let score = 0;
  if (match.destinationPort !== undefined) {
    if (match.destinationPort !== facts.destinationPort) return undefined;
    score += 1e12;
  }
  if (match.destinationRanges.length > 0) {
    const bits = Math.max(
      -1,
      ...match.destinationRanges
        .filter((range) => containsAddress(range, facts.destinationAddress))
        .map((range) => range.bits),
    );
    if (bits < 0) return undefined;
    score += (bits + 1) * 1e9;
  }
  if (match.serverNames.length > 0) {
    const length = Math.max(
      -1,
      ...match.serverNames.filter((name) => matchesServerName(name, facts.serverName)).map((name) => name.length),
    );
    if (length < 0) return undefined;
    score += (length + 1) * 1e6;
  }
  if (match.transport !== undefined) {
    if (match.transport !== facts.transport) return undefined;
    score += 1e5;
  }
  if (match.applicationProtocols.length > 0) {
    if (!facts.applicationProtocols.some((protocol) => match.applicationProtocols.includes(protocol))) return undefined;
    score += 1e4;
  }
  if (match.sourceRanges.length > 0) {
    const bits = Math.max(
      -1,
      ...match.sourceRanges.filter((range) => containsAddress(range, facts.sourceAddress)).map((range) => range.bits),
    );
    if (bits < 0) return undefined;
    score += bits + 1;
  }
  return score;
}

function matchesServerName(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  return pattern.startsWith("*.") && name.length > pattern.length - 1 && name.endsWith(pattern.slice(1));
}

/** The chain of a connection; undefined: Envoy closes it (`filter_chain_not_found`). */
export function chooseChain(listener: Listener, facts: ChainFacts): FilterChain | undefined {
  if (listener.matcher) {
    const name = walk(listener.matcher, facts);
    return (name === undefined ? undefined : listener.chains.get(name)) ?? listener.defaultChain;
  }
  let best: FilterChain | undefined;
  let bestScore = -1;
  for (const { match, chain } of listener.matches) {
    const score = specificity(match, facts);
    if (score !== undefined && score > bestScore) {
      best = chain;
      bestScore = score;
    }
  }
  return best ?? listener.defaultChain;
}
