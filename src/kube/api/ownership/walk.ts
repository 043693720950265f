// Walking an object by its schema, the way server-side apply sees it: which fields it has, what changed between two of them,
// what one written over another gives. Lists are one field each unless the schema says that several writers share them.

import { canonicalText, equalJson, isJsonArray, isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { fieldOf, type Schema } from "../../schema.ts";
import { type FieldSet, fieldSet, ITSELF, NONE, union } from "./field-set.ts";

interface Part {
  readonly element: string;
  readonly value: Json;
  readonly schema: Schema | undefined;
  /** A field that the schema names is not owned by itself once it has something in it; a key of a map or an item is. */
  readonly named: boolean;
}

/** The parts of a value that different writers may own; undefined when it is owned as a whole. */
function partsOf(value: Json, schema: Schema | undefined): ReadonlyMap<string, Part> | undefined {
  const parts = new Map<string, Part>();
  if (isJsonObject(value) && schema?.["x-kubernetes-map-type"] !== "atomic") {
    for (const [name, item] of Object.entries(value)) {
      const field = fieldOf(schema, name);
      parts.set(`f:${name}`, { element: `f:${name}`, value: item, schema: field.schema, named: field.named });
    }
    return parts;
  }
  if (!isJsonArray(value) || !schema) return undefined;
  for (const item of value) {
    const element = elementOf(item, schema);
    // An item without its keys, or twice the same: there is no telling them apart, so the list is owned as a whole.
    if (element === undefined || parts.has(element)) return undefined;
    parts.set(element, { element, value: item, schema: schema.items, named: false });
  }
  return parts;
}

/** How an item is told apart in a list of type set or map; undefined in other lists. */
function elementOf(item: Json, schema: Schema): string | undefined {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] === "set") {
    return typeof item === "object" ? undefined : `v:${JSON.stringify(item)}`;
  }
  if (schema["x-kubernetes-list-type"] !== "map" || !keys || !isJsonObject(item)) return undefined;
  const values = keys.map((key) => [key, item[key] ?? schema.items?.properties?.[key]?.default] as const);
  if (values.some(([, value]) => value === undefined || typeof value === "object")) return undefined;
  return `k:${canonicalText(Object.fromEntries(values) as JsonObject)}`;
}

function isBare(value: Json): boolean {
  return value === null || (isJsonObject(value) && Object.keys(value).length === 0);
}

/** The fields that an applied configuration claims. */
export function fieldsOf(value: Json, schema: Schema | undefined): FieldSet {
  const parts = partsOf(value, schema);
  if (!parts) return ITSELF;
  const children = [...parts.values()].map((part) => {
    const below = fieldsOf(part.value, part.schema);
    return [part.element, isBare(part.value) || !part.named ? union(below, ITSELF) : below] as const;
  });
  const leaf = isJsonArray(value) && value.length === 0;
  return fieldSet(leaf, children);
}

/** Every field of a value, containers included: what somebody owns who made it. */
function allFields(value: Json, schema: Schema | undefined): FieldSet {
  const parts = partsOf(value, schema);
  if (!parts) return ITSELF;
  return fieldSet(
    true,
    [...parts.values()].map((part) => [part.element, allFields(part.value, part.schema)] as const),
  );
}

export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

const UNCHANGED: Comparison = { changed: NONE, removed: NONE };

/** Which fields differ between two values of one schema. */
export function compare(before: Json, after: Json, schema: Schema | undefined): Comparison {
  if (equalJson(before, after)) return UNCHANGED;
  const old = partsOf(before, schema);
  const now = partsOf(after, schema);
  if (!old || !now || isJsonArray(before) !== isJsonArray(after)) return { changed: ITSELF, removed: NONE };
  const changed: [string, FieldSet][] = [];
  const removed: [string, FieldSet][] = [];
  for (const element of new Set([...old.keys(), ...now.keys()])) {
    const was = old.get(element);
    const is = now.get(element);
    if (!was) changed.push([element, allFields(is!.value, is!.schema)]);
    else if (!is) removed.push([element, allFields(was.value, was.schema)]);
    else {
      const below = compare(was.value, is.value, is.schema);
      changed.push([element, below.changed]);
      removed.push([element, below.removed]);
    }
  }
  return { changed: fieldSet(false, changed), removed: fieldSet(false, removed) };
}

/** `applied` written over `live`: what it does not mention stays. */
export function merge(live: Json, applied: Json, schema: Schema | undefined): Json {
  const old = partsOf(live, schema);
  const now = partsOf(applied, schema);
  if (!old || !now || isJsonArray(live) !== isJsonArray(applied)) return applied;
  const both = (part: Part) => {
    const was = old.get(part.element);
    return was ? merge(was.value, part.value, part.schema) : part.value;
  };
  if (isJsonArray(live)) return mergedItems([...old.values()], [...now.values()], both);
  const fields = [...now.values()].map((part) => [part.element.slice(2), both(part)] as const);
  return { ...(live as JsonObject), ...Object.fromEntries(fields) };
}

/** Items keep the order of the applied list; those of others keep their place among them. */
function mergedItems(live: readonly Part[], applied: readonly Part[], both: (part: Part) => Json): readonly Json[] {
  const inLive = new Set(live.map(({ element }) => element));
  const inApplied = new Set(applied.map(({ element }) => element));
  const result: Json[] = [];
  let next = 0;
  for (const part of applied) {
    // Up to the live place of this item: items that only others have.
    while (inLive.has(part.element) && next < live.length && live[next]!.element !== part.element) {
      const other = live[next++]!;
      if (!inApplied.has(other.element)) result.push(other.value);
    }
    if (live[next]?.element === part.element) next++;
    result.push(both(part));
  }
  const rest = live.slice(next).filter(({ element }) => !inApplied.has(element));
  return [...result, ...rest.map(({ value }) => value)];
}

/** `value` without the fields of `dropped` that nobody in `kept` owns; undefined when nothing is left of it. */
export function prune(value: Json, dropped: FieldSet, kept: FieldSet, schema: Schema | undefined): Json | undefined {
  if (dropped.children.size === 0) return value;
  const parts = partsOf(value, schema);
  if (!parts) return value;
  const left = [...parts.values()].flatMap((part) => {
    const drop = dropped.children.get(part.element);
    const keep = kept.children.get(part.element);
    if (!drop) return [part];
    if (!keep) return [];
    const pruned = prune(part.value, drop, keep, part.schema);
    return pruned === undefined ? [] : [{ ...part, value: pruned }];
  });
  return isJsonArray(value)
    ? left.map((part) => part.value)
    : Object.fromEntries(left.map((part) => [part.element.slice(2), part.value]));
}
