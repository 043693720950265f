// Header operations, in the four lists that Envoy has at every level.

import { create } from "@bufbuild/protobuf";
import type { Header, HeaderOperations } from "../model/route.ts";
import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
  HeaderValueOptionSchema,
} from "../xds/gen/envoy/config/core/v3/base_pb.ts";

export interface HeaderFields {
  readonly requestHeadersToAdd: HeaderValueOption[];
  readonly requestHeadersToRemove: string[];
  readonly responseHeadersToAdd: HeaderValueOption[];
  readonly responseHeadersToRemove: string[];
}

function option({ name, value }: Header, appendAction: HeaderValueOption_HeaderAppendAction): HeaderValueOption {
  return create(HeaderValueOptionSchema, { header: { key: name, value }, appendAction });
}

/** Replaces what the client sent: the one way to set a header that peers rely on. */
export function overwrite(name: string, value: string): HeaderValueOption {
  return option({ name, value }, HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
}

function additions({ set, add }: HeaderOperations): HeaderValueOption[] {
  return [
    ...set.map(({ name, value }) => overwrite(name, value)),
    ...add.map((header) => option(header, HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}

/** Of several levels that end up in one place; the last one's `set` wins. */
export function headerFields(
  ...levels: readonly { readonly requestHeaders: HeaderOperations; readonly responseHeaders: HeaderOperations }[]
): HeaderFields {
  return {
    requestHeadersToAdd: levels.flatMap(({ requestHeaders }) => additions(requestHeaders)),
    requestHeadersToRemove: levels.flatMap(({ requestHeaders }) => requestHeaders.remove),
    responseHeadersToAdd: levels.flatMap(({ responseHeaders }) => additions(responseHeaders)),
    responseHeadersToRemove: levels.flatMap(({ responseHeaders }) => responseHeaders.remove),
  };
}
