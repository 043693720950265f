// Who owns which fields of an object: metadata.managedFields, kept for every write, and decided on by server-side apply.
// All versions of a kind share one schema here, so a set of fields means the same in each of them. Left out against
// Kubernetes: sets are not rewritten when a schema turns a shared list into an atomic one; such an entry has no effect.

import { isJsonObject, type JsonObject } from "../../json.ts";
import type { ManagedFieldsEntry } from "../../object.ts";
import type { Schema } from "../../schema.ts";
import {
  difference,
  equalSets,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  intersection,
  isEmpty,
  NONE,
  toFieldsV1,
  union,
} from "./field-set.ts";
import { compare, fieldsOf, merge, prune } from "./walk.ts";

/** One entry of managedFields, its fields as a set. `subresource` is "" for the object itself, `time` RFC 3339 or "". */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** Who writes now. */
export type Writer = Omit<Manager, "fields" | "operation">;

/** Kubernetes keeps this many updating managers apart; older ones become "ancient-changes". */
const MAX_UPDATERS = 10;

/** Fields that identify the object or that the server sets belong to nobody. */
const UNOWNED: FieldSet = fieldSet(false, [
  ["f:apiVersion", { member: true, children: new Map() }],
  ["f:kind", { member: true, children: new Map() }],
  [
    "f:metadata",
    fieldSet(
      true,
      [
        "name",
        "namespace",
        "generateName",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
      ].map((name) => [`f:${name}`, { member: true, children: new Map() }] as const),
    ),
  ],
]);

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Reads managedFields; entries that are not well-formed are dropped, for clients may write them. */
export function readManagers(entries: readonly unknown[]): readonly Manager[] {
  return entries.filter(isJsonObject).flatMap((entry): readonly Manager[] => {
    const fields = fromFieldsV1(entry.fieldsV1);
    const { operation } = entry;
    if (!fields || (operation !== "Apply" && operation !== "Update")) return [];
    return [
      {
        name: textOf(entry.manager),
        operation,
        apiVersion: textOf(entry.apiVersion),
        subresource: textOf(entry.subresource),
        time: textOf(entry.time),
        fields,
      },
    ];
  });
}

/** Writes managedFields in Kubernetes' order: applied first, then by time and name. */
export function writeManagers(managers: readonly Manager[]): readonly ManagedFieldsEntry[] {
  const key = ({ operation, time, name }: Manager) => `${operation} ${time} ${name}`;
  return managers
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((manager) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(manager.time === "" ? {} : { time: manager.time }),
      fieldsType: "FieldsV1",
      fieldsV1: toFieldsV1(manager.fields),
      ...(manager.subresource === "" ? {} : { subresource: manager.subresource }),
    }));
}

function owned(fields: FieldSet): FieldSet {
  return difference(fields, UNOWNED);
}

function isUpdaterOf(writer: Writer, manager: Manager): boolean {
  return (
    manager.operation === "Update" &&
    manager.name === writer.name &&
    manager.apiVersion === writer.apiVersion &&
    manager.subresource === writer.subresource
  );
}

/** An applier is the same whatever version it writes. */
function isApplierOf(writer: Writer, manager: Manager): boolean {
  return manager.operation === "Apply" && manager.name === writer.name && manager.subresource === writer.subresource;
}

/** The managers without these fields; whoever owns nothing any more is gone. */
function relieved(managers: readonly Manager[], fields: FieldSet): readonly Manager[] {
  return managers
    .map((manager) => ({ ...manager, fields: difference(manager.fields, fields) }))
    .filter((manager) => !isEmpty(manager.fields));
}

/** The managers after a write that is not an apply: the writer owns what it changed, and takes it from others. */
export function afterUpdate(
  before: JsonObject,
  after: JsonObject,
  managers: readonly Manager[],
  writer: Writer,
  schema: Schema,
): readonly Manager[] {
  const comparison = compare(before, after, schema);
  const changed = owned(comparison.changed);
  const removed = owned(comparison.removed);
  if (isEmpty(changed) && isEmpty(removed)) return managers;
  const own = managers.find((manager) => isUpdaterOf(writer, manager));
  const others = relieved(
    managers.filter((manager) => manager !== own),
    union(changed, removed),
  );
  const fields = union(difference(own?.fields ?? NONE, removed), changed);
  return isEmpty(fields) ? others : capped([...others, { ...writer, operation: "Update", fields }]);
}

/** Bounds the number of updating managers by merging the oldest of a version into one. */
function capped(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers
    .filter(({ operation }) => operation === "Update")
    .toSorted((a, b) => (a.time < b.time ? -1 : 1));
  const surplus = updaters.length - MAX_UPDATERS;
  if (surplus <= 0) return managers;
  const oldest = updaters.slice(0, surplus + 1);
  const versions = new Set(oldest.map(({ apiVersion }) => apiVersion));
  const merged = [...versions].map((apiVersion): Manager => {
    const members = oldest.filter((manager) => manager.apiVersion === apiVersion);
    const fields = members.reduce((all, manager) => union(all, manager.fields), NONE);
    if (members.length === 1) return members[0]!;
    return { ...members.at(-1)!, name: "ancient-changes", subresource: "", fields };
  });
  return [...managers.filter((manager) => !oldest.includes(manager)), ...merged];
}

/** Fields that `manager` owns and that the apply would change. */
export interface Conflict {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

export type Applied =
  | { readonly kind: "applied"; readonly object: JsonObject; readonly managers: readonly Manager[] }
  | { readonly kind: "conflict"; readonly conflicts: readonly Conflict[] };

/**
 * The object and its managers after `config` was applied to `live`: what it mentions is set, what the same applier mentioned
 * last time and nobody else owns is removed. Fields that others own and that would change are conflicts, unless `force`.
 */
export function applied(
  live: JsonObject,
  config: JsonObject,
  managers: readonly Manager[],
  writer: Writer,
  options: { readonly schema: Schema; readonly force: boolean },
): Applied {
  const { schema, force } = options;
  const mentioned = fieldsOf(config, schema);
  const claims = owned(mentioned);
  const own = managers.find((manager) => isApplierOf(writer, manager));
  const others = managers.filter((manager) => manager !== own);
  // With what nobody owns: metadata must not go because the applier dropped its last label.
  const kept = others.reduce((all, manager) => union(all, manager.fields), mentioned);
  const merged = merge(live, config, schema);
  const object = (own ? prune(merged, own.fields, kept, schema) : merged) as JsonObject;

  const { changed, removed } = compare(live, object, schema);
  const conflicts = others.flatMap((manager) => {
    const fields = intersection(manager.fields, changed);
    return isEmpty(fields) ? [] : [{ manager, fields }];
  });
  if (conflicts.length > 0 && !force) return { kind: "conflict", conflicts };
  const remaining = relieved(others, union(changed, removed));
  const isRepeat = own && equalSets(own.fields, claims) && isEmpty(changed) && isEmpty(removed);
  const self: Manager = isRepeat ? own : { ...writer, operation: "Apply", fields: claims };
  return { kind: "applied", object, managers: isEmpty(claims) ? remaining : [...remaining, self] };
}
