// A watch: changes of one kind as lines of JSON. Each stream is a cursor on the store's history and nothing more: a reader that
// is slow costs no memory, and one that is too slow finds its place compacted, which is 410 as it is on Kubernetes.

import { forbidden } from "../field-error.ts";
import type { JsonObject } from "../json.ts";
import { joinApiVersion, type KubeObject, withApiVersion } from "../object.ts";
import { matches, type Selector } from "../selector.ts";
import { expired, invalidOptions, type StatusFailure, versionInFuture } from "../status.ts";
import type { StoreEvent } from "../store/history.ts";
import type { Store } from "../store/store.ts";
import { versionOf } from "./list.ts";
import type { Query, Target } from "./request.ts";

/** Kubernetes' interval: soon enough that a client's version is not compacted while nothing happens. */
const BOOKMARK_MS = 60_000;

/** Kubernetes ends watches after 30 to 60 minutes, so that clients spread over servers anew. */
const MIN_TIMEOUT_MS = 30 * 60_000;

/** How long after its end a watch is held for a client that does not read. */
const STALLED_MS = 10_000;

/** Events encoded in one go; the reader's back-pressure is felt between them. */
const BATCH = 100;

export interface WatchOptions {
  readonly target: Target;
  readonly selector: Selector;
  /** Where to start; undefined and 0 begin with the present objects as ADDED events. */
  readonly version: number | undefined;
  readonly bookmarks: boolean;
  /** The present objects first, then a bookmark that says so. */
  readonly sendInitialEvents: boolean;
  readonly timeoutMs: number;
}

/** What kind of watch the query asks for, by Kubernetes' rules for its combinations. Throws 400. */
export function readWatchOptions(query: Query, target: Target): WatchOptions {
  const match = query.text("resourceVersionMatch");
  const initial = query.text("sendInitialEvents");
  const refuse = (field: string, detail: string) => invalidOptions("ListOptions", forbidden(field, detail));
  if (match !== "" && initial === "") {
    throw refuse(
      "resourceVersionMatch",
      "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    );
  }
  if (initial !== "" && match !== "NotOlderThan") {
    throw refuse("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (query.text("continue") !== "") throw refuse("continue", "continue is forbidden for watch");
  const bookmarks = query.flag("allowWatchBookmarks");
  const sendInitialEvents = query.flag("sendInitialEvents");
  if (sendInitialEvents && !bookmarks)
    throw refuse("sendInitialEvents", "sendInitialEvents requires allowWatchBookmarks");
  const seconds = query.count("timeoutSeconds");
  const selector = query.selector(target.type);
  return {
    target,
    selector: target.name === "" ? selector : { ...selector, fields: [...selector.fields, nameIs(target.name)] },
    version: versionOf(query.text("resourceVersion")),
    bookmarks,
    sendInitialEvents,
    timeoutMs: seconds ? Math.min(seconds * 1_000, 2 * MIN_TIMEOUT_MS) : MIN_TIMEOUT_MS * (1 + Math.random()),
  };
}

function nameIs(name: string) {
  return { path: "metadata.name", value: name, equal: true };
}

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** An object of an event in the form that the client asked for. */
export type Encode = (object: KubeObject, type: WatchEventType) => JsonObject;

function line(type: WatchEventType, object: JsonObject): string {
  return `${JSON.stringify({ type, object })}\n`;
}

class Watch {
  readonly #store: Store;
  readonly #options: WatchOptions;
  readonly #encode: Encode;
  readonly #startedAt = performance.now();
  #cursor: number;
  #initial: readonly KubeObject[] = [];
  #announceEnd = false;
  #lastBookmark: number;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(store: Store, options: WatchOptions, encode: Encode) {
    this.#store = store;
    this.#options = options;
    this.#encode = encode;
    this.#lastBookmark = this.#startedAt;
    const { version, sendInitialEvents, target } = options;
    this.#cursor = version || store.version;
    if (!version || sendInitialEvents) {
      const snapshot = store.list(target.type);
      this.#cursor = snapshot.version;
      this.#initial = snapshot.objects.filter((object) => this.#selects(object));
      this.#announceEnd = sendInitialEvents;
    }
  }

  /** The next lines; "" means that nothing has happened, undefined that the watch is over. */
  next(): string | undefined {
    if (this.#closed) return undefined;
    if (this.#initial.length > 0) return this.#nextInitial();
    if (this.#announceEnd) {
      this.#announceEnd = false;
      return this.#bookmark({ "k8s.io/initial-events-end": "true" });
    }
    for (;;) {
      const events = this.#store.eventsAfter(this.#options.target.type, this.#cursor, BATCH);
      if (!events) return this.#fail(expired(`too old resource version: ${this.#cursor} (${this.#store.version})`));
      if (events.length === 0) return this.#idle();
      this.#cursor = events.at(-1)!.version;
      const lines = events.map((event) => this.#line(event)).join("");
      if (lines !== "") return lines;
    }
  }

  /** Resolves when next() may have something, or the watch is over. */
  async wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = this.#store.subscribe(this.#options.target.type, resolve);
    const timer = setTimeout(resolve, Math.max(1, this.#untilTimer()));
    timer.unref?.();
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    unsubscribe();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  #untilTimer(): number {
    const now = performance.now();
    const untilEnd = this.#startedAt + this.#options.timeoutMs - now;
    return this.#options.bookmarks ? Math.min(untilEnd, this.#lastBookmark + BOOKMARK_MS - now) : untilEnd;
  }

  #idle(): string | undefined {
    const now = performance.now();
    if (now - this.#startedAt >= this.#options.timeoutMs) return this.#end();
    if (this.#options.bookmarks && now - this.#lastBookmark >= BOOKMARK_MS) return this.#bookmark();
    return "";
  }

  /** A last bookmark, so that the client resumes from here and not from its last event. */
  #end(): string | undefined {
    this.#closed = true;
    return this.#options.bookmarks ? this.#bookmark() : undefined;
  }

  #fail(failure: StatusFailure): string {
    this.#closed = true;
    return line("ERROR", failure.status as unknown as JsonObject);
  }

  #nextInitial(): string {
    const batch = this.#initial.slice(0, BATCH);
    this.#initial = this.#initial.slice(BATCH);
    return batch.map((object) => this.#encoded("ADDED", object)).join("");
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): string {
    const { type, version } = this.#options.target;
    this.#lastBookmark = performance.now();
    // Nothing of this kind is newer than the cursor, so whatever else the store has written is seen too.
    this.#cursor = this.#store.version;
    const metadata = { name: "", resourceVersion: String(this.#cursor), ...(annotations ? { annotations } : {}) };
    const apiVersion = joinApiVersion(type.group, version);
    return line("BOOKMARK", this.#encode({ apiVersion, kind: type.kind, metadata }, "BOOKMARK"));
  }

  #selects(object: KubeObject): boolean {
    const { target, selector } = this.#options;
    return (target.namespace === "" || object.metadata.namespace === target.namespace) && matches(object, selector);
  }

  #encoded(type: WatchEventType, object: KubeObject): string {
    const { type: resource, version } = this.#options.target;
    return line(type, this.#encode(withApiVersion(object, joinApiVersion(resource.group, version)), type));
  }

  /** An object that begins to match is ADDED to this watcher, one that ceases to match DELETED. */
  #line({ type, object, previous }: StoreEvent): string {
    const was = previous !== undefined && this.#selects(previous);
    const is = type !== "DELETED" && this.#selects(object);
    if (!was) return is ? this.#encoded("ADDED", object) : "";
    if (is) return this.#encoded("MODIFIED", object);
    // As it last matched, with the version of the change that ended it.
    const metadata = { ...previous.metadata, resourceVersion: object.metadata.resourceVersion! };
    return this.#encoded("DELETED", { ...previous, metadata });
  }
}

/**
 * The body of a watch response. `ended` is called once, when the client has gone or the watch is over; aborting `stop` ends it.
 * Throws versionInFuture; an expired version is an event, as on Kubernetes.
 */
export function watchBody(
  store: Store,
  options: WatchOptions,
  encode: Encode,
  stop: AbortSignal,
  ended: () => void,
): ReadableStream<Uint8Array> {
  if ((options.version ?? 0) > store.version) throw versionInFuture(options.version!, store.version);
  const watch = new Watch(store, options, encode);
  const encoder = new TextEncoder();
  const onStop = () => watch.close();
  stop.addEventListener("abort", onStop, { once: true });
  let deadline: ReturnType<typeof setTimeout> | undefined;
  let started = false;
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    clearTimeout(deadline);
    stop.removeEventListener("abort", onStop);
    watch.close();
    ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // A reader that has stopped reading asks for nothing, so it would not learn that the watch is over.
        deadline = setTimeout(() => {
          finish();
          controller.error(new Error("the client does not read its watch"));
        }, options.timeoutMs + STALLED_MS);
        deadline.unref?.();
      },
      async pull(controller) {
        let lines = watch.next();
        // The response head leaves with the first byte of the body, and clients wait for it: an empty line is no event.
        if (lines === "" && !started) lines = "\n";
        started = true;
        while (lines === "") {
          await watch.wait();
          lines = watch.next();
        }
        if (finished) return; // the client has gone meanwhile
        if (lines !== undefined) return controller.enqueue(encoder.encode(lines));
        finish();
        controller.close();
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
