// Which filter chain a connection takes: by filter_chain_match in Envoy's order of criteria, or by a matcher tree.

import { type Cidr, containsAddress } from "../base/cidr.ts";
import { evaluate, type Matcher } from "./matcher.ts";

/** What is known of a connection when its chain is chosen. */
export interface ChainFacts {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Who the connection is from; the PROXY protocol may have told. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** Who opened the connection. */
  readonly directSourceAddress: string;
  /** SNI, "" without one. */
  readonly serverName: string;
  readonly transport: "tls" | "raw_buffer";
  /** ALPN of the client's hello, or what sniffing found (`http/1.1`, `h2c`). */
  readonly applicationProtocols: readonly string[];
}

export type SourceType = "any" | "local" | "external";

/** One `filter_chain_match`; empty members do not restrict. */
export interface ChainMatch {
  readonly destinationPort: number | undefined;
  readonly destinationRanges: readonly Cidr[];
  /** In lower case; `*.example.com` covers every name below it. */
  readonly serverNames: readonly string[];
  readonly transport: "tls" | "raw_buffer" | undefined;
  readonly applicationProtocols: readonly string[];
  readonly directSourceRanges: readonly Cidr[];
  readonly sourceType: SourceType;
  readonly sourceRanges: readonly Cidr[];
  readonly sourcePorts: readonly number[];
}

export type MatchInput =
  | "server-name"
  | "application-protocol"
  | "transport-protocol"
  | "destination-ip"
  | "destination-port"
  | "source-ip"
  | "source-port"
  | "direct-source-ip"
  | "source-type";

/** `filter_chain_matcher`: to a chain's name. */
export type ChainMatcher = Matcher<MatchInput, string>;

/** Envoy's isSameIpOrLoopback. */
function isLocal({ sourceAddress, destinationAddress }: ChainFacts): boolean {
  return sourceAddress === destinationAddress || sourceAddress.startsWith("127.") || sourceAddress === "::1";
}

/** The protocols in the clients' offers (Envoy's ApplicationProtocolInput) that exact maps of the tree tell apart. */
export function offersIn(matcher: ChainMatcher): readonly string[] {
  if (matcher.kind !== "exact") return [];
  const below = [...matcher.map.values(), ...(matcher.otherwise ? [matcher.otherwise] : [])].flatMap(offersIn);
  if (matcher.input !== "application-protocol") return below;
  return [...[...matcher.map.keys()].flatMap((offer) => offer.slice(1, -1).split("','")), ...below];
}

/** What is "" is not there (Envoy's inputs say so of each). */
function inputValue(input: MatchInput, facts: ChainFacts): string | undefined {
  switch (input) {
    case "server-name":
      return facts.serverName || undefined;
    case "application-protocol":
      // Envoy's ApplicationProtocolInput: each protocol in single quotes, joined with commas.
      return facts.applicationProtocols.map((protocol) => `'${protocol}'`).join(",") || undefined;
    case "transport-protocol":
      return facts.transport;
    case "destination-ip":
      return facts.destinationAddress;
    case "destination-port":
      return String(facts.destinationPort);
    case "source-ip":
      return facts.sourceAddress;
    case "source-port":
      return String(facts.sourcePort);
    case "direct-source-ip":
      return facts.directSourceAddress;
    case "source-type":
      return isLocal(facts) ? "local" : undefined; // SourceTypeInput knows one value alone
  }
}

/** The name of the chain that the tree leads to. */
export function walkChainMatcher(matcher: ChainMatcher, facts: ChainFacts): string | undefined {
  return evaluate(matcher, inputValue, facts);
}

/**
 * How well `match` fits in one criterion: 0 when it does not restrict, more the more exactly it fits, -1 when it does not fit.
 * Of the chains that are left, those that fit best go on to the next criterion and the others do not come back (Envoy's
 * FilterChainManagerImpl descends a tree and never climbs): a chain for port 80 and another source hides one for any port.
 */
type Criterion = (match: ChainMatch, facts: ChainFacts) => number;

function rangeFit(ranges: readonly Cidr[], address: string): number {
  if (ranges.length === 0) return 0;
  return ranges.reduce(
    (best, range) => (range.bits >= best && containsAddress(range, address) ? range.bits + 1 : best),
    -1,
  );
}

/** Exact names before wildcards, longer wildcards before shorter ones. */
function serverNameFit(names: readonly string[], serverName: string): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const name of names) {
    if (name === serverName) return Number.MAX_SAFE_INTEGER;
    if (name.startsWith("*.") && serverName.length > name.length - 1 && serverName.endsWith(name.slice(1)))
      best = Math.max(best, name.length);
  }
  return best;
}

/** The first of the client's protocols that any chain knows decides. */
function protocolFit(protocols: readonly string[], offered: readonly string[]): number {
  if (protocols.length === 0) return 0;
  const first = offered.findIndex((protocol) => protocols.includes(protocol));
  return first === -1 ? -1 : offered.length - first;
}

const CRITERIA: readonly Criterion[] = [
  ({ destinationPort }, facts) =>
    destinationPort === undefined ? 0 : destinationPort === facts.destinationPort ? 1 : -1,
  ({ destinationRanges }, facts) => rangeFit(destinationRanges, facts.destinationAddress),
  ({ serverNames }, facts) => serverNameFit(serverNames, facts.serverName),
  ({ transport }, facts) => (transport === undefined ? 0 : transport === facts.transport ? 1 : -1),
  ({ applicationProtocols }, facts) => protocolFit(applicationProtocols, facts.applicationProtocols),
  ({ directSourceRanges }, facts) => rangeFit(directSourceRanges, facts.directSourceAddress),
  ({ sourceType }, facts) => (sourceType === "any" ? 0 : (sourceType === "local") === isLocal(facts) ? 1 : -1),
  ({ sourceRanges }, facts) => rangeFit(sourceRanges, facts.sourceAddress),
  ({ sourcePorts }, facts) => (sourcePorts.length === 0 ? 0 : sourcePorts.includes(facts.sourcePort) ? 1 : -1),
];

/** The member whose match fits best; undefined when none fits. */
export function chooseMatch<T extends { readonly match: ChainMatch }>(
  members: readonly T[],
  facts: ChainFacts,
): T | undefined {
  let left = members;
  for (const criterion of CRITERIA) {
    let best = -1;
    let fitting: T[] = [];
    for (const member of left) {
      const fit = criterion(member.match, facts);
      if (fit < best || fit === -1) continue;
      if (fit > best) fitting = [];
      best = fit;
      fitting.push(member);
    }
    left = fitting;
  }
  return left[0];
}
