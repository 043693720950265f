// Where datagrams go (envoy.extensions.filters.udp.udp_proxy.v3).

import type { ChainMatcher } from "./filter-chain-match.ts";
import type { AccessLog } from "./http.ts";
import type { Origin } from "./origin.ts";

export type UdpHash = { readonly kind: "source-ip" } | { readonly kind: "key"; readonly key: string };

export interface UdpTable {
  readonly statPrefix: string;
  /** Leads to names of clusters. */
  readonly route: ChainMatcher;
  /** A session on which nothing comes from either side is over after this. */
  readonly idleTimeoutMs: number;
  readonly hash: UdpHash | undefined;
  /** Every datagram chooses a host; else those of a session go to one. */
  readonly perPacket: boolean;
  /** One line for each session that is over. */
  readonly accessLogs: readonly AccessLog[];
}

export interface UdpListener {
  readonly protocol: "udp";
  readonly name: string;
  readonly address: { readonly kind: "socket"; readonly host: string; readonly port: number };
  readonly udp: UdpTable;
  readonly origin: Origin | undefined;
}
