// Bytes from a Unix socket to a TCP address: the way between two network namespaces that share a file system. What the bytes say is
// the ends' own affair; TLS stays between them.

import { chmodSync, rmSync } from "node:fs";
import { join as joinPath } from "node:path";
import { logger } from "../base/log.ts";
import { freeMemory } from "../base/memory.ts";
import type { ByteListener, ByteStream } from "../net/byte-stream.ts";
import { connect } from "../net/connect.ts";
import { listen } from "../net/listen.ts";

const log = logger("agent");

const CONNECT_TIMEOUT_MS = 5_000;

/** Path of the Unix socket that leads to a loopback port of a captured workload; that of the admin interface is there from the start. */
export function relaySocket(sidecarFolder: string, port: number): string {
  return joinPath(sidecarFolder, `${port}.sock`);
}

/** One direction. Holds what the other side does not take yet, and the sender back meanwhile. */
class Direction implements ByteListener {
  readonly #from: ByteStream;
  readonly #to: ByteStream;
  #waiting: Uint8Array[] = [];
  #ended = false;
  /** The opposite direction, whose writes this side's `drained` is about. */
  opposite: Direction | undefined;

  constructor(from: ByteStream, to: ByteStream) {
    this.#from = from;
    this.#to = to;
  }

  receive(chunk: Uint8Array): void {
    this.#waiting.push(this.#from.claim() ? chunk : Buffer.from(chunk));
    this.#flush();
  }

  #flush(): void {
    for (let chunk = this.#waiting[0]; chunk; chunk = this.#waiting[0]) {
      const taken = this.#to.write(chunk);
      if (taken < 0) {
        this.#from.terminate(); // nobody is there to read it
        return;
      }
      if (taken < chunk.length) {
        this.#waiting[0] = chunk.subarray(taken);
        this.#from.pause();
        return;
      }
      this.#waiting.shift();
      freeMemory(chunk);
    }
    this.#from.resume();
    if (this.#ended) this.#to.end();
  }

  drained(): void {
    const { opposite } = this;
    if (opposite) opposite.#flush();
  }

  ended(): void {
    this.#ended = true;
    this.#flush();
  }

  /** After its end a side may close while the other still reads; without one, the connection broke. */
  closed(): void {
    if (!this.#ended) this.#to.terminate();
  }
}

function join(a: ByteStream, b: ByteStream): void {
  const there = new Direction(a, b);
  const back = new Direction(b, a);
  there.opposite = back;
  back.opposite = there;
  a.listener = there;
  b.listener = back;
}

export interface RelayTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * Relays every connection to the Unix socket `path` to the target. `within` surrounds the making of the outgoing socket, which may
 * belong to another network namespace. Returns how to stop; connections that live go on. @throws Failure when the path is too long.
 */
export function relay(path: string, target: RelayTarget, within: (work: () => void) => void = (work) => work()) {
  rmSync(path, { force: true }); // of an agent that was killed
  const socket = listen({ kind: "unix", path }, undefined, (near) => {
    near.pause(); // until there is somebody to hand its bytes to
    const onConnectFailure = (detail: string): void => {
      log.debug("a relayed connection failed", { path, target: `${target.host}:${target.port}`, detail });
      near.terminate();
    };
    const onConnected = (far: ByteStream): void => {
      join(near, far);
      near.resume();
      if (near.isClosed) far.terminate();
    };
    within(() => connect({ kind: "tcp", ...target }, undefined, CONNECT_TIMEOUT_MS, { onConnected, onConnectFailure }));
  });
  chmodSync(path, 0o600);
  return {
    stop(): void {
      socket.stop();
      rmSync(path, { force: true });
    },
  };
}
