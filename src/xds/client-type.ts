// The client's end of one resource type: what it wants, which versions it has, what it still has to tell the server.

import type { ResourceKind } from "./type-urls.ts";

interface Answer {
  readonly nonce: string;
  /** Why the response was not taken whole. */
  readonly error: string | undefined;
}

/** The fields of one request. */
export interface TypeRequest {
  readonly subscribe: string[];
  readonly unsubscribe: string[];
  readonly initialVersions: Record<string, string>;
  readonly nonce: string;
  readonly error: string | undefined;
}

export class ClientType {
  readonly kind: ResourceKind;
  readonly #versions = new Map<string, string>();
  readonly #answers: Answer[] = [];
  #wildcard = false;
  #wanted: ReadonlySet<string> = new Set();
  /** Names that the server knows of on this stream. */
  #told = new Set<string>();
  /** Names to unsubscribe from with the next request. */
  readonly #left = new Set<string>();
  #started = false;
  #changed = false;

  constructor(kind: ResourceKind) {
    this.kind = kind;
  }

  /** Whether the server does not know yet what is wanted. */
  get subscriptionChanged(): boolean {
    return this.#changed;
  }

  get hasAnswer(): boolean {
    return this.#answers.length > 0;
  }

  wantAll(): void {
    if (this.#wanted.size > 0) throw new Error(`${this.kind} is already subscribed to by name`);
    this.#changed ||= !this.#wildcard;
    this.#wildcard = true;
  }

  want(names: ReadonlySet<string>): void {
    if (this.#wildcard) throw new Error(`${this.kind} is already subscribed to as a whole`);
    if (names === this.#wanted) return; // asked after every update, with 10,000 names
    for (const name of this.#told) {
      if (names.has(name)) continue;
      this.#told.delete(name);
      this.#left.add(name);
    }
    // Left and wanted again before the server heard of either: it is asked for anew, because what we had of it is gone.
    for (const name of names) this.#left.delete(name);
    this.#wanted = names;
    this.#changed ||= this.#left.size > 0 || this.#told.size < names.size;
    this.forget((name) => !names.has(name));
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#wanted.has(name);
  }

  /** Gives up what `condition` says; the caller has forgotten it. */
  forget(condition: (name: string) => boolean): void {
    for (const name of this.#versions.keys()) if (condition(name)) this.#versions.delete(name);
  }

  version(name: string): string | undefined {
    return this.#versions.get(name);
  }

  opened(): void {
    this.#told.clear();
    this.#left.clear();
    this.#answers.length = 0;
    this.#started = false;
    this.#changed = this.#wildcard || this.#wanted.size > 0;
  }

  accepted(name: string, version: string): void {
    // It may have been given up while the update was looked at.
    if (this.wants(name)) this.#versions.set(name, version);
  }

  removed(name: string): void {
    this.#versions.delete(name);
  }

  answer(nonce: string, error: string | undefined): void {
    this.#answers.push({ nonce, error });
  }

  /** Everything that there is to tell, as one request: an answer may carry subscriptions. */
  takeRequest(): TypeRequest {
    const subscribe = [...this.#wanted].filter((name) => !this.#told.has(name));
    const unsubscribe = [...this.#left];
    const initialVersions = this.#started ? {} : Object.fromEntries(this.#versions);
    const answer = this.#answers.shift();
    this.#told = new Set(this.#wanted);
    this.#left.clear();
    this.#started = true;
    this.#changed = false;
    return { subscribe, unsubscribe, initialVersions, nonce: answer?.nonce ?? "", error: answer?.error };
  }
}
