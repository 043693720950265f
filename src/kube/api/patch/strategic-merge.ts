// Strategic merge patch: a merge patch that knows which lists are keyed, and has directives for deleting and ordering.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md

import { equalJson, isJsonArray, isJsonObject, type Json, type JsonObject, without } from "../../json.ts";
import { fieldOf, type Schema } from "../../schema.ts";
import type { Patched } from "./json-patch.ts";

const DELETE_FROM = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

class Refusal extends Error {}

interface ListRules {
  readonly merges: boolean;
  readonly key: string | undefined;
}

function listRules(schema: Schema | undefined): ListRules {
  const strategy = schema?.["x-kubernetes-patch-strategy"] ?? "";
  return { merges: strategy.split(",").includes("merge"), key: schema?.["x-kubernetes-patch-merge-key"] };
}

function listIn(patch: JsonObject, field: string): readonly Json[] {
  const value = patch[field];
  if (isJsonArray(value)) return value;
  throw new Refusal(`${field} must be a list`);
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = patch.$patch;
  if (directive === "replace") return without(patch, "$patch");
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge")
    throw new Refusal(`unknown directive $patch: ${JSON.stringify(directive)}`);

  const result = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith("$")) continue;
    if (value === null) result.delete(name);
    else result.set(name, mergeValue(result.get(name), value, fieldOf(schema, name).schema));
  }
  for (const directiveName of Object.keys(patch)) applyFieldDirective(result, patch, directiveName, schema);
  return Object.fromEntries(result);
}

/** Directives that stand beside the field they are about; whichever comes first, deletions are done before the order is made. */
function applyFieldDirective(
  result: Map<string, Json>,
  patch: JsonObject,
  directive: string,
  schema: Schema | undefined,
): void {
  if (directive === "$retainKeys") {
    const retained = listIn(patch, directive);
    for (const name of [...result.keys()]) if (!retained.includes(name)) result.delete(name);
  } else if (directive.startsWith(ORDER)) {
    const field = directive.slice(ORDER.length);
    const value = withoutDeleted(result.get(field), patch, field);
    if (isJsonArray(value))
      result.set(field, ordered(value, listIn(patch, directive), listRules(fieldOf(schema, field).schema)));
  } else if (directive.startsWith(DELETE_FROM)) {
    const field = directive.slice(DELETE_FROM.length);
    const value = withoutDeleted(result.get(field), patch, field);
    if (value !== undefined) result.set(field, value);
  } else if (directive.startsWith("$") && directive !== "$patch") {
    throw new Refusal(`unknown directive ${directive}`);
  }
}

function withoutDeleted(value: Json | undefined, patch: JsonObject, field: string): Json | undefined {
  const directive = DELETE_FROM + field;
  if (!isJsonArray(value) || !Object.hasOwn(patch, directive)) return value;
  const deleted = listIn(patch, directive);
  return value.filter((item) => !deleted.some((other) => equalJson(item, other)));
}

function mergeValue(target: Json | undefined, patch: Json, schema: Schema | undefined): Json {
  if (isJsonObject(patch)) {
    return mergeObject(isJsonObject(target) ? target : {}, patch, schema);
  }
  if (!isJsonArray(patch)) return patch;
  const rules = listRules(schema);
  if (patch.some((item) => isJsonObject(item) && item.$patch === "replace" && Object.keys(item).length === 1)) {
    return patch.filter((item) => !(isJsonObject(item) && item.$patch === "replace"));
  }
  if (!rules.merges) return patch;
  const list = isJsonArray(target) ? target : [];
  return rules.key === undefined ? mergeScalars(list, patch) : mergeItems(list, patch, rules.key, schema?.items);
}

function mergeScalars(target: readonly Json[], patch: readonly Json[]): readonly Json[] {
  return [...target, ...patch.filter((item) => !target.some((other) => equalJson(item, other)))];
}

function mergeItems(
  target: readonly Json[],
  patch: readonly Json[],
  key: string,
  schema: Schema | undefined,
): readonly Json[] {
  let result = [...target];
  for (const item of patch) {
    if (!isJsonObject(item) || item[key] === undefined) {
      throw new Refusal(
        `an item of the list has no merge key ${JSON.stringify(key)}: ${JSON.stringify(item).slice(0, 100)}`,
      );
    }
    const isSame = (other: Json) => isJsonObject(other) && equalJson(other[key], item[key]);
    if (item.$patch === "delete") {
      result = result.filter((other) => !isSame(other));
      continue;
    }
    const at = result.findIndex(isSame);
    const merged = mergeObject(at === -1 ? {} : (result[at] as JsonObject), item, schema);
    if (at === -1) result.push(merged);
    else result[at] = merged;
  }
  return result;
}

/** Items in the order that the patch names; those it does not name stay behind the item they stood behind. */
function ordered(items: readonly Json[], order: readonly Json[], { key }: ListRules): readonly Json[] {
  const rank = (item: Json) =>
    order.findIndex((other) =>
      key !== undefined && isJsonObject(item) && isJsonObject(other)
        ? equalJson(item[key], other[key])
        : equalJson(item, other),
    );
  let last = -1;
  const ranked = items.map((item) => {
    const found = rank(item);
    if (found !== -1) last = found;
    return { item, rank: found === -1 ? last + 0.5 : found };
  });
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ item }) => item);
}

/** `target` after the patch; `schema` has the merge keys. */
export function applyStrategicMerge(target: JsonObject, patch: JsonObject, schema: Schema): Patched {
  try {
    return { kind: "ok", value: mergeObject(target, patch, schema) };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "error", message: error.message };
    throw error;
  }
}
