// Listeners as istioctl shows them: a row for each filter chain, with what it takes and where that goes.

import type { Json, ProxyDump } from "./proxy-dump.ts";
import { type AddressJson, addressText, type ProxyTable } from "./proxy-table.ts";

interface ListenerJson {
  readonly name?: string;
  readonly address?: AddressJson;
  readonly internal_listener?: Json;
  readonly filter_chains?: readonly ChainJson[];
  readonly default_filter_chain?: ChainJson;
  /** Chooses chains by their names, instead of what they match. */
  readonly filter_chain_matcher?: Json;
}

interface ChainJson {
  readonly name?: string;
  readonly filter_chain_match?: {
    readonly server_names?: readonly string[];
    readonly transport_protocol?: string;
    readonly application_protocols?: readonly string[];
    readonly prefix_ranges?: readonly { readonly address_prefix?: string; readonly prefix_len?: number }[];
    readonly destination_port?: number;
  };
  readonly filters?: readonly { readonly name?: string; readonly typed_config?: Json }[];
}

export function listenerTable({ listeners }: ProxyDump): ProxyTable {
  const rows = listeners.flatMap((resource) => {
    const { address, filter_chains: chains = [], default_filter_chain: fallback, ...rest } = resource as ListenerJson;
    const socket = address?.socket_address;
    const place = socket
      ? [socket.address ?? "", String(socket.port_value ?? 0)]
      : [address ? addressText(address) : `internal ${rest.name ?? ""}`, "-"];
    const members = [
      ...chains.map(
        (chain) => [rest.filter_chain_matcher ? `Chain: ${chain.name ?? ""}` : matchText(chain), chain] as const,
      ),
      ...(fallback ? [["Default", fallback] as const] : []),
    ];
    return members.map(([match, chain]) => ({ cells: [...place, match, destinationOf(chain)], resource }));
  });
  return { columns: ["addresses", "port", "match", "destination"], rows: rows.toSorted(byPort) };
}

function byPort(a: { readonly cells: readonly string[] }, b: { readonly cells: readonly string[] }): number {
  return (
    (Number(a.cells[1]) || 0) - (Number(b.cells[1]) || 0) ||
    (a.cells[0]! < b.cells[0]! ? -1 : a.cells[0]! > b.cells[0]! ? 1 : 0)
  );
}

function matchText({ filter_chain_match: match = {} }: ChainJson): string {
  const ranges = (match.prefix_ranges ?? []).map(
    ({ address_prefix: prefix = "", prefix_len: length = 0 }) => `${prefix}/${length}`,
  );
  const parts = [
    part("SNI", match.server_names),
    part("Trans", match.transport_protocol ? [match.transport_protocol] : []),
    part("App", match.application_protocols),
    part("Addr", ranges),
    match.destination_port === undefined ? "" : `Port: ${match.destination_port}`,
  ].filter((text) => text !== "");
  return parts.length === 0 ? "ALL" : parts.join("; ");
}

function part(name: string, values: readonly string[] = []): string {
  return values.length === 0 ? "" : `${name}: ${values.join(",")}`;
}

interface TerminalJson {
  readonly rds?: { readonly route_config_name?: string };
  readonly route_config?: { readonly name?: string };
  readonly cluster?: string;
  readonly weighted_clusters?: { readonly clusters?: readonly { readonly name?: string }[] };
}

/** By the first filter that ends a chain: routes of a connection manager, clusters of a proxy of bytes. */
function destinationOf({ filters = [] }: ChainJson): string {
  for (const { typed_config: config = {} } of filters) {
    const { rds, route_config: routes, cluster, weighted_clusters: weighted } = config as TerminalJson;
    if (rds) return `Route: ${rds.route_config_name ?? ""}`;
    if (routes) return `Inline Route: ${routes.name ?? ""}`;
    if (cluster !== undefined) return `Cluster: ${cluster}`;
    if (weighted) return `Clusters: ${(weighted.clusters ?? []).map(({ name = "" }) => name).join(",")}`;
  }
  return filters.at(-1)?.name ?? "none";
}
