// The listening sockets of a worker: those that its predecessor had, and new ones, of which the supervisor gets a descriptor at once. So it
// holds them all, and none of them closes with the worker.

import { closeSync } from "node:fs";
import { receiveDescriptor, sendDescriptor } from "../../net/descriptor-passing.ts";
import type { Binding, ListeningSocket } from "../../net/listen.ts";
import { type ListeningSockets, placeKey, type SocketPlace } from "../listening-sockets.ts";
import { type AssignedPorts, CHANNEL_FD, type FromWorker, type HandedSocket } from "./messages.ts";

export class WorkerSockets implements ListeningSockets {
  readonly sharesPorts = true;
  outliveProcess = true;
  readonly #handed: Map<string, HandedSocket>;
  readonly #ports = new Map<string, number>();
  /** Unix sockets of another worker's that no listener here has asked for yet. */
  readonly #lent = new Map<string, number>();
  readonly #tell: (message: FromWorker) => void;

  constructor(handed: readonly HandedSocket[], tell: (message: FromWorker) => void) {
    this.#handed = new Map(handed.map((socket) => [socket.key, socket]));
    this.#tell = tell;
  }

  /** The supervisor holds none of them any more, and nobody follows. */
  becomeOwn(): void {
    this.outliveProcess = false;
  }

  assign(ports: AssignedPorts): void {
    for (const [key, port] of ports) this.#ports.set(key, port);
  }

  /** A path leads to one socket: all workers accept from it. What the message before brought and nobody opened is closed. */
  lend(keys: readonly string[]): void {
    for (const fd of this.#lent.values()) closeSync(fd);
    this.#lent.clear();
    for (const key of keys) {
      const fd = receiveDescriptor(CHANNEL_FD);
      if (fd !== undefined) this.#lent.set(key, fd);
    }
  }

  binding(place: SocketPlace): Binding {
    const key = placeKey(place);
    const handed = this.#handed.get(key);
    if (handed) return { kind: "inherited", fd: handed.fd, port: handed.port };
    const lent = this.#lent.get(key);
    if (lent !== undefined) return { kind: "inherited", fd: lent, port: 0 };
    const { host, backlog, pipeMode } = place;
    if (pipeMode !== undefined) return { kind: "pipe", path: host, mode: pipeMode };
    return { kind: "tcp", host, port: place.port || (this.#ports.get(key) ?? 0), reusePort: true, backlog };
  }

  opened(place: SocketPlace, { port, descriptor }: ListeningSocket): void {
    const key = placeKey(place);
    const inherited = this.#handed.delete(key) || this.#lent.delete(key);
    const sent = !inherited && descriptor >= 0 && sendDescriptor(CHANNEL_FD, descriptor);
    this.#tell({ kind: "opened", key, port, sent });
  }

  closed(place: SocketPlace): void {
    this.#tell({ kind: "closed", key: placeKey(place) });
  }

  /** Sockets whose listeners are no more: nobody would accept what comes to them. */
  closeUnclaimed(): void {
    for (const { key, fd } of this.#handed.values()) {
      closeSync(fd);
      this.#tell({ kind: "closed", key });
    }
    this.#handed.clear();
  }
}
