// A listener as a table, and which of its filter chains a connection takes.

import {
  type ChainFacts,
  type ChainMatch,
  type ChainMatcher,
  chooseMatch,
  walkChainMatcher,
} from "./filter-chain-match.ts";
import type { HttpTable } from "./http.ts";
import type { Inspection } from "./listener-filter.ts";
import type { ChainMetrics } from "./metric-overrides.ts";
import type { NetworkFilter } from "./network-filter.ts";
import type { Origin } from "./origin.ts";
import type { TcpTable } from "./tcp.ts";
import type { TcpKeepalive } from "./tcp-keepalive.ts";
import type { DownstreamTls } from "./transport-socket.ts";

export type Terminal =
  | { readonly kind: "http"; readonly http: HttpTable }
  | { readonly kind: "tcp"; readonly tcp: TcpTable };

export interface FilterChain {
  readonly name: string;
  /** Hash of the chain as it was configured: connections of a chain that an update leaves alone stay. */
  readonly fingerprint: string;
  readonly tls: DownstreamTls | undefined;
  /** 0 is the proxy's own limit. */
  readonly handshakeTimeoutMs: number;
  /** In order, before the terminal one. */
  readonly filters: readonly NetworkFilter[];
  readonly terminal: Terminal;
  /** Undefined: its traffic is counted by the standard metrics. */
  readonly metrics?: ChainMetrics | undefined;
  /** How often its byte streams are counted while they last. */
  readonly reportMs: number;
}

export interface Listener {
  readonly protocol: "tcp";
  readonly name: string;
  readonly address:
    | { readonly kind: "socket"; readonly host: string; readonly port: number }
    /** `mode`: of the file, 0 for what the system gives. */
    | { readonly kind: "pipe"; readonly path: string; readonly mode: number }
    | { readonly kind: "internal" };
  /** Beside `address`, the same chains. */
  readonly additionalAddresses: readonly { readonly kind: "socket"; readonly host: string; readonly port: number }[];
  /** 0 is the system's. */
  readonly backlog: number;
  /** That may wait for a slow client, and for a slow upstream whose cluster says nothing. */
  readonly bufferLimitBytes: number;
  /** False: takes only what another listener hands over by original destination. */
  readonly bind: boolean;
  /** Hands a captured connection to the listener of its original destination, if there is one. */
  readonly useOriginalDestination: boolean;
  readonly direction: "inbound" | "outbound" | "unspecified";
  readonly inspection: Inspection | undefined;
  /**
   * TLS that every chain ends in the same way: the handshake comes at once, and the chain is chosen by what it agreed on. Undefined: each
   * chain has its own, or none, and is chosen by the client's hello.
   */
  readonly sharedTls: DownstreamTls | undefined;
  readonly matcher: ChainMatcher | undefined;
  readonly matches: readonly { readonly match: ChainMatch; readonly chain: FilterChain }[];
  readonly chains: ReadonlyMap<string, FilterChain>;
  readonly defaultChain: FilterChain | undefined;
  /** Of accepted connections; undefined: none. */
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly origin: Origin | undefined;
}

/** The chain of a connection; undefined: Envoy closes it (`filter_chain_not_found`). */
export function chooseChain(listener: Listener, facts: ChainFacts): FilterChain | undefined {
  const { matcher, matches, chains, defaultChain } = listener;
  if (!matcher) return chooseMatch(matches, facts)?.chain ?? defaultChain;
  const name = walkChainMatcher(matcher, facts);
  return (name === undefined ? undefined : chains.get(name)) ?? defaultChain;
}
