// Which filter chain: the old filter_chain_match and the matcher tree.

import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { FilterChainMatch } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import {
  ApplicationProtocolInputSchema,
  DestinationPortInputSchema,
  ServerNameInputSchema,
  TransportProtocolInputSchema,
} from "../../xds/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts";
import type { Matcher, Matcher_OnMatch } from "../../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import type { ChainMatch, ChainMatcher } from "../listener.ts";
import { acceptCidr } from "./rbac.ts";
import { isA, type Scope } from "./scope.ts";

type Input = (ChainMatcher & { kind: "map" })["input"];

const INPUTS = [
  [ServerNameInputSchema, "server-name"],
  [ApplicationProtocolInputSchema, "application-protocol"],
  [TransportProtocolInputSchema, "transport-protocol"],
  [DestinationPortInputSchema, "destination-port"],
] as const;

function acceptOnMatch(scope: Scope, on: Matcher_OnMatch | undefined): ChainMatcher | undefined {
  const by = on?.onMatch;
  if (by?.case === "matcher") return acceptChainMatcher(scope.field("matcher"), by.value);
  if (by?.case !== "action") return undefined;
  const name = scope.field("action").field("typed_config").unpack(by.value.typedConfig, StringValueSchema);
  return name && { kind: "chain", chain: name.value };
}

export function acceptChainMatcher(scope: Scope, matcher: Matcher): ChainMatcher | undefined {
  const tree = matcher.matcherType.case === "matcherTree" ? matcher.matcherType.value : undefined;
  if (tree?.treeType.case !== "exactMatchMap") {
    scope.reject("only matcher_tree with exact_match_map is supported by Heddle's proxy");
    return undefined;
  }
  const any = tree.input?.typedConfig;
  const input: Input | undefined = INPUTS.find(([schema]) => any && isA(any, schema))?.[1];
  if (input === undefined) {
    scope
      .field("matcher_tree")
      .field("input")
      .reject(`${JSON.stringify(any?.typeUrl ?? "")} is not supported by Heddle's proxy`);
    return undefined;
  }
  const map = new Map<string, ChainMatcher>();
  for (const [value, on] of Object.entries(tree.treeType.value.map)) {
    const next = acceptOnMatch(scope.field("matcher_tree").field("exact_match_map").key(value), on);
    if (next) map.set(value, next);
  }
  return { kind: "map", input, map, otherwise: acceptOnMatch(scope.field("on_no_match"), matcher.onNoMatch) };
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
  sourceRanges: [],
  serverNames: [],
  transport: undefined,
  applicationProtocols: [],
};

export function acceptChainMatch(scope: Scope, match: FilterChainMatch | undefined): ChainMatch {
  if (!match) return ANY;
  scope.only(match, [
    "destinationPort",
    "prefixRanges",
    "sourcePrefixRanges",
    "serverNames",
    "transportProtocol",
    "applicationProtocols",
  ]);
  const transport = match.transportProtocol;
  if (transport !== "" && transport !== "tls" && transport !== "raw_buffer")
    scope.field("transport_protocol").reject(`unknown value ${JSON.stringify(transport)}`);
  return {
    destinationPort: match.destinationPort,
    destinationRanges: match.prefixRanges.flatMap(
      (range, i) => acceptCidr(scope.field("prefix_ranges").index(i), range) ?? [],
    ),
    sourceRanges: match.sourcePrefixRanges.flatMap(
      (range, i) => acceptCidr(scope.field("source_prefix_ranges").index(i), range) ?? [],
    ),
    serverNames: match.serverNames,
    transport: transport === "tls" || transport === "raw_buffer" ? transport : undefined,
    applicationProtocols: match.applicationProtocols,
  };
}
