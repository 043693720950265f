// The edges of the mesh as one picture out of two reports. Both proxies of an edge count the same requests: the server's word is taken
// where there is one (only it knows whether the connection was mTLS), the client's for what never reached a server.

import { type OutcomeCount, outcomeCounts, type Signals, signalsOf, type Window } from "./signals.ts";
import type { EdgeRecord, Protocol, ServiceRef, WorkloadRef } from "./traffic-store.ts";

/** One edge with the records to believe. */
export interface Edge {
  readonly source: WorkloadRef;
  /** undefined when the requests reached no workload. */
  readonly destination: WorkloadRef | undefined;
  readonly service: ServiceRef;
  readonly protocol: Protocol;
  readonly records: readonly EdgeRecord[];
  /** The server's proxy reported, not only the client's. */
  readonly serverReported: boolean;
  /** The client's reports beside the server's, for requests that the client's proxy answered itself. */
  readonly clientRecords: readonly EdgeRecord[];
}

export interface EdgeIdentities {
  readonly source: string;
  readonly destination: string;
  readonly policy: string;
  /** Requests, or connections of TCP. */
  readonly amount: number;
}

/** Response flags of requests that the client's proxy answered itself, so that no server has counted them. */
const NEVER_SENT: ReadonlySet<string> = new Set(["UH", "UF", "UO", "NR", "NC", "FI", "RL", "UAEX", "DPE"]);

function neverSent({ flags }: Pick<OutcomeCount, "flags">): boolean {
  return flags.split(",").some((flag) => NEVER_SENT.has(flag));
}

function isKnown(workload: WorkloadRef): boolean {
  return workload.name !== "unknown" || workload.app !== "unknown";
}

function active(record: EdgeRecord, { fromMs, toMs }: Window): boolean {
  if (record.lastActiveMs < fromMs) return false;
  for (const outcome of record.outcomes.values()) if (outcome.requests.sum(fromMs, toMs) > 0) return true;
  const tcp = [record.connectionsOpened, record.bytesSent, record.bytesReceived];
  return tcp.some((increments) => increments.sum(fromMs, toMs) > 0);
}

/** Names differ between the reports where a side knows less (cluster, version of a plain client), so they do not tell edges apart. */
function edgeKey({ identity: { source, destination, service, protocol } }: EdgeRecord): string {
  const to = isKnown(destination) ? `${destination.namespace}/${destination.name}` : "";
  return `${source.namespace}/${source.name}>${to}>${service.host}>${protocol}`;
}

function merge(records: readonly EdgeRecord[]): Edge {
  const atServer = records.filter(({ identity }) => identity.reporter === "destination");
  const atClient = records.filter(({ identity }) => identity.reporter === "source");
  const serverReported = atServer.length > 0;
  const believed = serverReported ? atServer : atClient;
  const { source, destination, service, protocol } = believed[0]!.identity;
  return {
    source,
    destination: isKnown(destination) ? destination : undefined,
    service,
    protocol,
    records: believed,
    serverReported,
    clientRecords: serverReported ? atClient : [],
  };
}

/** The edges with traffic in the window, sorted by their names. */
export function edgesOf(records: readonly EdgeRecord[], window: Window): Edge[] {
  const groups = new Map<string, EdgeRecord[]>();
  for (const record of records) {
    if (!active(record, window)) continue;
    const key = edgeKey(record);
    const group = groups.get(key);
    if (group) group.push(record);
    else groups.set(key, [record]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => merge(group));
}

/** How the requests of an edge ended, most frequent first. */
export function edgeOutcomes({ records, clientRecords }: Edge, window: Window): OutcomeCount[] {
  return [...outcomeCounts(records, window), ...outcomeCounts(clientRecords, window).filter(neverSent)];
}

/** The golden signals of some edges together. */
export function edgeSignals(edges: readonly Edge[], window: Window): Signals {
  const records = edges.flatMap((edge) => edge.records);
  const unreached = outcomeCounts(
    edges.flatMap((edge) => edge.clientRecords),
    window,
  ).filter(neverSent);
  return signalsOf(records, window, unreached);
}

/** The identities that an edge was seen with in the window, most frequent first. */
export function edgeIdentities({ records }: Edge, { fromMs, toMs }: Window): EdgeIdentities[] {
  const merged = new Map<string, EdgeIdentities>();
  for (const record of records) {
    for (const [key, { policy, sourcePrincipal, destinationPrincipal, amount }] of record.securities) {
      const sum = (merged.get(key)?.amount ?? 0) + amount.sum(fromMs, toMs);
      if (sum > 0) merged.set(key, { source: sourcePrincipal, destination: destinationPrincipal, policy, amount: sum });
    }
  }
  return [...merged.values()].sort((a, b) => b.amount - a.amount);
}

/**
 * Share of requests (connections of TCP) over mutual TLS, 0 to 1, by the servers' word; undefined where no server reported.
 * A client cannot tell: it does not know whether its certificate was asked for.
 */
export function mtlsShare(edges: readonly Edge[], window: Window): number | undefined {
  let total = 0;
  let mutual = 0;
  for (const edge of edges) {
    if (!edge.serverReported) continue;
    for (const { policy, amount } of edgeIdentities(edge, window)) {
      total += amount;
      if (policy === "mutual_tls") mutual += amount;
    }
  }
  return total > 0 ? mutual / total : undefined;
}
