// A set of fields of an object, as a tree of path elements: what server-side apply keeps for each writer. The elements are
// written as in metadata.managedFields: `f:name`, `k:{"port":80}`, `v:"value"`.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management

import { isJsonObject, type JsonObject } from "../../json.ts";

/** `member`: the field itself is in the set, besides those below it. Immutable. */
export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

const NO_CHILDREN: ReadonlyMap<string, FieldSet> = new Map();

export const NONE: FieldSet = { member: false, children: NO_CHILDREN };
export const ITSELF: FieldSet = { member: true, children: NO_CHILDREN };

/** Whether nothing is in the set. */
export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** A set of these parts, without empty branches. */
export function fieldSet(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  return { member, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

function combined(
  a: FieldSet,
  b: FieldSet,
  elements: Iterable<string>,
  combine: (a: FieldSet, b: FieldSet) => FieldSet,
) {
  const children: [string, FieldSet][] = [];
  for (const element of elements) {
    children.push([element, combine(a.children.get(element) ?? NONE, b.children.get(element) ?? NONE)]);
  }
  return children;
}

/** What is in either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const elements = new Set([...a.children.keys(), ...b.children.keys()]);
  return fieldSet(a.member || b.member, combined(a, b, elements, union));
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  return fieldSet(a.member && !b.member, combined(a, b, a.children.keys(), difference));
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return NONE;
  return fieldSet(a.member && b.member, combined(a, b, a.children.keys(), intersection));
}

/** Whether both hold the same fields. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a.member !== b.member || a.children.size !== b.children.size) return false;
  return [...a.children].every(([element, child]) => equalSets(child, b.children.get(element) ?? NONE));
}

function sorted(set: FieldSet): readonly (readonly [string, FieldSet])[] {
  return [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The members as paths that a person reads: `.spec.ports[port=80,protocol="TCP"].name`. */
export function paths(set: FieldSet, prefix = ""): readonly string[] {
  return [
    ...(set.member ? [prefix] : []),
    ...sorted(set).flatMap(([element, child]) => paths(child, `${prefix}${readable(element)}`)),
  ];
}

function readable(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  if (element.startsWith("i:")) return `[${text}]`;
  const keys: unknown = JSON.parse(text);
  const pairs = isJsonObject(keys) ? Object.entries(keys) : [];
  return `[${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
}

/** The form in `fieldsV1`: a leaf is `{}`, a member with others below it has ".". */
export function toFieldsV1(set: FieldSet): JsonObject {
  const children = sorted(set);
  return {
    ...(set.member && children.length > 0 ? { ".": {} } : {}),
    ...Object.fromEntries(children.map(([element, child]) => [element, toFieldsV1(child)])),
  };
}

/** Reads `fieldsV1`; undefined when it is not well-formed, for clients may write it. */
export function fromFieldsV1(json: unknown, root = true): FieldSet | undefined {
  if (!isJsonObject(json)) return undefined;
  const children = new Map<string, FieldSet>();
  for (const [element, value] of Object.entries(json)) {
    if (element === ".") continue;
    const child = isElement(element) ? fromFieldsV1(value, false) : undefined;
    if (!child) return undefined;
    children.set(element, child);
  }
  return { member: !root && (children.size === 0 || Object.hasOwn(json, ".")), children };
}

function isElement(text: string): boolean {
  if (/^(f:|i:-?\d+$)/.test(text)) return true;
  if (!/^[kv]:/.test(text)) return false;
  try {
    const value: unknown = JSON.parse(text.slice(2));
    return text.startsWith("v:") || isJsonObject(value);
  } catch {
    return false;
  }
}
