// A worker as its supervisor sees it: a process, the sockets that it accepts from, the verdicts that it owes.

import { closeSync } from "node:fs";
import { logger } from "../../base/log.ts";
import { descriptorChannel, receiveDescriptor, sendDescriptor } from "../../net/descriptor-passing.ts";
import type { Rejection } from "../../xds/update.ts";
import type { WantedResources } from "../resource-sink.ts";
import { HeldSocket, HeldSockets } from "./held-socket.ts";
import { FIRST_SOCKET_FD, type FromWorker, namesOf, type ToWorker, wantedBy } from "./messages.ts";

const log = logger("supervisor");

const NOTHING: WantedResources = { endpoints: new Set(), routes: new Set(), secrets: new Set() };
const ADMIN_TIMEOUT_MS = 5_000;

export interface WorkerOptions {
  /** Which of the workers it is, from 0. */
  readonly slot: number;
  readonly workers: number;
  readonly command: readonly string[];
  /** Its place in the memory that all workers share: NO_SEAT for none. */
  readonly seat: number;
  readonly seats: number;
  readonly memory: number;
  /** Path of the Unix socket that its admin interface is to have. */
  readonly admin: string;
  /** Those of the worker that it follows. */
  readonly sockets: HeldSockets;
}

export interface WorkerListener {
  /** It takes resources from now on. */
  onStarted(worker: WorkerProcess): void;
  onGone(worker: WorkerProcess, exitCode: number): void;
  /** It has changed something in what workers count together. */
  onChanged(worker: WorkerProcess): void;
  /** Unix sockets that workers have: of each path the one that it leads to. */
  readonly pipes: ReadonlyMap<string, HeldSocket>;
}

/** As they were when they were asked for, or as they are for ever: an answer that comes later is older. */
type Statistics = { readonly kind: "seen" | "last"; readonly exposition: string };

type Verdict = (rejections: readonly Rejection[]) => void;

export class WorkerProcess {
  readonly slot: number;
  readonly seat: number;
  readonly sockets: HeldSockets;
  /** What is in force in it asks for this. */
  wanted = NOTHING;
  state: "starting" | "serving" | "leaving" | "gone" = "starting";
  readonly #admin: string;
  readonly #workers: number;
  readonly #seats: number;
  readonly #process: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #channel: number;
  readonly #handed: readonly [string, HeldSocket][];
  /** Offered with the last message, and not opened by then. */
  #lent = new HeldSockets();
  #statistics: Statistics = { kind: "seen", exposition: "" };
  readonly #last = Promise.withResolvers<void>();
  readonly #owed = new Map<number, Verdict>();
  readonly #listener: WorkerListener;

  constructor(options: WorkerOptions, listener: WorkerListener) {
    this.slot = options.slot;
    this.seat = options.seat;
    this.#seats = options.seats;
    this.sockets = options.sockets;
    this.#workers = options.workers;
    this.#admin = options.admin;
    this.#listener = listener;
    this.#handed = [...options.sockets];
    const [here, there] = descriptorChannel();
    this.#channel = here;
    this.#process = Bun.spawn([...options.command], {
      stdio: ["ignore", "inherit", "inherit", there, options.memory, ...this.#handed.map(([, { fd }]) => fd)],
      serialization: "advanced",
      ipc: (message) => this.#take(message as FromWorker),
    });
    closeSync(there);
    void this.#process.exited.then((code) => this.#gone(code));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Its statistics as they were last seen. */
  get exposition(): string {
    return this.#statistics.exposition;
  }

  get isAlive(): boolean {
    return this.state === "starting" || this.state === "serving";
  }

  #send(message: ToWorker): void {
    if (this.state === "gone") return;
    try {
      this.#process.send(message);
    } catch {} // its channel closes a moment before its end is told, which settles what it owes
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case "hello":
        this.#start();
        return;
      case "verdict":
        this.wanted = wantedBy(message.wanted);
        this.#judge(message.id, message.rejections);
        return;
      case "opened":
        this.#opened(message);
        return;
      case "closed":
        this.sockets.delete(message.key);
        return;
      case "changed":
        this.#listener.onChanged(this);
        return;
      case "last":
        this.#statistics = message;
        this.#last.resolve();
        this.#send({ kind: "end" });
    }
  }

  #start(): void {
    if (this.state !== "starting") return;
    const sockets = this.#handed.map(([key, { port }], i) => ({ key, port, fd: FIRST_SOCKET_FD + i }));
    const { seat } = this;
    this.#send({ kind: "start", workers: this.#workers, seat, seats: this.#seats, admin: this.#admin, sockets });
    this.state = "serving";
    this.#listener.onStarted(this);
  }

  #opened({ key, port, sent }: Extract<FromWorker, { kind: "opened" }>): void {
    const lent = this.#lent.get(key);
    if (!sent && lent) this.sockets.set(key, lent.share());
    if (!sent) return;
    const fd = receiveDescriptor(this.#channel);
    if (fd === undefined) log.warn("a worker's socket did not come", { worker: this.slot, socket: key });
    else if (this.isAlive) this.sockets.set(key, new HeldSocket(fd, port));
    else closeSync(fd);
  }

  #judge(id: number, rejections: readonly Rejection[]): void {
    const verdict = this.#owed.get(id);
    this.#owed.delete(id);
    verdict?.(rejections);
  }

  #gone(code: number): void {
    this.state = "gone";
    this.#lent.release();
    this.#last.resolve();
    closeSync(this.#channel);
    for (const id of [...this.#owed.keys()]) this.#judge(id, []);
    this.#listener.onGone(this, code);
  }

  /** `verdict` is called when the worker has taken the resources, or is gone. */
  apply(message: Extract<ToWorker, { kind: "resources" }>, verdict: Verdict): void {
    if (this.state === "gone") {
      verdict([]);
      return;
    }
    this.#owed.set(message.id, verdict);
    const pipes = this.#lend();
    this.#send(pipes.length > 0 ? { ...message, pipes } : message);
  }

  /** Unix sockets of other workers that this one does not have. @returns the keys of those whose descriptors are on their way. */
  #lend(): readonly string[] {
    this.#lent.release();
    this.#lent = new HeldSockets();
    const missing = [...this.#listener.pipes].filter(([key, socket]) => this.sockets.get(key) !== socket);
    return missing.flatMap(([key, socket]) => {
      if (!sendDescriptor(this.#channel, socket.fd)) return [];
      this.#lent.set(key, socket.share());
      return [key];
    });
  }

  keep(wanted: WantedResources): void {
    this.#send({ kind: "keep", ...namesOf(wanted) });
  }

  look(): void {
    if (this.state === "serving") this.#send({ kind: "look" });
  }

  /** Its sockets are the heir's from now on, or its own alone. */
  drain(withinMs: number, hasHeir: boolean): void {
    if (!this.isAlive) return;
    this.state = "leaving";
    this.sockets.release();
    this.#send({ kind: "drain", withinMs, hasHeir });
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  /** Asks its admin interface. Rejects when it does not answer. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = `http://localhost${path}`;
    return fetch(url, { signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS), ...init, unix: this.#admin });
  }

  /** Resolves when `exposition` is as new as the worker can tell. */
  async see(): Promise<void> {
    const exposition = await this.fetch("/stats/prometheus").then(
      (response) => response.text(),
      () => undefined,
    );
    if (this.#statistics.kind === "last") return;
    if (exposition !== undefined) this.#statistics = { kind: "seen", exposition };
    // Its admin interface ends a little before it does, and there is more to count than was seen.
    else if (this.state === "leaving") await Promise.race([this.#last.promise, Bun.sleep(ADMIN_TIMEOUT_MS)]);
  }

  async isReady(): Promise<boolean> {
    if (this.state !== "serving") return false;
    return this.fetch("/ready").then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
