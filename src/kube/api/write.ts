// Every write goes this way: read what is stored, make what is wanted of it, prepare, ask admission, commit. When somebody
// else wrote in between, it starts over, unless the client named the version that it had read.

import type { AdmissionOperation, AdmissionResult } from "../admission.ts";
import { equalJson, type Json, type JsonObject } from "../json.ts";
import { asJson, joinApiVersion, type KubeObject, timestamp, withApiVersion } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  failure,
  forbidden,
  internalError,
  invalidObject,
  MODIFIED,
  notFound,
  type StatusFailure,
} from "../status.ts";
import type { Change } from "../store/store.ts";
import type { ApiContext } from "./context.ts";
import { withoutNulls } from "./defaults.ts";
import { paths } from "./ownership/field-set.ts";
import { areOwnConflicts, withLastApplied } from "./ownership/last-applied.ts";
import { type Applied, applied, readManagers, type Writer } from "./ownership/managers.ts";
import { identified, type Proposal, prepare } from "./prepare.ts";
import { removalChanges } from "./removal.ts";
import type { Target, WriteOptions } from "./request.ts";
import { checkAddress } from "./service-address.ts";
import { inTurn } from "./turns.ts";

/** As often as Kubernetes' API server tries a patch again. */
const ATTEMPTS = 5;

/** What a write led to. `object` has the storage version; for a dry run it is what would have been stored. */
export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/** Makes the wanted object from the stored one, anew on each attempt; throws the Status that refuses. */
export type Propose = (current: KubeObject | undefined) => Proposal;

/** Does one write, from proposal to commit. Throws the Status of whatever refuses it; 409 when others kept writing in between. */
export async function write(
  context: ApiContext,
  target: Target,
  options: WriteOptions,
  propose: Propose,
): Promise<Written> {
  const attempts = () => attempted(context, target, options, propose);
  // What is not judged, or not stored, need not wait.
  const isJudged = target.subresource === "" && !options.dryRun;
  return isJudged ? inTurn(context.store, attempts) : attempts();
}

async function attempted(
  context: ApiContext,
  target: Target,
  options: WriteOptions,
  propose: Propose,
): Promise<Written> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = context.store.get(target.type, target);
    checkNamespace(context, target, current);
    const { object, warnings } = prepare(context, target, propose(current), current, options);
    if (current && equalJson(asJson(object), asJson(current))) return { object: current, created: false, warnings };
    const verdict =
      target.subresource === ""
        ? await admission(context, target, current ? "UPDATE" : "CREATE", object, current, options.together)
        : [];
    const all = [...warnings, ...verdict];
    if (options.dryRun) return { object, created: !current, warnings: all };
    // While admission was asked, another Service may have taken the address.
    if (target.type === resource.services && checkAddress(object, current, context.store).length > 0) continue;
    const stored = commit(context, target, object, current);
    if (stored) return { object: stored, created: !current, warnings: all };
  }
  throw conflict(target.type, target.name, MODIFIED);
}

/** Nothing is created in a namespace that does not exist or is going. */
function checkNamespace(
  { store }: ApiContext,
  { type, namespace, name }: Target,
  current: KubeObject | undefined,
): void {
  if (!type.namespaced || current) return;
  const owner = store.get(resource.namespaces, { namespace: "", name: namespace });
  if (!owner) throw notFound(resource.namespaces, namespace);
  if (owner.metadata.deletionTimestamp !== undefined) {
    throw forbidden(
      type,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  }
}

/** The warnings of an admitted write; throws the Status of a refused one. */
export async function admission(
  context: ApiContext,
  target: Target,
  operation: AdmissionOperation,
  object: KubeObject,
  current: KubeObject | undefined,
  together: readonly string[] = [],
): Promise<readonly string[]> {
  let result: AdmissionResult;
  try {
    result = await context.admit(operation, object, current, together);
  } catch (error) {
    throw internalError(`admission failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (result.kind === "allowed") return result.warnings;
  throw refusal(target.type, object.metadata.name, result);
}

function refusal(
  type: ResourceType,
  name: string,
  result: Extract<AdmissionResult, { kind: "refused" }>,
): StatusFailure {
  if (result.reason === "Forbidden") return forbidden(type, name, result.message);
  const causes = result.causes.map(({ field, message }) => ({ reason: "FieldValueInvalid" as const, field, message }));
  if (result.reason === "Invalid") {
    return invalidObject(
      type,
      name,
      causes.length > 0 ? causes : [{ reason: "FieldValueInvalid", field: "", message: result.message }],
    );
  }
  return failure(400, "BadRequest", result.message, { name, kind: type.kind, causes });
}

/** Stores the object; the removal of its last finalizer completes a deletion that waited for it. */
function commit(
  { store, now }: ApiContext,
  { type, subresource }: Target,
  object: KubeObject,
  current: KubeObject | undefined,
) {
  const isGone = current?.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length === 0;
  const changes: readonly Change[] = isGone
    ? removalChanges(store, type, { ...current, metadata: object.metadata }, "Background", timestamp(now()), current)
    : [{ type, previous: current, next: object }];
  // A status is observed again after a loss; what a person wrote is not written again.
  const sync = subresource === "" && type !== resource.leases;
  const stored = store.commit(changes, sync);
  return stored && (stored[0] ?? object);
}

/** The version that the client had read must still be the stored one; without one, custom resources refuse the update. */
function checkVersion(target: Target, input: JsonObject, current: KubeObject, isPatch: boolean): void {
  const { type, name } = target;
  const metadata = (input.metadata ?? {}) as JsonObject;
  const { uid } = metadata;
  if (uid && uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(type, name, why);
  }
  const version = metadata.resourceVersion;
  if (version && version !== "0") {
    if (version !== current.metadata.resourceVersion) throw conflict(type, name, MODIFIED);
  } else if (!type.builtIn && !isPatch) {
    const message = "Invalid value: 0: must be specified for an update";
    throw invalidObject(type, name, [{ reason: "FieldValueInvalid", field: "metadata.resourceVersion", message }]);
  }
}

/** A new object from `input`. */
export function creating(target: Target, input: JsonObject, duplicates: readonly string[]): Propose {
  return (current) => {
    if (current) throw alreadyExists(target.type, target.name);
    if ((input.metadata as JsonObject | undefined)?.resourceVersion) {
      throw badRequest("resourceVersion should not be set on objects to be created");
    }
    return { object: input, duplicates };
  };
}

/** The stored object replaced by `input`. */
export function replacing(target: Target, input: JsonObject, duplicates: readonly string[]): Propose {
  return (current) => {
    if (!current) throw notFound(target.type, target.name);
    identified(input, target); // a wrong name is said before a wrong version
    checkVersion(target, input, current, false);
    return { object: input, duplicates };
  };
}

/** The stored object, in the version the client speaks, changed by `patch`. */
export function patching(target: Target, patch: (current: JsonObject) => Json, duplicates: readonly string[]): Propose {
  const apiVersion = joinApiVersion(target.type.group, target.version);
  return (current) => {
    if (!current) throw notFound(target.type, target.name);
    const object = patch(asJson(withApiVersion(current, apiVersion))) as JsonObject;
    identified(object, target);
    checkVersion(target, object, current, true);
    return { object, duplicates };
  };
}

/** Server-side apply of `config`, which creates what does not exist. */
export function applying(
  context: ApiContext,
  target: Target,
  config: JsonObject,
  options: WriteOptions,
  duplicates: readonly string[],
): Propose {
  const { type, subresource } = target;
  const writer: Writer = {
    name: options.fieldManager,
    apiVersion: joinApiVersion(type.group, target.version),
    subresource,
    time: timestamp(context.now()),
  };
  return (current) => {
    if (!current && subresource !== "") throw notFound(type, target.name);
    // A null would wipe what others own below it; to an applier it means "not mentioned".
    const input = asJson(identified(withoutNulls(config, context.schemas.of(type)) as JsonObject, target));
    if ((input.metadata as JsonObject).managedFields !== undefined)
      throw badRequest("metadata.managedFields must be nil");
    if (current) checkVersion(target, input, current, true);
    const live = current ? asJson(withApiVersion(current, writer.apiVersion)) : {};
    const claimed = claimable(input, target);
    const managers = readManagers(current?.metadata.managedFields ?? []);
    const schema = context.schemas.of(type);
    let result = applied(live, claimed, managers, writer, { schema, force: options.force });
    if (result.kind === "conflict" && areOwnConflicts(result.conflicts, live, writer, schema)) {
      result = applied(live, claimed, managers, writer, { schema, force: true });
    }
    if (result.kind === "conflict") throw applyConflict(result);
    return { object: withLastApplied(result.object, claimed, writer), managers: result.managers, duplicates };
  };
}

/** The part of a configuration that this request may write: everything but status, or status alone. */
function claimable(input: JsonObject, { type, subresource }: Target): JsonObject {
  const { status, ...rest } = input;
  if (!type.status) return input;
  if (subresource === "") return rest;
  const { apiVersion, kind, metadata } = input as { readonly [key: string]: Json };
  const { name, namespace } = metadata as JsonObject;
  return {
    apiVersion: apiVersion!,
    kind: kind!,
    metadata: { name: name!, ...(namespace === undefined ? {} : { namespace }) },
    ...(status === undefined ? {} : { status }),
  };
}

function applyConflict({ conflicts }: Extract<Applied, { kind: "conflict" }>): StatusFailure {
  const found = conflicts.flatMap(({ manager, fields }) => {
    const by = JSON.stringify(manager.name);
    const through = manager.subresource === "" ? by : `${by} with subresource ${JSON.stringify(manager.subresource)}`;
    const who = manager.operation === "Update" ? `${through} using ${manager.apiVersion}` : through;
    return paths(fields).map((field) => ({ who, field }));
  });
  const byManager = Map.groupBy(found, ({ who }) => who);
  const listed = [...byManager].map(([who, fields]) =>
    [`conflicts with ${who}:`, ...fields.map(({ field }) => `- ${field}`)].join("\n"),
  );
  const message =
    found.length === 1
      ? `Apply failed with 1 conflict: conflict with ${found[0]!.who}: ${found[0]!.field}`
      : `Apply failed with ${found.length} conflicts: ${listed.join("\n")}`;
  const causes = found.map(({ who, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${who}`,
    field,
  }));
  return failure(409, "Conflict", message, { causes });
}
