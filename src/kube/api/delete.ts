// DELETE of one object and of a collection.

import { notSupported } from "../field-error.ts";
import { isJsonArray, isJsonObject, type JsonObject } from "../json.ts";
import { type KubeObject, nameOf, timestamp } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";
import type { Selector } from "../selector.ts";
import { matches } from "../selector.ts";
import { conflict, forbidden, invalidOptions, MODIFIED, notFound } from "../status.ts";
import type { ApiContext } from "./context.ts";
import { type Propagation, removalChanges } from "./removal.ts";
import { isDryRun, type Query, type Target } from "./request.ts";
import { admission } from "./write.ts";

/** `uid` and `resourceVersion` are preconditions: the deletion is refused with 409 when the object has others. */
export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly propagation: Propagation;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

/** Namespaces that the mesh cannot be without; Kubernetes refuses to delete its own in the same way. */
export const KEPT_NAMESPACES: readonly string[] = ["default", "heddle-system", "istio-system"];

/** Options come in the body, as DeleteOptions, or in the query; the body counts. Grace periods mean nothing without a kubelet. */
export function readDeleteOptions(query: Query, body: JsonObject | undefined): DeleteOptions {
  const given = body ?? {};
  const propagation = given.propagationPolicy ?? (query.text("propagationPolicy") || "Background");
  if (propagation !== "Background" && propagation !== "Foreground" && propagation !== "Orphan") {
    const supported = ["Foreground", "Background", "Orphan"];
    throw invalidOptions("DeleteOptions", notSupported("propagationPolicy", propagation, supported));
  }
  const preconditions = isJsonObject(given.preconditions) ? given.preconditions : {};
  const textOf = (name: string) => (typeof preconditions[name] === "string" ? preconditions[name] : undefined);
  return {
    dryRun: isDryRun(isJsonArray(given.dryRun) ? given.dryRun : query.all("dryRun"), "DeleteOptions"),
    propagation: given.orphanDependents === true ? "Orphan" : propagation,
    uid: textOf("uid"),
    resourceVersion: textOf("resourceVersion"),
  };
}

function checkPreconditions(type: ResourceType, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name } = object.metadata;
  const wrong = (what: string, wanted: string, found: string | undefined) =>
    conflict(type, name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`);
  if (options.uid !== undefined && options.uid !== uid) throw wrong("UID", options.uid, uid);
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw wrong("ResourceVersion", options.resourceVersion, resourceVersion);
  }
}

export interface Deleted {
  /** The object as it was, or as it is while it waits for its finalizers. */
  readonly object: KubeObject;
  readonly waits: boolean;
  readonly warnings: readonly string[];
}

/** Deletes one object, or marks it when it has finalizers. Throws NotFound, Conflict, Forbidden, or what admission refused. */
export async function deleteObject(context: ApiContext, target: Target, options: DeleteOptions): Promise<Deleted> {
  const { store } = context;
  const { type, name } = target;
  // Admission is awaited; whoever writes meanwhile makes it start over. Each turn needs another writer, so this ends.
  for (let attempt = 0; attempt < 100; attempt++) {
    const object = store.get(type, target);
    if (!object) throw notFound(type, name);
    checkPreconditions(type, object, options);
    if (type === resource.namespaces && KEPT_NAMESPACES.includes(name)) {
      throw forbidden(type, name, "this namespace may not be deleted");
    }
    const warnings = await admission(context, target, "DELETE", object, object);
    const changes = removalChanges(store, type, object, options.propagation, timestamp(context.now()));
    const next = changes.length === 0 ? object : changes[0]!.next;
    if (options.dryRun || changes.length === 0) return { object: next ?? object, waits: next !== undefined, warnings };
    const committed = store.get(type, target) === object ? store.commit(changes, true) : undefined;
    if (committed) return { object: committed[0] ?? object, waits: committed[0] !== undefined, warnings };
  }
  throw conflict(type, name, MODIFIED);
}

/** Deletes the objects that match, one after the other; those that vanish meanwhile are no error. */
export async function deleteCollection(
  context: ApiContext,
  target: Target,
  selector: Selector,
  options: DeleteOptions,
): Promise<readonly KubeObject[]> {
  const { type, namespace } = target;
  const all = context.store.list(type).objects;
  const chosen = all.filter(
    (object) => (namespace === "" || object.metadata.namespace === namespace) && matches(object, selector),
  );
  for (const object of chosen) {
    if (context.store.get(type, nameOf(object)) === undefined) continue;
    await deleteObject(
      context,
      { ...target, ...nameOf(object) },
      { ...options, uid: undefined, resourceVersion: undefined },
    );
  }
  return chosen;
}
