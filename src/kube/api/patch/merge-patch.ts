// JSON Merge Patch (RFC 7386): null removes, objects merge, anything else replaces.

import { isJsonObject, type Json } from "../../json.ts";

/** `target` after `patch`; neither is changed. Depth is bounded by what parsed them. */
export function applyMergePatch(target: Json, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, applyMergePatch(result.get(name) ?? null, value));
  }
  return Object.fromEntries(result);
}
