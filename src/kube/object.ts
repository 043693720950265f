// An object by Kubernetes' conventions: the one shape that every source of configuration has.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md

import type { JsonObject } from "./json.ts";

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Who set which fields (server-side apply). `fieldsV1` is a tree of `f:`, `k:` and `v:` path elements. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: "Apply" | "Update";
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: JsonObject;
  readonly subresource?: string;
}

/** Times are RFC 3339 in UTC with whole seconds; `resourceVersion` is opaque to clients. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Immutable: whoever changes something makes a new object. Fields beyond the envelope are unknown until a schema or a dialect reads them. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** Identifies an object within its kind. `namespace` is "" for cluster-scoped kinds. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** What a caller writes: the server fills in the rest of the metadata. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Omit<ObjectMeta, "name"> & { readonly name?: string };
  readonly [field: string]: unknown;
}

/** The name of an object within its kind. */
export function nameOf(object: KubeObject): ObjectName {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** `namespace/name`, or `/name` for cluster-scoped kinds. Neither part can hold a slash, so the text is unique and splits back. */
export function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

/** The group and version of `networking.istio.io/v1`; the core group, written `v1`, is "". */
export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf("/");
  return slash === -1
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The reverse of splitApiVersion. */
export function joinApiVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The same object under another apiVersion. All served versions of a kind have one schema, so nothing else changes. */
export function withApiVersion(object: KubeObject, apiVersion: string): KubeObject {
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

/** A time as metav1.Time writes it: `2026-11-23T01:50:00Z`. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** A view of an object as JSON, for code that walks any field. KubeObject's fields are JSON by construction: they came from it. */
export function asJson(object: KubeObject | NewObject): JsonObject {
  return object as unknown as JsonObject;
}

/** The reverse of asJson, for values whose envelope has been checked. */
export function asObject(json: JsonObject): KubeObject {
  return json as unknown as KubeObject;
}
