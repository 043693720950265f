// Descriptors of rate limits: what a request is, as far as some limit is about it (envoy.config.route.v3.RateLimit).

import { parseAddress } from "../base/cidr.ts";
import type { Format } from "./format/part.ts";
import { type HeaderMatch, matchesHeaders, matchesQuery, type QueryMatch, queryParameters } from "./header-match.ts";
import { type FilterMetadata, metadataValue } from "./metadata.ts";
import { headerOf, headerValue, type RequestFacts } from "./request.ts";

export type RateLimitAction =
  | { readonly kind: "source-cluster" | "destination-cluster" | "remote-address" }
  | { readonly kind: "masked-remote-address"; readonly v4Bits: number; readonly v6Bits: number }
  | {
      readonly kind: "header" | "query-parameter";
      readonly name: string;
      readonly key: string;
      /** An absent one leaves the entry out, and not the whole descriptor. */
      readonly skipIfAbsent: boolean;
    }
  | { readonly kind: "generic"; readonly key: string; readonly value: Format; readonly otherwise: string }
  | {
      readonly kind: "header-match";
      readonly key: string;
      readonly value: Format;
      readonly expect: boolean;
      readonly headers: readonly HeaderMatch[];
    }
  | {
      readonly kind: "query-match";
      readonly key: string;
      readonly value: Format;
      readonly expect: boolean;
      readonly parameters: readonly QueryMatch[];
    }
  | {
      readonly kind: "metadata";
      readonly key: string;
      readonly of: "dynamic" | "route";
      readonly namespace: string;
      readonly path: readonly string[];
      readonly otherwise: string;
      readonly skipIfAbsent: boolean;
    };

export interface RateLimit {
  /** Filters look at the limits of their stage alone. */
  readonly stage: number;
  readonly actions: readonly RateLimitAction[];
}

/** Keys and values in turns, in the order of the actions. */
export type Descriptor = readonly string[];

/** What actions look at. */
export interface DescribedRequest {
  readonly head: RequestFacts;
  readonly remoteAddress: string;
  readonly sourceCluster: string;
  readonly destinationCluster: string;
  metadata(of: "dynamic" | "route"): FilterMetadata | undefined;
  /** A format as text; what is absent is "". */
  format(format: Format): string;
}

/** Zeroes what the prefix does not cover: `10.1.2.3`, 16 → `10.1.0.0/16`; undefined when it is no address. */
export function maskedAddress(address: string, v4Bits: number, v6Bits: number): string | undefined {
  const bytes = parseAddress(address);
  if (!bytes) return undefined;
  const bits = bytes.length === 4 ? v4Bits : v6Bits;
  const masked = bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8))) & 0xff);
  if (masked.length === 4) return `${masked.join(".")}/${bits}`;
  return `${ipv6Text(masked)}/${bits}`;
}

/** The longest run of zero groups is `::`, as inet_ntop writes it (RFC 5952 4.2). */
function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  const text = groups.join(":");
  const runs = [...text.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)];
  const longest = runs.reduce((best, [run]) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = runs.find(([run]) => run === longest)!.index;
  return `${text.slice(0, Math.max(0, at - 1))}::${text.slice(at + longest.length + 1)}`;
}

/** Percent-escapes resolved; malformed ones stay as they are. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").latin1Slice(),
  );
}

/** SKIPPED: no entry, and the descriptor goes on; undefined: there is no such descriptor of this request. */
function entryValue(action: RateLimitAction, request: DescribedRequest): string | undefined {
  switch (action.kind) {
    case "source-cluster":
      return request.sourceCluster;
    case "destination-cluster":
      return request.destinationCluster;
    case "remote-address":
      return parseAddress(request.remoteAddress) ? request.remoteAddress : undefined;
    case "masked-remote-address":
      return maskedAddress(request.remoteAddress, action.v4Bits, action.v6Bits);
    case "generic":
      return request.format(action.value) || action.otherwise || undefined;
    case "header-match":
      return matchesHeaders(action.headers, request.head) === action.expect
        ? request.format(action.value) || undefined
        : undefined;
    case "query-match":
      return matchesQuery(action.parameters, request.head.path) === action.expect
        ? request.format(action.value) || undefined
        : undefined;
    default:
      return optionalValueOf(action, request);
  }
}

type OptionalAction = RateLimitAction & { readonly skipIfAbsent: boolean };

function optionalValueOf(action: OptionalAction, request: DescribedRequest): string | undefined {
  const value = foundValue(action, request);
  return value === undefined && action.skipIfAbsent ? SKIPPED : value;
}

/** No value of a request is this object: values have no NUL. */
const SKIPPED = "\0skipped";

function foundValue(action: OptionalAction, request: DescribedRequest): string | undefined {
  switch (action.kind) {
    case "header":
      return action.name.startsWith(":") || action.name === "host"
        ? headerValue(request.head, action.name)
        : headerOf(request.head.headers, action.name);
    case "query-parameter": {
      const value = queryParameters(request.head.path).get(action.name);
      return value === undefined ? undefined : decoded(value);
    }
    case "metadata": {
      const metadata = request.metadata(action.of);
      const value = metadata && metadataValue(metadata, action.namespace, action.path);
      return (typeof value === "string" && value !== "" ? value : action.otherwise) || undefined;
    }
  }
}

function keyOf(action: RateLimitAction): string {
  switch (action.kind) {
    case "source-cluster":
      return "source_cluster";
    case "destination-cluster":
      return "destination_cluster";
    case "remote-address":
      return "remote_address";
    case "masked-remote-address":
      return "masked_remote_address";
    default:
      return action.key;
  }
}

/** Undefined when some action finds nothing: the limit is not about this request. */
export function describe({ actions }: RateLimit, request: DescribedRequest): Descriptor | undefined {
  const entries: string[] = [];
  for (const action of actions) {
    const value = entryValue(action, request);
    if (value === undefined) return undefined;
    if (value !== SKIPPED) entries.push(keyOf(action), value);
  }
  return entries.length === 0 ? undefined : entries;
}
