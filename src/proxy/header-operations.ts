// Applies the header operations of a route (Envoy: HeaderParser).

import { getHeader, type HeaderList, removeHeader, setHeader } from "../http/headers.ts";
import type { HeaderOperation, HeaderStep } from "../table/header-mutation.ts";
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

/** Removals first, then the operations in order. `:` names and `host` never get here: they are no header fields. */
export function mutateHeaders(
  headers: HeaderList,
  remove: readonly string[],
  set: readonly HeaderOperation[],
  source: FormatSource,
): void {
  for (let i = 0; i < remove.length; i++) removeHeader(headers, remove[i]!);
  for (let i = 0; i < set.length; i++) applyOperation(headers, set[i]!, source);
}

/** In the order of the list. */
export function takeSteps(headers: HeaderList, steps: readonly HeaderStep[], source: FormatSource): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    if (step.kind === "remove") removeHeader(headers, step.name);
    else applyOperation(headers, step.operation, source);
  }
}
