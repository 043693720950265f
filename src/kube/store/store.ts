// The objects of a mesh that has no Kubernetes: all in memory for reading, every change in SQLite before anyone sees it.
// One resourceVersion counts the changes of all kinds, as etcd's revision does.

import type { Database } from "bun:sqlite";
import { deepFreeze } from "../json.ts";
import { type KubeObject, keyOf, nameOf, type ObjectName } from "../object.ts";
import type { ResourceType } from "../resources.ts";
import { type StorageKey, storageKey } from "../resources.ts";
import { lockStore, openDatabase, storeFailure } from "./database.ts";
import { DEFAULT_HISTORY, History, type HistoryLimits, type StoreEvent } from "./history.ts";

/**
 * `previous` is the object as the caller read it; if it is no longer current, the whole commit is refused. `next` gets its
 * resourceVersion from the store. Without `next` it is a deletion. An object occurs once in a commit.
 */
export type Change = { readonly type: ResourceType } & (
  | { readonly previous: KubeObject | undefined; readonly next: KubeObject }
  | { readonly previous: KubeObject; readonly next: undefined }
);

export interface Snapshot {
  /** The version of the store at which the objects were all current together. */
  readonly version: number;
  /** Sorted by namespace and name. */
  readonly objects: readonly KubeObject[];
}

interface Collection {
  readonly objects: Map<string, KubeObject>;
  readonly history: History;
  readonly listeners: Set<() => void>;
  sorted: readonly KubeObject[] | undefined;
}

/**
 * Commits that skip the disk sync (status, heartbeats) may be lost in a power cut, and versions that clients have seen with
 * them. At most this many follow each other without a sync, and a store that was not closed cleanly continues this far on:
 * so a resourceVersion never means two things.
 */
const UNSYNCED_COMMITS = 1_000;

function sortedByKey(objects: ReadonlyMap<string, KubeObject>): readonly KubeObject[] {
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** One per process and file. Reading is synchronous and from memory; a commit returns when SQLite has it. */
export class Store {
  readonly #path: string;
  readonly #database: Database;
  readonly #lock: Database | undefined;
  readonly #limits: HistoryLimits;
  readonly #collections = new Map<StorageKey, Collection>();
  readonly #start: number;
  #version: number;
  #unsynced = 0;
  #synchronous: "FULL" | "NORMAL" | undefined;

  private constructor(path: string, database: Database, lock: Database | undefined, limits: HistoryLimits) {
    this.#path = path;
    this.#database = database;
    this.#lock = lock;
    this.#limits = limits;
    this.#version = this.#begin();
    this.#start = this.#version;
    this.#load();
  }

  /** Opens the store in the file `path`, or an empty one in memory for ":memory:". Throws a Failure that says what to do. */
  static open(path: string, limits: HistoryLimits = DEFAULT_HISTORY): Store {
    const lock = path === ":memory:" ? undefined : lockStore(path);
    let database: Database | undefined;
    try {
      database = openDatabase(path);
      return new Store(path, database, lock, limits);
    } catch (error) {
      database?.close();
      lock?.close();
      throw storeFailure(`open the store ${path}`, error);
    }
  }

  /** The number of the last change to anything. */
  get version(): number {
    return this.#version;
  }

  get path(): string {
    return this.#path;
  }

  get(type: ResourceType, name: ObjectName): KubeObject | undefined {
    return this.#collection(storageKey(type)).objects.get(keyOf(name));
  }

  /** All objects of a kind, in no order. */
  each(type: ResourceType): Iterable<KubeObject> {
    return this.#collection(storageKey(type)).objects.values();
  }

  list(type: ResourceType): Snapshot {
    const collection = this.#collection(storageKey(type));
    collection.sorted ??= sortedByKey(collection.objects);
    return { version: this.#version, objects: collection.sorted };
  }

  /** The objects as they were at an earlier `version`; undefined when the history no longer reaches back to it. */
  listAt(type: ResourceType, version: number): Snapshot | undefined {
    const collection = this.#collection(storageKey(type));
    const events = collection.history.after(version);
    if (!events) return undefined;
    const objects = new Map(collection.objects);
    // Undone newest first, so that the oldest change to an object has the last word.
    for (const event of events.toReversed()) {
      const key = keyOf(nameOf(event.object));
      if (event.previous) objects.set(key, event.previous);
      else objects.delete(key);
    }
    return { version, objects: sortedByKey(objects) };
  }

  /** At most `limit` events of a kind after `version`; undefined when some are no longer kept. */
  eventsAfter(type: ResourceType, version: number, limit?: number): readonly StoreEvent[] | undefined {
    return this.#collection(storageKey(type)).history.after(version, limit);
  }

  /** Calls `listener` after every commit that touched this kind. Returns how to stop. */
  subscribe(type: ResourceType, listener: () => void): () => void {
    const { listeners } = this.#collection(storageKey(type));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Forgets the history up to now: whoever watches from before must list again. */
  compact(): void {
    for (const { history } of this.#collections.values()) history.compact(this.#version);
  }

  /**
   * Writes all changes or none, and returns the new objects in the order of the changes (undefined for deletions); returns
   * undefined when one of the objects is no longer as the caller read it. `sync` waits for the disk: for what a person wrote.
   * Throws a Failure, and changes nothing, when the file cannot be written.
   */
  commit(changes: readonly Change[], sync: boolean): readonly (KubeObject | undefined)[] | undefined {
    if (changes.some((change) => this.#isStale(change))) return undefined;
    const written = changes.map((change, index) => stamped(change, this.#version + 1 + index));
    const texts = written.map((event) => (event.type === "DELETED" ? "" : JSON.stringify(event.object)));
    this.#write(changes, written, texts, sync);
    this.#version += changes.length;
    for (const [index, event] of written.entries()) this.#publish(changes[index]!, event, texts[index]!.length);
    for (const key of new Set(changes.map(({ type }) => storageKey(type)))) {
      for (const listener of [...this.#collection(key).listeners]) listener();
    }
    return written.map((event) => (event.type === "DELETED" ? undefined : event.object));
  }

  close(): void {
    try {
      this.#sync("FULL");
      this.#database.query("UPDATE state SET closed_cleanly = 1").run();
      this.#database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      throw storeFailure(`close the store ${this.#path}`, error);
    } finally {
      this.#database.close();
      this.#lock?.close();
    }
  }

  #begin(): number {
    const state = this.#database
      .query<{ resource_version: number; closed_cleanly: number }, []>(
        "SELECT resource_version, closed_cleanly FROM state",
      )
      .get()!;
    const version = state.resource_version + (state.closed_cleanly ? 0 : UNSYNCED_COMMITS);
    this.#sync("FULL");
    this.#database.query("UPDATE state SET resource_version = ?, closed_cleanly = 0").run(version);
    return version;
  }

  #load(): void {
    const rows = this.#database.query<{ kind: string; json: string }, []>("SELECT kind, json FROM objects").all();
    for (const { kind, json } of rows) {
      const object = deepFreeze(JSON.parse(json) as KubeObject);
      this.#collection(kind).objects.set(keyOf(nameOf(object)), object);
    }
  }

  #collection(key: StorageKey): Collection {
    let collection = this.#collections.get(key);
    if (!collection) {
      const history = new History(this.#start, this.#limits);
      collection = { objects: new Map(), history, listeners: new Set(), sorted: undefined };
      this.#collections.set(key, collection);
    }
    return collection;
  }

  #isStale(change: Change): boolean {
    return this.get(change.type, nameOf(subjectOf(change))) !== change.previous;
  }

  #write(changes: readonly Change[], events: readonly StoreEvent[], texts: readonly string[], sync: boolean): void {
    const mustSync = sync || this.#unsynced + changes.length > UNSYNCED_COMMITS;
    try {
      this.#sync(mustSync ? "FULL" : "NORMAL");
      this.#database.transaction(() => {
        for (const [index, { object, type }] of events.entries()) {
          const { namespace, name } = nameOf(object);
          const kind = storageKey(changes[index]!.type);
          if (type === "DELETED") this.#remove.run(kind, namespace, name);
          else this.#put.run(kind, namespace, name, texts[index]!);
        }
        this.#count.run(this.#version + changes.length);
      })();
    } catch (error) {
      throw storeFailure(`write the store ${this.#path}`, error);
    }
    this.#unsynced = mustSync ? 0 : this.#unsynced + changes.length;
  }

  get #put() {
    return this.#database.query("INSERT OR REPLACE INTO objects (kind, namespace, name, json) VALUES (?, ?, ?, ?)");
  }

  get #remove() {
    return this.#database.query("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?");
  }

  get #count() {
    return this.#database.query("UPDATE state SET resource_version = ?");
  }

  /** In WAL mode, FULL syncs the log at every commit, with all unsynced commits before it; NORMAL only at checkpoints. */
  #sync(mode: "FULL" | "NORMAL"): void {
    if (this.#synchronous === mode) return;
    this.#database.run(`PRAGMA synchronous = ${mode}`);
    this.#synchronous = mode;
  }

  #publish({ type }: Change, event: StoreEvent, characters: number): void {
    const collection = this.#collection(storageKey(type));
    const key = keyOf(nameOf(event.object));
    if (event.type === "DELETED") collection.objects.delete(key);
    else collection.objects.set(key, event.object);
    collection.sorted = undefined;
    collection.history.append(event, characters);
  }
}

function subjectOf(change: Change): KubeObject {
  return change.next ? change.next : change.previous;
}

/** The event that a change becomes, its object frozen and carrying its version. */
function stamped(change: Change, version: number): StoreEvent {
  const object = subjectOf(change);
  const metadata = { ...object.metadata, resourceVersion: String(version) };
  return {
    type: !change.next ? "DELETED" : change.previous ? "MODIFIED" : "ADDED",
    version,
    object: deepFreeze({ ...object, metadata }),
    previous: change.previous,
  };
}
