// The resources in force as they came, in bytes: what the admin interface shows of them is decoded when somebody looks. Beside each
// stands why a newer one was refused.

import type { ResourceKind } from "../xds/type-urls.ts";
import type { Rejection, Update } from "../xds/update.ts";

export interface HeldVersion {
  readonly version: string;
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly updatedMs: number;
}

/** The last update of a resource when it was refused; gone with the next one that is taken. */
export interface HeldFailure {
  readonly details: string;
  readonly version: string;
  /** Undefined when it had no content. */
  readonly bytes: Uint8Array | undefined;
  readonly attemptedMs: number;
}

export interface HeldResource {
  readonly current: HeldVersion | undefined;
  /** Of a listener or cluster that warms: the version that serves meanwhile. */
  readonly previous: HeldVersion | undefined;
  readonly failure: HeldFailure | undefined;
}

/** Names of what does not serve yet. */
export type Warming = Readonly<Partial<Record<ResourceKind, readonly string[]>>>;

const NOTHING: HeldResource = { current: undefined, previous: undefined, failure: undefined };
const NONE: ReadonlyMap<string, HeldResource> = new Map();

function detailsByName(rejections: readonly Rejection[]): ReadonlyMap<string, string> {
  const details = new Map<string, string>();
  for (const { name, path, reason } of rejections) {
    const line = path === "" ? reason : `${path}: ${reason}`;
    const before = details.get(name);
    details.set(name, before === undefined ? line : `${before}\n${line}`);
  }
  return details;
}

/**
 * A view would keep the whole response alive for as long as one resource of it is in force. One that is most of its response, as 36 MB of
 * routes are, is not copied.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 > bytes.buffer.byteLength ? bytes : bytes.slice();
}

export class HeldResources {
  readonly #kinds = new Map<ResourceKind, Map<string, HeldResource>>();

  of(kind: ResourceKind): ReadonlyMap<string, HeldResource> {
    return this.#kinds.get(kind) ?? NONE;
  }

  #kind(kind: ResourceKind): Map<string, HeldResource> {
    const known = this.#kinds.get(kind) ?? new Map<string, HeldResource>();
    this.#kinds.set(kind, known);
    return known;
  }

  /** After an update was put in force, but for what `rejections` name. */
  record(update: Update, rejections: readonly Rejection[], warming: Warming): void {
    const now = Date.now();
    const waiting = new Set(warming[update.kind]);
    const held = this.#kind(update.kind);
    const refused = detailsByName(rejections);
    // A secret that is removed stays in force until another replaces it.
    if (update.kind !== "sds") for (const name of update.removed) held.delete(name);
    for (const { name, version, resource } of update.resources) {
      const before = held.get(name) ?? NOTHING;
      const details = refused.get(name);
      const kept = resource && ownBytes(resource.value);
      if (details !== undefined)
        held.set(name, { ...before, failure: { details, version, bytes: kept, attemptedMs: now } });
      else if (kept) {
        const previous = waiting.has(name) ? (before.previous ?? before.current) : undefined;
        held.set(name, { current: { version, bytes: kept, updatedMs: now }, previous, failure: undefined });
      }
    }
    this.#dropPrevious("cds", new Set(warming.cds));
    this.#dropPrevious("lds", new Set(warming.lds));
  }

  #dropPrevious(kind: ResourceKind, warming: ReadonlySet<string>): void {
    for (const [name, resource] of this.of(kind))
      if (resource.previous && !warming.has(name)) this.#kind(kind).set(name, { ...resource, previous: undefined });
  }

  /** Forgets what nobody asks for any more. */
  keep(kind: ResourceKind, wanted: (name: string) => boolean): void {
    const held = this.#kinds.get(kind);
    if (held) for (const name of held.keys()) if (!wanted(name)) held.delete(name);
  }
}
