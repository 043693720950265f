// The state pushed to every open page as server-sent events: computed once a second however many look on, and not at all when nobody does.

import { logger } from "../base/log.ts";
import type { State } from "./api.ts";

const PUSH_MS = 1_000;

/** Pages at a time. A browser holds one each; more is a leak or an attack. */
const MAX_CLIENTS = 64;

/** States that may wait for a slow reader; then it is cut off, and its EventSource comes back for the present one. */
const MAX_BACKLOG = 5;

export interface EventsOptions {
  readonly state: () => State;
  readonly maxClients?: number;
  readonly pushMs?: number;
}

interface Client {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();
const log = logger("admin");

export class Events {
  readonly #state: () => State;
  readonly #maxClients: number;
  readonly #pushMs: number;
  readonly #clients = new Set<Client>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #latest: { readonly id: number; readonly message: Uint8Array } | undefined;

  constructor({ state, maxClients = MAX_CLIENTS, pushMs = PUSH_MS }: EventsOptions) {
    this.#state = state;
    this.#maxClients = maxClients;
    this.#pushMs = pushMs;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /**
   * A stream of `state` events, the first at once; undefined when there are too many readers already. Every event is the whole state
   * under its time as the id, so that a reader who comes back with `lastEventId` has missed nothing but the seconds in between, which
   * the history has; when it has the present state it waits for the next.
   */
  open(lastEventId: string | undefined): ReadableStream<Uint8Array> | undefined {
    if (this.#clients.size >= this.#maxClients) return undefined;
    let client: Client | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          client = { controller };
          controller.enqueue(encoder.encode(`retry: ${this.#pushMs}\n\n`));
          if (this.#timer === undefined) this.#start();
          if (this.#latest && String(this.#latest.id) !== lastEventId) controller.enqueue(this.#latest.message);
          this.#clients.add(client);
        },
        cancel: () => {
          if (client) this.#remove(client);
        },
      },
      { highWaterMark: MAX_BACKLOG, size: () => 1 },
    );
  }

  /** Ends every stream. */
  close(): void {
    for (const client of [...this.#clients]) this.#end(client);
  }

  #start(): void {
    this.#compute();
    this.#timer = setInterval(() => this.#push(), this.#pushMs);
  }

  #compute(): void {
    try {
      const state = this.#state();
      this.#latest = {
        id: state.at,
        message: encoder.encode(`id: ${state.at}\nevent: state\ndata: ${JSON.stringify(state)}\n\n`),
      };
    } catch (error) {
      // The page keeps the last state and shows its age; the next second tries again.
      log.error("cannot compute the state of the mesh", { error });
    }
  }

  #push(): void {
    const before = this.#latest;
    this.#compute();
    const message =
      this.#latest === before || !this.#latest ? encoder.encode(": heart-beat\n\n") : this.#latest.message;
    for (const client of [...this.#clients]) {
      if ((client.controller.desiredSize ?? 0) <= 0) this.#end(client);
      else client.controller.enqueue(message);
    }
  }

  #end(client: Client): void {
    this.#remove(client);
    try {
      client.controller.close();
    } catch {
      // already closed by the reader
    }
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#latest = undefined;
  }
}
