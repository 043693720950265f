// Objects that filters keep (envoy.extensions.filters.common.set_filter_state.v3).

import {
  type FilterStateValue,
  FilterStateValue_SharedWithUpstream,
} from "../../xds/gen/envoy/extensions/filters/common/set_filter_state/v3/value_pb.ts";
import type { FilterStateRule } from "../filter-state.ts";
import { acceptLineFormat } from "./access-log.ts";
import type { Scope } from "./scope.ts";

/** Envoy's factories of objects that are no more than a string; others have a meaning for some part of Envoy. */
const FACTORIES: ReadonlyMap<string, { readonly hashable: boolean }> = new Map([
  ["envoy.string", { hashable: false }],
  ["envoy.hashable_string", { hashable: true }],
]);

/** Envoy's object that takes the place of what a cluster offers in TLS. */
export const ALPN_OBJECT = "envoy.network.application_protocols";

/** RFC 7301 3.1: the list's length has two bytes. */
const MAX_OFFER = 65_535;

function acceptValue(scope: Scope, value: FilterStateValue): readonly FilterStateRule[] {
  scope.only(value, ["key", "factoryKey", "value", "readOnly", "sharedWithUpstream", "skipIfEmpty"]);
  const key = value.key.value ?? "";
  if (key === "") scope.field("object_key").reject("empty");
  const factoryKey = value.factoryKey || key;
  const factory = FACTORIES.get(factoryKey);
  if (!factory) {
    scope
      .field(value.factoryKey === "" ? "object_key" : "factory_key")
      .reject(`no object factory ${JSON.stringify(factoryKey)} in Heddle's proxy: ${[...FACTORIES.keys()].join(", ")}`);
  }
  if (value.sharedWithUpstream !== FilterStateValue_SharedWithUpstream.NONE)
    scope.field("shared_with_upstream").reject("only NONE is supported by Heddle's proxy");
  const at = scope.field("format_string");
  if (value.value.case !== "formatString") {
    at.reject("missing");
    return [];
  }
  const line = acceptLineFormat(at, value.value.value);
  if (line.kind === "json") {
    at.field("json_format").reject("not supported by Heddle's proxy");
    return [];
  }
  const { hashable = false } = factory ?? {};
  const { readOnly, skipIfEmpty } = value;
  return [{ key, hashable, readOnly, skipIfEmpty, format: line.format, absent: line.omitEmpty ? "" : "-" }];
}

export function acceptFilterState(scope: Scope, values: readonly FilterStateValue[]): readonly FilterStateRule[] {
  return values.flatMap((value, i) => acceptValue(scope.index(i), value));
}

/** What a connection's filter keeps. */
export interface ConnectionState {
  readonly rules: readonly FilterStateRule[];
  /** What bytes behind it offer in TLS to their upstream, in place of what the cluster says; undefined: that. */
  readonly alpn: readonly string[] | undefined;
}

export function acceptConnectionState(scope: Scope, values: readonly FilterStateValue[]): ConnectionState {
  const rules: FilterStateRule[] = [];
  let alpn: readonly string[] | undefined;
  for (const [i, value] of values.entries()) {
    const at = scope.index(i);
    if (value.key.value !== ALPN_OBJECT) rules.push(...acceptValue(at, value));
    else if (alpn) at.field("object_key").reject("twice");
    else alpn = acceptOffer(at, value);
  }
  return { rules, alpn };
}

/** Known before any connection comes, so that none pays for it. */
function acceptOffer(scope: Scope, value: FilterStateValue): readonly string[] {
  scope.only(value, ["key", "factoryKey", "value"]);
  if (value.factoryKey !== "" && value.factoryKey !== ALPN_OBJECT)
    scope.field("factory_key").reject(`the object ${ALPN_OBJECT} is made by no other factory`);
  const at = scope.field("format_string");
  const line = value.value.case === "formatString" ? acceptLineFormat(at, value.value.value) : undefined;
  const [part, ...others] = line?.kind === "text" ? line.format : [];
  if (part?.kind !== "text" || others.length > 0) {
    at.reject("only a text without operators is supported by Heddle's proxy here");
    return [];
  }
  const offer = part.text.split(",");
  const size = offer.reduce((sum, name) => sum + 1 + name.length, 0);
  if (size > MAX_OFFER || offer.some((name) => name === "" || name.length > 255))
    at.reject("not protocols of 1 to 255 bytes, with commas between them");
  return offer;
}
