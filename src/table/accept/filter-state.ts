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
