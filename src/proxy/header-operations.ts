// Applies the header operations of a route (Envoy: HeaderParser).

import { getHeader, type HeaderList, removeHeader, setHeader } from "../http/headers.ts";
import type { HeaderMutation, HeaderOperation, HeaderStep } from "../table/header-mutation.ts";
import { type FormatSource, formatValue } from "./format-value.ts";

function applyOperation(headers: HeaderList, operation: HeaderOperation, source: FormatSource): void {
  const value = formatValue(operation.value, source);
  if (value === "" && !operation.keepEmpty) return;
  switch (operation.action) {
    case "append":
      headers.push(operation.name, value);
      return;
    case "overwrite":
      setHeader(headers, operation.name, value);
      return;
    case "add-if-absent":
      if (getHeader(headers, operation.name) === undefined) headers.push(operation.name, value);
      return;
    case "overwrite-if-exists":
      if (getHeader(headers, operation.name) !== undefined) setHeader(headers, operation.name, value);
  }
}

/** What the operations of one list set, where they do: kept from one list to the next, as nothing waits meanwhile. */
const values: (string | undefined)[] = [];

function isWanted(headers: HeaderList, { name, action }: HeaderOperation): boolean {
  switch (action) {
    case "append":
    case "overwrite":
      return true;
    case "add-if-absent":
      return getHeader(headers, name) === undefined;
    case "overwrite-if-exists":
      return getHeader(headers, name) !== undefined;
  }
}

/**
 * Removals, then what overwrites, then what is added, each in order; conditions and values are those of the headers as they were after the
 * removals (Envoy: HeaderParser::evaluateHeaders). `:` names and `host` never get here: they are no header fields.
 */
export function mutateHeaders(
  headers: HeaderList,
  remove: readonly string[],
  set: readonly HeaderOperation[],
  source: FormatSource,
): void {
  for (let i = 0; i < remove.length; i++) removeHeader(headers, remove[i]!);
  for (let i = 0; i < set.length; i++) {
    const operation = set[i]!;
    const value = isWanted(headers, operation) ? formatValue(operation.value, source) : undefined;
    values[i] = value === "" && !operation.keepEmpty ? undefined : value;
  }
  for (let i = 0; i < set.length; i++) {
    const { name, action } = set[i]!;
    const value = values[i];
    if (value !== undefined && (action === "overwrite" || action === "overwrite-if-exists"))
      setHeader(headers, name, value);
  }
  for (let i = 0; i < set.length; i++) {
    const { name, action } = set[i]!;
    const value = values[i];
    if (value !== undefined && (action === "append" || action === "add-if-absent")) headers.push(name, value);
  }
}

/** From the level within outwards. */
export function mutateRequest(headers: HeaderList, mutation: HeaderMutation, source: FormatSource): void {
  for (let level: HeaderMutation | undefined = mutation; level; level = level.outer)
    mutateHeaders(headers, level.requestRemove, level.requestSet, source);
}

export function mutateResponse(headers: HeaderList, mutation: HeaderMutation, source: FormatSource): void {
  for (let level: HeaderMutation | undefined = mutation; level; level = level.outer)
    mutateHeaders(headers, level.responseRemove, level.responseSet, source);
}

/** In the order of the list. */
export function takeSteps(headers: HeaderList, steps: readonly HeaderStep[], source: FormatSource): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    if (step.kind === "remove") removeHeader(headers, step.name);
    else applyOperation(headers, step.operation, source);
  }
}
