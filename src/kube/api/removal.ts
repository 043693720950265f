// What goes when an object goes: the object itself or, while it has finalizers, only its future; then what it owned, and for
// a namespace what is in it. On Kubernetes controllers do this in the background; here it is one commit.

import { type KubeObject, keyOf, nameOf } from "../object.ts";
import { RESOURCES, type ResourceType, resource, storageKey } from "../resources.ts";
import type { Change, Store } from "../store/store.ts";

/** What happens to the objects that name the removed one as their owner. Foreground and Background differ in order only. */
export type Propagation = "Foreground" | "Background" | "Orphan";

interface Stored {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

function idOf({ type, object }: Stored): string {
  return `${storageKey(type)} ${keyOf(nameOf(object))}`;
}

/** The object with a deletionTimestamp: it stays until its last finalizer is removed. */
function marked(object: KubeObject, now: string): KubeObject {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return object;
  const generation = metadata.generation === undefined ? {} : { generation: metadata.generation + 1 };
  return { ...object, metadata: { ...metadata, ...generation, deletionTimestamp: now, deletionGracePeriodSeconds: 0 } };
}

class Removal {
  readonly #store: Store;
  readonly #now: string;
  readonly #propagation: Propagation;
  readonly #changes = new Map<string, Change>();
  /** A list and not recursion: chains of owners are as long as somebody makes them. */
  readonly #pending: { readonly stored: Stored; readonly previous: KubeObject }[] = [];
  readonly #touchedNamespaces = new Set<string>();
  #dependents: Map<string, Stored[]> | undefined;

  constructor(store: Store, propagation: Propagation, now: string) {
    this.#store = store;
    this.#propagation = propagation;
    this.#now = now;
  }

  run(stored: Stored, previous: KubeObject): readonly Change[] {
    this.#pending.push({ stored, previous });
    for (let next = this.#pending.pop(); next; next = this.#pending.pop()) this.#remove(next.stored, next.previous);
    for (const name of this.#touchedNamespaces) this.#finishNamespace(name);
    return [...this.#changes.values()];
  }

  #remove(stored: Stored, previous: KubeObject): void {
    const { type, object } = stored;
    if (this.#changes.has(idOf(stored))) return;
    if ((object.metadata.finalizers ?? []).length > 0) {
      const next = marked(object, this.#now);
      if (next !== previous) this.#changes.set(idOf(stored), { type, previous, next });
    } else if (type === resource.namespaces) {
      this.#removeNamespace(stored, previous);
    } else {
      this.#changes.set(idOf(stored), { type, previous, next: undefined });
      this.#removeDependents(object);
      if (type.namespaced) this.#touchedNamespaces.add(object.metadata.namespace!);
    }
  }

  *#all(): Generator<Stored, undefined> {
    for (const type of RESOURCES) for (const object of this.#store.each(type)) yield { type, object };
  }

  /** Objects by the UID of each owner. */
  #byOwner(): Map<string, Stored[]> {
    if (this.#dependents) return this.#dependents;
    this.#dependents = new Map();
    for (const stored of this.#all()) {
      for (const { uid } of stored.object.metadata.ownerReferences ?? []) {
        const list = this.#dependents.get(uid);
        if (list) list.push(stored);
        else this.#dependents.set(uid, [stored]);
      }
    }
    return this.#dependents;
  }

  #removeDependents(owner: KubeObject): void {
    const { uid } = owner.metadata;
    for (const stored of this.#byOwner().get(uid ?? "") ?? []) {
      const { type, object } = stored;
      const others = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
      if (this.#propagation === "Orphan" || this.#anyRemains(others.map((reference) => reference.uid))) {
        const next = { ...object, metadata: { ...object.metadata, ownerReferences: others } };
        if (!this.#changes.has(idOf(stored))) this.#changes.set(idOf(stored), { type, previous: object, next });
      } else {
        this.#pending.push({ stored, previous: object });
      }
    }
  }

  /** What remains once the changes so far are done. */
  #remains(stored: Stored): boolean {
    const change = this.#changes.get(idOf(stored));
    return !change || change.next !== undefined;
  }

  #anyRemains(uids: readonly string[]): boolean {
    if (uids.length === 0) return false;
    return this.#all().some((stored) => uids.includes(stored.object.metadata.uid ?? "") && this.#remains(stored));
  }

  #contentOf(namespace: string): readonly Stored[] {
    return this.#all()
      .filter((stored) => stored.object.metadata.namespace === namespace && this.#remains(stored))
      .toArray();
  }

  /** A namespace goes with all that is in it; while something waits for its finalizers, the namespace is Terminating. */
  #removeNamespace(stored: Stored, previous: KubeObject): void {
    const { name } = stored.object.metadata;
    const next = { ...marked(stored.object, this.#now), status: { phase: "Terminating" } };
    this.#changes.set(idOf(stored), { type: stored.type, previous, next });
    for (const content of this.#contentOf(name)) this.#pending.push({ stored: content, previous: content.object });
    this.#touchedNamespaces.add(name);
  }

  #finishNamespace(name: string): void {
    const type = resource.namespaces;
    const object = this.#store.get(type, { namespace: "", name });
    if (!object) return;
    const id = idOf({ type, object });
    const change = this.#changes.get(id);
    const current = change ? change.next : object;
    if (current?.metadata.deletionTimestamp === undefined) return;
    if ((current.metadata.finalizers ?? []).length > 0 || this.#contentOf(name).length > 0) return;
    this.#changes.set(id, { type, previous: object, next: undefined });
  }
}

/**
 * The changes that remove `object`, which is stored as `previous`; the change of the object itself comes first. None when it
 * waits for its finalizers already.
 */
export function removalChanges(
  store: Store,
  type: ResourceType,
  object: KubeObject,
  propagation: Propagation,
  now: string,
  previous: KubeObject = object,
): readonly Change[] {
  return new Removal(store, propagation, now).run({ type, object }, previous);
}
