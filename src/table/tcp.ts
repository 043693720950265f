// What a chain does with bytes (envoy.extensions.filters.network.tcp_proxy.v3).

import type { Format } from "./format/part.ts";
import type { HeaderOperation } from "./header-mutation.ts";
import type { AccessLog } from "./http.ts";

export interface WeightedTcpCluster {
  readonly name: string;
  /** The sum of the weights up to this cluster and with it. */
  readonly upTo: number;
}

export type TcpClusterChoice =
  | { readonly kind: "single"; readonly name: string }
  | { readonly kind: "weighted"; readonly total: number; readonly clusters: readonly WeightedTcpCluster[] }
  /** The cluster that the client's SNI names (sni_cluster). */
  | { readonly kind: "server-name"; readonly otherwise: TcpClusterChoice };

/** Bytes travel in a CONNECT, or in a POST, of the cluster's protocol. */
export interface Tunneling {
  readonly hostname: Format;
  /** Undefined: CONNECT. */
  readonly postPath: string | undefined;
  readonly headers: readonly HeaderOperation[];
}

export type TcpHash = { readonly kind: "source-ip" } | { readonly kind: "filter-state"; readonly key: string };

export interface TcpTable {
  readonly statPrefix: string;
  readonly cluster: TcpClusterChoice;
  /** Under which the host of the client's SNI is called, where the cluster looks hosts up (sni_dynamic_forward_proxy). */
  readonly serverNamePort?: number | undefined;
  /** Offered to the upstream in TLS in place of what its cluster says (envoy.network.application_protocols); undefined: that. */
  readonly alpn?: readonly string[] | undefined;
  /** 0 is none. */
  readonly idleTimeoutMs: number;
  /** Of the client's connection, whatever it carries; 0 is none. */
  readonly maxDurationMs: number;
  readonly maxConnectAttempts: number;
  /** What balancers that hash go by; undefined: nothing. */
  readonly hash: TcpHash | undefined;
  readonly tunneling: Tunneling | undefined;
  readonly accessLogs: readonly AccessLog[];
  /** A line when the upstream is connected, and one at this interval (0 is none), beside the one at the end. */
  readonly logsConnected: boolean;
  readonly logIntervalMs: number;
}

/** `random`: from 0 to 1. */
export function chooseTcpCluster(choice: TcpClusterChoice, serverName: string, random: number): string {
  switch (choice.kind) {
    case "single":
      return choice.name;
    case "weighted": {
      const ticket = random * choice.total;
      const cluster = choice.clusters.find(({ upTo }) => ticket < upTo) ?? choice.clusters.at(-1);
      return cluster?.name ?? "";
    }
    case "server-name":
      return serverName === "" ? chooseTcpCluster(choice.otherwise, serverName, random) : serverName;
  }
}
