// Which chain of the mesh port a connection takes, as a tree of exact maps beside the chains. Envoy compares a listener's chains and not
// this tree when it decides what to drain: a new server name costs nothing, while adding one to a chain's `server_names` resets its streams.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { packAny } from "../xds/any.ts";
import {
  ApplicationProtocolInputSchema,
  ServerNameInputSchema,
} from "../xds/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts";
import {
  type Matcher,
  Matcher_MatcherList_FieldMatcherSchema,
  type Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_PredicateListSchema,
  Matcher_MatcherList_Predicate_SinglePredicateSchema,
  Matcher_MatcherList_PredicateSchema,
  Matcher_MatcherListSchema,
  Matcher_MatcherTreeSchema,
  type Matcher_OnMatch,
  Matcher_OnMatchSchema,
  MatcherSchema,
} from "../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import { StringMatcherSchema } from "../xds/gen/xds/type/matcher/v3/string_pb.ts";
import { aroundSubset, parseServerName } from "../xds/names.ts";
import { ISTIO_HTTP1_LISTS, ISTIO_HTTP2_LISTS } from "./istio-alpn.ts";
import { lazy } from "./lazy.ts";

type StringMatcherInit = Exclude<MessageInitShape<typeof StringMatcherSchema>, { readonly $typeName: string }>;

/** Server name → chain, for connections whose client offers HTTP, and for those that offer nothing. */
export interface ServerNameMaps {
  readonly http: ReadonlyMap<string, string>;
  /** HTTP/2 of clients that say no more of their own protocol than that. */
  readonly http2: ReadonlyMap<string, string>;
  readonly stream: ReadonlyMap<string, string>;
  /** Gateways hand legs on, those of Istio's sidecars too: names with a subset lead where those without do. */
  readonly isHandedOn: boolean;
}

const serverNameInput = lazy(() => ({
  name: "sni",
  typedConfig: packAny(ServerNameInputSchema, create(ServerNameInputSchema)),
}));

const protocolInput = lazy(() => ({
  name: "alpn",
  typedConfig: packAny(ApplicationProtocolInputSchema, create(ApplicationProtocolInputSchema)),
}));

/** The input is the client's whole offer, each protocol in quotes. Sidecars offer one, curl and Prometheus both. */
const HTTP_OFFERS = ["'h2'", "'http/1.1'", "'h2','http/1.1'"];
/** Of Istio's sidecars, through an AUTO_PASSTHROUGH gateway. */
const ISTIO_HTTP1_OFFERS = ISTIO_HTTP1_LISTS.map(quoted);
const ISTIO_HTTP2_OFFERS = ISTIO_HTTP2_LISTS.map(quoted);

function quoted(offer: readonly string[]): string {
  return offer.map((protocol) => `'${protocol}'`).join(",");
}

function toChain(chain: string): Matcher_OnMatch {
  const typedConfig = packAny(StringValueSchema, create(StringValueSchema, { value: chain }));
  return create(Matcher_OnMatchSchema, { onMatch: { case: "action", value: { name: chain, typedConfig } } });
}

/** An empty map is not valid for Envoy; this is no name that anyone is offered. */
const NOBODY = "-";

function whereServerName(matchPattern: NonNullable<StringMatcherInit["matchPattern"]>): Matcher_MatcherList_Predicate {
  const value = create(StringMatcherSchema, { matchPattern });
  const single = create(Matcher_MatcherList_Predicate_SinglePredicateSchema, {
    input: serverNameInput(),
    matcher: { case: "valueMatch", value },
  });
  return create(Matcher_MatcherList_PredicateSchema, { matchType: { case: "singlePredicate", value: single } });
}

/**
 * Names with a subset, as Istio's sidecars send them through an AUTO_PASSTHROUGH gateway: whoever chose the endpoint knew that it is of the
 * subset, so any will do, and a server's chains do not change with subsets.
 */
function bySubsetName(chains: ReadonlyMap<string, string>): Matcher_OnMatch | undefined {
  const matchers = [...chains].flatMap(([name, chain]) => {
    const parsed = parseServerName(name);
    if (!parsed) return [];
    const [before, after] = aroundSubset(parsed);
    const value = create(Matcher_MatcherList_Predicate_PredicateListSchema, {
      predicate: [
        whereServerName({ case: "prefix", value: before }),
        whereServerName({ case: "suffix", value: after }),
      ],
    });
    const predicate = create(Matcher_MatcherList_PredicateSchema, { matchType: { case: "andMatcher", value } });
    return [create(Matcher_MatcherList_FieldMatcherSchema, { predicate, onMatch: toChain(chain) })];
  });
  if (matchers.length === 0) return undefined;
  return create(Matcher_OnMatchSchema, {
    onMatch: {
      case: "matcher",
      value: { matcherType: { case: "matcherList", value: create(Matcher_MatcherListSchema, { matchers }) } },
    },
  });
}

function byServerName(chains: ReadonlyMap<string, string>, fallback: string, isHandedOn: boolean): Matcher_OnMatch {
  const entries = chains.size > 0 ? [...chains] : [[NOBODY, fallback] as const];
  const map = Object.fromEntries(entries.map(([name, chain]) => [name, toChain(chain)]));
  const tree = create(Matcher_MatcherTreeSchema, {
    input: serverNameInput(),
    treeType: { case: "exactMatchMap", value: { map } },
  });
  return create(Matcher_OnMatchSchema, {
    onMatch: {
      case: "matcher",
      value: {
        matcherType: { case: "matcherTree", value: tree },
        onNoMatch: isHandedOn ? bySubsetName(chains) : undefined,
      },
    },
  });
}

/**
 * ALPN first, then the server name. So `h2` to a port that is declared TCP finds nothing and is refused, instead of reaching the
 * application as bytes while the client's view of the port is an older one; and `h2` without a server name is free for HBONE.
 * At least one of the maps has an entry.
 */
export function chainMatcher({ http, http2, stream, isHandedOn }: ServerNameMaps): Matcher {
  const [anyChain = ""] = [...http.values(), ...stream.values()];
  const onHttp = byServerName(http, anyChain, isHandedOn);
  const offers = isHandedOn ? [...HTTP_OFFERS, ...ISTIO_HTTP1_OFFERS] : HTTP_OFFERS;
  const map = Object.fromEntries(offers.map((offer) => [offer, onHttp]));
  if (isHandedOn) {
    const onHttp2 = byServerName(http2, anyChain, isHandedOn);
    for (const offer of ISTIO_HTTP2_OFFERS) map[offer] = onHttp2;
  }
  return create(MatcherSchema, {
    matcherType: {
      case: "matcherTree",
      value: { input: protocolInput(), treeType: { case: "exactMatchMap", value: { map } } },
    },
    ...(stream.size > 0 ? { onNoMatch: byServerName(stream, anyChain, isHandedOn) } : {}),
  });
}
