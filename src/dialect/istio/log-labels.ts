// `logFormat.labels` of extension providers.

import type { LogFields } from "../../model/access-log.ts";
import { isObject } from "../object.ts";

/** A structure of the user's own, as written: no table has its fields. */
export function labelsOf(provider: unknown, kind: string): LogFields {
  const labels = within(within(within(provider, kind), "logFormat"), "labels");
  return isObject(labels) ? (labels as LogFields) : {};
}

/** In either form of protojson. */
function within(value: unknown, field: string): unknown {
  if (!isObject(value)) return undefined;
  return value[field] ?? value[field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}
