// Header operations of routes, virtual hosts and route configurations, merged in the order in which Envoy applies them.

import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
} from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { parseFormat } from "../format/format.ts";
import { type AppendAction, type HeaderMutation, type HeaderOperation, NO_MUTATION } from "../header-mutation.ts";
import type { Scope } from "./scope.ts";

/** The four lists that Envoy's messages have alike at every level. */
export interface MutationFields {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}
export const MUTATION_FIELDS = [
  "requestHeadersToAdd",
  "requestHeadersToRemove",
  "responseHeadersToAdd",
  "responseHeadersToRemove",
] as const;

const ACTIONS: ReadonlyMap<HeaderValueOption_HeaderAppendAction, AppendAction> = new Map([
  [HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD, "append"],
  [HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT, "add-if-absent"],
  [HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD, "overwrite"],
  [HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS, "overwrite-if-exists"],
]);

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

export function acceptOperation(scope: Scope, option: HeaderValueOption): HeaderOperation | undefined {
  scope.only(option, ["header", "append", "appendAction", "keepEmptyValue"]);
  const { header } = option;
  if (header === undefined) {
    scope.field("header").reject("missing");
    return undefined;
  }
  const at = scope.field("header");
  at.only(header, ["key", "value"]);
  const name = header.key.toLowerCase();
  if (!NAME.test(name)) at.field("key").reject(`${JSON.stringify(header.key)} cannot be set: not a header name`);
  const parsed = parseFormat(header.value, process.env);
  if ("error" in parsed) {
    at.field("value").reject(parsed.error);
    return undefined;
  }
  const action =
    option.append === undefined ? ACTIONS.get(option.appendAction) : option.append ? "append" : "overwrite";
  if (action === undefined) scope.field("append_action").reject(`unknown value ${option.appendAction}`);
  return { name, value: parsed.format, action: action ?? "append", keepEmpty: option.keepEmptyValue };
}

export function acceptOperations(scope: Scope, options: readonly HeaderValueOption[]): HeaderOperation[] {
  return options.flatMap((option, i) => acceptOperation(scope.index(i), option) ?? []);
}

export function acceptMutation(scope: Scope, fields: MutationFields): HeaderMutation {
  if (MUTATION_FIELDS.every((name) => fields[name].length === 0)) return NO_MUTATION;
  return {
    requestRemove: fields.requestHeadersToRemove.map((name) => name.toLowerCase()),
    requestSet: acceptOperations(scope.field("request_headers_to_add"), fields.requestHeadersToAdd),
    responseRemove: fields.responseHeadersToRemove.map((name) => name.toLowerCase()),
    responseSet: acceptOperations(scope.field("response_headers_to_add"), fields.responseHeadersToAdd),
  };
}

/** Route, then virtual host, then route configuration: Envoy's order unless most_specific_header_mutations_wins. */
export function mergeMutations(...levels: readonly HeaderMutation[]): HeaderMutation {
  return levels.reduceRight((outer, level) => within(level, outer), NO_MUTATION);
}

function within(level: HeaderMutation, outer: HeaderMutation): HeaderMutation {
  if (outer === NO_MUTATION) return level;
  if (level === NO_MUTATION) return outer;
  return { ...level, outer: level.outer ? within(level.outer, outer) : outer };
}
