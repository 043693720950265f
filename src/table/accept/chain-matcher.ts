// Which filter chain: the old filter_chain_match and the matcher tree.

import { type Any, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Cidr } from "../../base/cidr.ts";
import type { CidrRange } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import {
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
  SourceTypeInputSchema,
  TransportProtocolInputSchema,
} from "../../xds/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts";
import type { Matcher, Matcher_OnMatch } from "../../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import type { ChainMatch, ChainMatcher, MatchInput, SourceType } from "../filter-chain-match.ts";
import { acceptCidr } from "./rbac.ts";
import { isA, type Scope } from "./scope.ts";

const INPUTS = [
  [ServerNameInputSchema, "server-name"],
  [ApplicationProtocolInputSchema, "application-protocol"],
  [TransportProtocolInputSchema, "transport-protocol"],
  [DestinationIPInputSchema, "destination-ip"],
  [DestinationPortInputSchema, "destination-port"],
  [SourceIPInputSchema, "source-ip"],
  [SourcePortInputSchema, "source-port"],
  [DirectSourceIPInputSchema, "direct-source-ip"],
  [SourceTypeInputSchema, "source-type"],
] as const;

/** The name that an action stands for. */
export type ReadAction = (scope: Scope, any: Any | undefined) => string | undefined;

const readChainName: ReadAction = (scope, any) => scope.unpack(any, StringValueSchema)?.value;

function acceptOnMatch(scope: Scope, on: Matcher_OnMatch | undefined, read: ReadAction): ChainMatcher | undefined {
  const by = on?.onMatch;
  if (by?.case === "matcher") return acceptChainMatcher(scope.field("matcher"), by.value, read);
  if (by?.case !== "action") return undefined;
  const chain = read(scope.field("action").field("typed_config"), by.value.typedConfig);
  return chain === undefined ? undefined : { kind: "chain", chain };
}

/** A tree of exact maps, or its `on_no_match` alone. */
export function acceptChainMatcher(
  scope: Scope,
  matcher: Matcher,
  read: ReadAction = readChainName,
): ChainMatcher | undefined {
  if (matcher.matcherType.case === undefined && matcher.onNoMatch)
    return acceptOnMatch(scope.field("on_no_match"), matcher.onNoMatch, read);
  const tree = matcher.matcherType.case === "matcherTree" ? matcher.matcherType.value : undefined;
  if (tree?.treeType.case !== "exactMatchMap") {
    scope.reject("only matcher_tree with exact_match_map is supported by Heddle's proxy");
    return undefined;
  }
  const any = tree.input?.typedConfig;
  const input: MatchInput | undefined = INPUTS.find(([schema]) => any && isA(any, schema))?.[1];
  if (input === undefined) {
    scope
      .field("matcher_tree")
      .field("input")
      .reject(`${JSON.stringify(any?.typeUrl ?? "")} is not supported by Heddle's proxy`);
    return undefined;
  }
  const map = new Map<string, ChainMatcher>();
  for (const [value, on] of Object.entries(tree.treeType.value.map)) {
    const next = acceptOnMatch(scope.field("matcher_tree").field("exact_match_map").key(value), on, read);
    if (next) map.set(value, next);
  }
  return { kind: "map", input, map, otherwise: acceptOnMatch(scope.field("on_no_match"), matcher.onNoMatch, read) };
}

/** Every chain name that the tree can lead to. */
export function chainNames(matcher: ChainMatcher | undefined): string[] {
  if (!matcher) return [];
  if (matcher.kind === "chain") return [matcher.chain];
  return [...[...matcher.map.values()].flatMap(chainNames), ...chainNames(matcher.otherwise)];
}

const ANY: ChainMatch = {
  destinationPort: undefined,
  destinationRanges: [],
  serverNames: [],
  transport: undefined,
  applicationProtocols: [],
  directSourceRanges: [],
  sourceType: "any",
  sourceRanges: [],
  sourcePorts: [],
};

const SOURCE_TYPES: ReadonlyMap<FilterChainMatch_ConnectionSourceType, SourceType> = new Map([
  [FilterChainMatch_ConnectionSourceType.ANY, "any"],
  [FilterChainMatch_ConnectionSourceType.SAME_IP_OR_LOOPBACK, "local"],
  [FilterChainMatch_ConnectionSourceType.EXTERNAL, "external"],
]);

function acceptRanges(scope: Scope, ranges: readonly CidrRange[]): Cidr[] {
  return ranges.flatMap((range, i) => acceptCidr(scope.index(i), range) ?? []);
}

function acceptServerName(scope: Scope, name: string): string {
  const star = name.indexOf("*");
  if (name === "" || name === "*" || (star !== -1 && (!name.startsWith("*.") || name.indexOf("*", 1) !== -1)))
    scope.reject(`${JSON.stringify(name)} is neither a name nor one with "*." before it`);
  return name.toLowerCase();
}

function acceptTransport(scope: Scope, transport: string): ChainMatch["transport"] {
  if (transport === "tls" || transport === "raw_buffer") return transport;
  if (transport !== "") scope.reject(`unknown value ${JSON.stringify(transport)}`);
  return undefined;
}

export function acceptChainMatch(scope: Scope, match: FilterChainMatch | undefined): ChainMatch {
  if (!match) return ANY;
  scope.only(match, [
    "destinationPort",
    "prefixRanges",
    "sourceType",
    "sourcePrefixRanges",
    "directSourcePrefixRanges",
    "sourcePorts",
    "serverNames",
    "transportProtocol",
    "applicationProtocols",
  ]);
  return {
    destinationPort: match.destinationPort,
    destinationRanges: acceptRanges(scope.field("prefix_ranges"), match.prefixRanges),
    serverNames: match.serverNames.map((name, i) => acceptServerName(scope.field("server_names").index(i), name)),
    transport: acceptTransport(scope.field("transport_protocol"), match.transportProtocol),
    applicationProtocols: match.applicationProtocols,
    directSourceRanges: acceptRanges(scope.field("direct_source_prefix_ranges"), match.directSourcePrefixRanges),
    sourceType: SOURCE_TYPES.get(match.sourceType) ?? "any",
    sourceRanges: acceptRanges(scope.field("source_prefix_ranges"), match.sourcePrefixRanges),
    sourcePorts: match.sourcePorts,
  };
}

/** Every combination of one value of each criterion that a connection could have; "" stands for a criterion that does not restrict. */
function leaves(match: ChainMatch): string[] {
  const ranges = (of: readonly Cidr[]) => of.map(({ address, bits }) => `${address.join(".")}/${bits}`);
  const criteria: readonly (readonly unknown[])[] = [
    match.destinationPort === undefined ? [] : [match.destinationPort],
    ranges(match.destinationRanges),
    match.serverNames,
    match.transport === undefined ? [] : [match.transport],
    match.applicationProtocols,
    ranges(match.directSourceRanges),
    [match.sourceType],
    ranges(match.sourceRanges),
    match.sourcePorts,
  ];
  return criteria.reduce<string[]>(
    (found, values) =>
      found.flatMap((prefix) => (values.length === 0 ? [""] : values).map((value) => `${prefix}|${value}`)),
    [""],
  );
}

/** Two chains for the very same connections: Envoy refuses the listener, since neither is meant more than the other. */
export function refuseAmbiguity(scope: Scope, matches: readonly ChainMatch[]): void {
  const seen = new Map<string, number>();
  matches.forEach((match, i) => {
    for (const leaf of leaves(match)) {
      const other = seen.get(leaf);
      if (other !== undefined && other !== i) {
        scope
          .index(i)
          .field("filter_chain_match")
          .reject(`overlapping matching rules: filter_chains[${other}] takes the same connections`);
        return;
      }
      seen.set(leaf, i);
    }
  });
}
