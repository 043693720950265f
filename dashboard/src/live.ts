// The connection to the control plane: an event stream that comes back by itself, and what it last said.

import type { State } from "../../src/admin/api.ts";

export type Link =
  /** No state has arrived yet. */
  | { readonly status: "connecting"; readonly state: undefined; readonly since: number }
  | { readonly status: "live"; readonly state: State; readonly since: number }
  /** The control plane is gone since then; the state is the last one it sent. */
  | { readonly status: "lost"; readonly state: State | undefined; readonly since: number };

/** States come every second; after this long without one the connection is taken for dead, whatever the socket says. */
const SILENCE_MS = 5_000;
const RETRY_MS = 1_000;

export class Live {
  readonly #url: string;
  readonly #listeners = new Set<() => void>();
  #link: Link = { status: "connecting", state: undefined, since: Date.now() };
  #source: EventSource | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  readonly link = (): Link => this.#link;

  /** For useSyncExternalStore: connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connect();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#disconnect();
    };
  };

  #connect(): void {
    this.#disconnect();
    const source = new EventSource(this.#url);
    this.#source = source;
    this.#awaitState();
    source.addEventListener("state", (event: MessageEvent<string>) => {
      this.#awaitState();
      this.#set({ status: "live", state: JSON.parse(event.data) as State, since: Date.now() });
    });
    // The browser comes back by itself after a lost connection, but not after an answer that is no stream (503, 403).
    source.addEventListener("error", () => this.#lost());
  }

  #disconnect(): void {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
  }

  #awaitState(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost(): void {
    const { state } = this.#link;
    if (this.#link.status !== "lost") this.#set({ status: "lost", state, since: Date.now() });
    this.#disconnect();
    this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
  }

  #set(link: Link): void {
    this.#link = link;
    for (const listener of this.#listeners) listener();
  }
}
