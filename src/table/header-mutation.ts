// Header operations of routes, with Envoy's %VARIABLES% (envoy.config.core.v3.HeaderValueOption).

import type { Format } from "./format/part.ts";

export type AppendAction = "append" | "overwrite" | "add-if-absent" | "overwrite-if-exists";

export interface HeaderOperation {
  readonly name: string;
  readonly value: Format;
  readonly action: AppendAction;
  /** An empty value is set nonetheless. */
  readonly keepEmpty: boolean;
}

/** One of a list that is applied in its order. */
export type HeaderStep =
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "set"; readonly operation: HeaderOperation };

/** What one level says: removals come first, then what overwrites, then what is added (Envoy's HeaderParser::evaluateHeaders). */
export interface HeaderMutation {
  readonly requestRemove: readonly string[];
  readonly requestSet: readonly HeaderOperation[];
  readonly responseRemove: readonly string[];
  readonly responseSet: readonly HeaderOperation[];
  /** Of the level around it, which comes after it. */
  readonly outer?: HeaderMutation;
}

export const NO_MUTATION: HeaderMutation = { requestRemove: [], requestSet: [], responseRemove: [], responseSet: [] };
