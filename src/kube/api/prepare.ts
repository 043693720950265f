// From what a client sent to what is stored: the identity is checked, the fields that belong to the server are set, defaults
// are filled in, and every rule is applied. Nothing here waits or writes.

import { MAX_DEPTH } from "../../base/json-text.ts";
import type { FieldError } from "../field-error.ts";
import { equalJson, isJsonObject, type Json, type JsonObject, without } from "../json.ts";
import { asJson, asObject, joinApiVersion, type KubeObject, timestamp, withApiVersion } from "../object.ts";
import { type ResourceType, resource, storageApiVersion } from "../resources.ts";
import { badRequest, invalidObject, tooLarge } from "../status.ts";
import { checkMetadata, checkMetadataChange } from "./check-metadata.ts";
import { checkSchema } from "./check-schema.ts";
import type { ApiContext } from "./context.ts";
import { coreRules } from "./core-rules.ts";
import { withDefaults, withoutNulls } from "./defaults.ts";
import { afterUpdate, type Manager, readManagers, type Writer, writeManagers } from "./ownership/managers.ts";
import type { Target, WriteOptions } from "./request.ts";
import { checkAddress, withAddress } from "./service-address.ts";

/** etcd's limit, and so what objects in the field keep to. */
const MAX_OBJECT_BYTES = 1.5 * 1024 * 1024;

/** Metadata that only the server writes. */
const SERVER_FIELDS = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;
const DROPPED_FIELDS: readonly string[] = [...SERVER_FIELDS, "selfLink", "managedFields"];

/** What a client wants stored. `managers` when it is an apply, which has decided on ownership already. */
export interface Proposal {
  readonly object: JsonObject;
  readonly managers?: readonly Manager[];
  readonly duplicates: readonly string[];
}

export interface Prepared {
  /** In the storage version. */
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

/** Checks that the object is one of the target's kind, namespace and name, and fills in what the path says already. */
export function identified(input: JsonObject, target: Target): KubeObject {
  const { type, version, namespace, name } = target;
  const wanted = joinApiVersion(type.group, version);
  const { apiVersion = wanted, kind = type.kind, metadata = {} } = input;
  if (kind !== type.kind)
    throw badRequest(`the kind in the data (${kind}) does not match the expected kind (${type.kind})`);
  if (apiVersion !== wanted) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`);
  }
  if (!isJsonObject(metadata)) throw badRequest("metadata must be an object");
  const ownNamespace = metadata.namespace || undefined;
  if (type.namespaced && ownNamespace !== undefined && ownNamespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (name !== "" && metadata.name && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  const full = {
    ...without(metadata, "namespace"),
    name: name || (metadata.name ?? ""),
    ...(type.namespaced ? { namespace } : {}),
  };
  return asObject({ ...input, apiVersion, kind, metadata: full });
}

function depthOf(value: Json, limit: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (limit === 0) return 1;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item, limit - 1));
  return deepest + 1;
}

function checkSize(object: KubeObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(object));
  if (bytes > MAX_OBJECT_BYTES)
    throw tooLarge(`the object has ${bytes} bytes: at most ${MAX_OBJECT_BYTES} are accepted`);
  // A patch can put a deep value into a deep place.
  if (depthOf(asJson(object), MAX_DEPTH) > MAX_DEPTH)
    throw badRequest(`nested too deeply: at most ${MAX_DEPTH} levels are accepted`);
}

/** The fields that the server owns: those of the stored object, or fresh ones. */
function serverMetadata(current: KubeObject | undefined, type: ResourceType, now: Date): JsonObject {
  if (!current) {
    const generation = type.generation ? { generation: 1 } : {};
    return { uid: crypto.randomUUID(), ...generation, creationTimestamp: timestamp(now) };
  }
  return Object.fromEntries(
    SERVER_FIELDS.flatMap((field) => {
      const value = current.metadata[field];
      return value === undefined ? [] : [[field, value] as const];
    }),
  );
}

/** The parts of the object that this request may write; the rest is as stored. */
function confined(object: KubeObject, current: KubeObject | undefined, target: Target, now: Date): KubeObject {
  const { type, subresource } = target;
  if (subresource === "status" && current) {
    return {
      ...current,
      apiVersion: object.apiVersion,
      ...(object.status === undefined ? {} : { status: object.status }),
    };
  }
  const metadata = {
    ...without(object.metadata as unknown as JsonObject, ...DROPPED_FIELDS),
    ...serverMetadata(current, type, now),
  };
  const written = { ...object, metadata: metadata as unknown as KubeObject["metadata"] };
  if (!type.status) return written;
  const { status: _, ...rest } = written;
  return current?.status === undefined ? rest : { ...rest, status: current.status };
}

/** Whether the desired state differs: everything but metadata and, where it is a subresource, status. */
function desiredStateChanged(object: KubeObject, current: KubeObject, type: ResourceType): boolean {
  const apart = type.status ? ["apiVersion", "kind", "metadata", "status"] : ["apiVersion", "kind", "metadata"];
  return !equalJson(without(asJson(object), ...apart), without(asJson(current), ...apart));
}

function findings(object: KubeObject, current: KubeObject | undefined, context: ApiContext, type: ResourceType) {
  const schema = context.schemas.of(type);
  const { errors, unknown } = checkSchema(asJson(object), schema);
  if (errors.length > 0) return { errors, unknown };
  const all: readonly FieldError[] = [
    ...checkMetadata(object, type),
    ...(current ? checkMetadataChange(object, current) : []),
    ...(coreRules(type).check?.(object, current) ?? []),
    ...(type === resource.services ? checkAddress(object, current, context.store) : []),
  ];
  return { errors: all, unknown };
}

/** Fields that nobody knows and that were not there before, for a stored one has been reported already. */
function strictFindings(
  unknown: readonly string[],
  current: KubeObject | undefined,
  proposal: Proposal,
  context: ApiContext,
  type: ResourceType,
): readonly string[] {
  const before = current && unknown.length > 0 ? checkSchema(asJson(current), context.schemas.of(type)).unknown : [];
  return [
    ...proposal.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.filter((path) => !before.includes(path)).map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
}

function refuseStrictly(problems: readonly string[], { type, version }: Target): void {
  if (problems.length === 0) return;
  throw badRequest(
    `${type.kind} in version ${JSON.stringify(version)} cannot be handled as a ${type.kind}: strict decoding error: ${problems.join(", ")}`,
  );
}

function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  if (managers.length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, managedFields: writeManagers(managers) } };
}

/** The managers that count before this write: a client may rewrite the list itself, as kubectl does when it migrates. */
function managersBefore(input: KubeObject, current: KubeObject | undefined, target: Target): readonly Manager[] {
  const given = target.subresource === "" ? input.metadata.managedFields : undefined;
  // An empty list is the documented way to have it forgotten.
  if (Array.isArray(given) && (given.length === 0 || (given.length === 1 && equalJson(given[0], {})))) return [];
  const fromInput = Array.isArray(given) ? readManagers(given) : [];
  return fromInput.length > 0 ? fromInput : readManagers(current?.metadata.managedFields ?? []);
}

/** Makes the object to be stored, or throws the Status that says why it cannot be. */
export function prepare(
  context: ApiContext,
  target: Target,
  proposal: Proposal,
  current: KubeObject | undefined,
  options: WriteOptions,
): Prepared {
  const { type } = target;
  const schema = context.schemas.of(type);
  const now = context.now();
  const input = identified(withoutNulls(proposal.object, schema) as JsonObject, target);
  const own = confined(input, current, target, now);
  const completed = coreRules(type).complete?.(own) ?? own;
  const defaulted = asObject(withDefaults(asJson(completed), schema) as JsonObject);
  const { errors, unknown } = findings(defaulted, current, context, type);
  if (errors.length > 0) throw invalidObject(type, defaulted.metadata.name, errors);
  const problems =
    options.fieldValidation === "Ignore" ? [] : strictFindings(unknown, current, proposal, context, type);
  if (options.fieldValidation === "Strict") refuseStrictly(problems, target);

  const writer: Writer = {
    name: options.fieldManager || "unknown",
    apiVersion: joinApiVersion(type.group, target.version),
    subresource: target.subresource,
    time: timestamp(now),
  };
  const managers =
    proposal.managers ??
    afterUpdate(
      current ? asJson(current) : {},
      asJson(defaulted),
      managersBefore(input, current, target),
      writer,
      schema,
    );
  // Nobody manages an address that nobody asked for: those who apply the Service without one do not take it away.
  const addressed = type === resource.services ? withAddress(defaulted, current, context.store) : defaulted;
  const object = finished(withManagers(addressed, managers), current, type);
  checkSize(object);
  return { object, warnings: problems };
}

/** Storage version, generation, and the status that a new object begins with. */
function finished(object: KubeObject, current: KubeObject | undefined, type: ResourceType): KubeObject {
  const stored = withApiVersion(object, storageApiVersion(type));
  const status = coreRules(type).initialStatus;
  if (!current) return status && type.status ? { ...stored, status } : stored;
  if (!type.generation || !desiredStateChanged(stored, current, type)) return stored;
  const generation = (current.metadata.generation ?? 0) + 1;
  return { ...stored, metadata: { ...stored.metadata, generation } };
}
