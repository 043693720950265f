// A listening socket as the supervisor holds it: while it does, connections wait in the socket's queue even when no worker is there to accept.

import { closeSync } from "node:fs";

export class HeldSocket {
  readonly port: number;
  readonly fd: number;
  #holders = 1;

  constructor(fd: number, port: number) {
    this.fd = fd;
    this.port = port;
  }

  /** For another worker that accepts from it. */
  share(): this {
    this.#holders++;
    return this;
  }

  /** Closed with the last holder. */
  release(): void {
    if (--this.#holders === 0) closeSync(this.fd);
  }
}

/** The sockets of one worker by the keys of their places. */
export class HeldSockets {
  readonly #sockets = new Map<string, HeldSocket>();

  [Symbol.iterator](): IterableIterator<[string, HeldSocket]> {
    return this.#sockets.entries();
  }

  set(key: string, socket: HeldSocket): void {
    this.#sockets.get(key)?.release();
    this.#sockets.set(key, socket);
  }

  delete(key: string): void {
    this.#sockets.get(key)?.release();
    this.#sockets.delete(key);
  }

  get(key: string): HeldSocket | undefined {
    return this.#sockets.get(key);
  }

  /** The same sockets for the worker that follows. */
  shared(): HeldSockets {
    const heir = new HeldSockets();
    for (const [key, socket] of this.#sockets) heir.#sockets.set(key, socket.share());
    return heir;
  }

  release(): void {
    for (const socket of this.#sockets.values()) socket.release();
    this.#sockets.clear();
  }
}
