// A TCP, TLS or Unix socket as the codecs' transport. One set of handlers serves every socket; what differs is the object behind it.

import type { Socket, SocketHandler } from "bun";
import { eventBegins, eventEnds } from "../base/end-of-turn.ts";
import { freeRead } from "../base/memory.ts";
import type { Admission } from "./admission.ts";
import {
  type ByteCounters,
  type ByteListener,
  type ByteStream,
  NOBODY,
  type SocketAddress,
  type TlsFacts,
  UNCOUNTED,
} from "./byte-stream.ts";

export class SocketTransport implements ByteStream {
  listener: ByteListener = NOBODY;
  tls: TlsFacts | undefined = undefined;
  /** Counts the connection until it closes. */
  admission: Admission | undefined = undefined;
  /** Unset until the socket is open. */
  socket: Socket<SocketTransport> | undefined = undefined;
  counters: ByteCounters = UNCOUNTED;
  #local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  #closed = false;
  #claimed = false;
  /** FIN was sent, FIN was received, or neither matters any more. */
  #endSent = false;
  #endReceived = false;
  #terminated = false;

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    if (this.#closed || this.socket === undefined) return -1;
    const taken = this.socket.write(bytes, start, length);
    if (taken > 0) this.counters.sent += taken;
    return taken;
  }

  pause(): void {
    if (!this.#closed) this.socket?.pause();
  }

  resume(): void {
    if (!this.#closed) this.socket?.resume();
  }

  claim(): boolean {
    this.#claimed = true;
    return true;
  }

  /** FIN after what was written; the other direction stays open until the peer's FIN. */
  end(): void {
    this.#endSent = true;
    if (!this.#closed) this.socket?.shutdown();
  }

  close(): void {
    this.#terminated = true;
    if (!this.#closed) this.socket?.end();
  }

  terminate(): void {
    this.#terminated = true;
    if (!this.#closed) this.socket?.terminate();
  }

  /** The file descriptor, valid while the socket is open; -1 without one. */
  get descriptor(): number {
    return this.socket && "fd" in this.socket ? Number(this.socket.fd) : -1;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get local(): SocketAddress {
    this.#local ??= { address: this.socket?.localAddress ?? "", port: this.socket?.localPort ?? 0 };
    return this.#local;
  }

  get remote(): SocketAddress {
    this.#remote ??= { address: this.socket?.remoteAddress ?? "", port: this.socket?.remotePort ?? 0 };
    return this.#remote;
  }

  /** @internal */
  onData(chunk: Buffer): void {
    this.counters.received += chunk.length;
    this.#claimed = false;
    this.listener.receive(chunk);
    if (!this.#claimed) freeRead(chunk);
  }

  /** @internal */
  onEnd(): void {
    this.#endReceived = true;
    this.listener.ended();
  }

  /** @internal Called once, by the handlers. */
  onClose(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    // Bun 1.4 closes a socket without calling `end` when the peer's FIN comes after ours.
    if (this.#endSent && !this.#endReceived && !this.#terminated && error === undefined) this.listener.ended();
    this.admission?.release();
    this.listener.closed();
    this.listener = NOBODY;
  }
}

/** Handlers for an open socket whose `data` is its SocketTransport. */
export const STREAM_HANDLERS = {
  binaryType: "buffer",
  data(socket: Socket<SocketTransport>, chunk: Buffer): void {
    const alone = eventBegins();
    try {
      socket.data.onData(chunk);
    } finally {
      if (alone) eventEnds();
    }
  },
  drain(socket: Socket<SocketTransport>): void {
    socket.data.listener.drained();
  },
  end(socket: Socket<SocketTransport>): void {
    socket.data.onEnd();
  },
  close(socket: Socket<SocketTransport>, error?: Error): void {
    socket.data.onClose(error);
  },
  // A close follows every error; who waits for the socket learns of it there.
  error(): void {},
} satisfies SocketHandler<SocketTransport, "buffer">;
