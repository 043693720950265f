// Which filter chain: the old filter_chain_match and the matcher tree. Whoever sends datagrams on asks the same tree.

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
import type { Matcher as MatcherMessage } from "../../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import type { ChainMatch, ChainMatcher, MatchInput, SourceType } from "../filter-chain-match.ts";
import { acceptCidr } from "./cidr.ts";
import { acceptMatcher, inputOf } from "./matcher.ts";
import type { Scope } from "./scope.ts";

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

export function acceptChainMatcher(
  scope: Scope,
  matcher: MatcherMessage,
  read: ReadAction = readChainName,
): ChainMatcher | undefined {
  return acceptMatcher<MatchInput, string>(scope, matcher, {
    input: (at, any) => inputOf(at, any, INPUTS),
    action: read,
  });
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
