// A local copy of the objects of one kind, kept current: list, then watch, and over again whenever that breaks. What client-go
// calls a reflector. Whoever reads the copy gets plain callbacks and never waits.

import { Backoff } from "../../base/backoff.ts";
import { Failure } from "../../base/failure.ts";
import { logger } from "../../base/log.ts";
import { type KubeObject, keyOf, nameOf } from "../object.ts";
import type { ResourceType } from "../resources.ts";
import { hasReason, qualifiedResource, StatusFailure } from "../status.ts";
import type { KubeClient } from "./client.ts";
import type { WatchEvent } from "./events.ts";

const log = logger("kube");

/** client-go's bounds for a list or watch that fails. */
const BACKOFF_MS = [800, 30_000] as const;

/** How often a kind that the server does not have is looked for. */
const ABSENT_MS = 30_000;

/** A watch lasts 5 to 10 minutes, as client-go's, so that a server can be drained. */
const WATCH_SECONDS = 300;

/** Bookmarks come every minute: a stream that is silent for so long beyond its own end is a dead connection. */
const SILENCE_MS = 30_000;

/** A watch that ends sooner than this counts as a failure, or a server that ends it at once would be asked without end. */
const SHORT_MS = 1_000;

/**
 * Told of every change, in order. onSnapshot comes first, and again whenever the copy had to be made anew: it replaces
 * everything known before. Objects are immutable and have the storage version. Must not throw.
 */
export interface InformerHandler {
  onSnapshot(objects: readonly KubeObject[]): void;
  onAdded(object: KubeObject): void;
  onModified(object: KubeObject, previous: KubeObject): void;
  onDeleted(object: KubeObject): void;
}

export interface InformerOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * `listing` from the start and after a version has expired; `watching` from `version` on; `absent`: the server does not have
 * the kind, which counts as having no objects; `waiting` after a failure; `stopped` for good.
 */
export type InformerState =
  | { readonly kind: "listing" }
  | { readonly kind: "watching"; readonly version: string }
  | { readonly kind: "absent" }
  | { readonly kind: "waiting"; readonly reason: string; readonly version: string | undefined }
  | { readonly kind: "stopped" };

/** Starts with start(), ends with stop(); in between its handler is told what the server has. */
export class Informer {
  readonly #client: KubeClient;
  readonly #type: ResourceType;
  readonly #handler: InformerHandler;
  readonly #options: InformerOptions;
  readonly #objects = new Map<string, KubeObject>();
  readonly #backoff = new Backoff(...BACKOFF_MS);
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #state: InformerState = { kind: "listing" };
  #lastVersion = "0";
  #running: Promise<void> | undefined;

  constructor(client: KubeClient, type: ResourceType, handler: InformerHandler, options: InformerOptions = {}) {
    this.#client = client;
    this.#type = type;
    this.#handler = handler;
    this.#options = options;
  }

  get state(): InformerState {
    return this.#state;
  }

  /** Resolves with the first snapshot. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when no callback will come any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#state = { kind: "stopped" };
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const version = await this.#listOrResume();
        await this.#watch(version);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#recover(error);
      }
    }
  }

  /** The version to watch from: where the last watch ended, or that of a new list. */
  async #listOrResume(): Promise<string> {
    if (this.#state.kind === "watching") return this.#state.version;
    if (this.#state.kind === "waiting" && this.#state.version !== undefined) return this.#state.version;
    this.#state = { kind: "listing" };
    // Nothing older than what was seen: a replica of the server may lag behind.
    const list = await this.#client.list(this.#type, { ...this.#options, resourceVersion: this.#lastVersion });
    this.#replace(list.objects);
    return list.resourceVersion;
  }

  async #watch(from: string): Promise<void> {
    this.#seen(from);
    const startedAt = performance.now();
    const seconds = Math.round(WATCH_SECONDS * (1 + Math.random()));
    const silence = AbortSignal.timeout(seconds * 1_000 + SILENCE_MS);
    const signal = AbortSignal.any([this.#stop.signal, silence]);
    const events = this.#client.watch(this.#type, {
      ...this.#options,
      resourceVersion: from,
      timeoutSeconds: seconds,
      signal,
    });
    for await (const event of events) {
      if (this.#stop.signal.aborted) return;
      this.#take(event);
    }
    if (performance.now() - startedAt < SHORT_MS) throw new Failure("the watch ended at once");
    this.#backoff.reset();
  }

  #seen(version: string): void {
    this.#lastVersion = version;
    this.#state = { kind: "watching", version };
  }

  #take(event: WatchEvent): void {
    if (event.kind === "error") throw new StatusFailure(event.status);
    const { object } = event;
    if (event.kind === "deleted") this.#remove(object);
    else if (event.kind !== "bookmark") this.#put(object);
    this.#seen(object.metadata.resourceVersion ?? this.#lastVersion);
    this.#backoff.reset();
  }

  #put(object: KubeObject): void {
    const key = keyOf(nameOf(object));
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    if (previous) this.#handler.onModified(object, previous);
    else this.#handler.onAdded(object);
  }

  #remove(object: KubeObject): void {
    if (this.#objects.delete(keyOf(nameOf(object)))) this.#handler.onDeleted(object);
  }

  #replace(objects: readonly KubeObject[]): void {
    this.#objects.clear();
    for (const object of objects) this.#objects.set(keyOf(nameOf(object)), object);
    this.#handler.onSnapshot(objects);
    this.#synced.resolve();
  }

  async #recover(error: unknown): Promise<void> {
    const failure = Failure.from(error);
    const resource = qualifiedResource(this.#type);
    if (hasReason(error, "NotFound")) {
      // The kind is not installed. That is a state of the world and not a failure: there are none of it.
      if (this.#state.kind !== "absent") {
        log.info("the server does not have this kind", { resource });
        this.#replace([]);
      }
      this.#state = { kind: "absent" };
      return this.#sleep(ABSENT_MS);
    }
    const tooLarge = isTooLargeVersion(error);
    if (tooLarge || hasReason(error, "Expired") || hasReason(error, "Gone")) {
      // What was missed can only be found by listing: anew from "", when the server has fewer versions than it had.
      if (tooLarge) this.#lastVersion = "";
      this.#state = { kind: "listing" };
      log.debug("the history does not reach back: listing again", { resource });
      return this.#sleep(this.#backoff.next());
    }
    const version = this.#state.kind === "watching" || this.#state.kind === "waiting" ? this.#state.version : undefined;
    this.#state = { kind: "waiting", reason: failure.message, version };
    log.warn("cannot watch", { resource, error: failure.message });
    await this.#sleep(this.#backoff.next());
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#stop.signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }
}

function isTooLargeVersion(error: unknown): boolean {
  if (!(error instanceof StatusFailure)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === "ResourceVersionTooLarge") ?? false;
}
