// Real sockets for tests of the codec, without the layer that owns them in the product.

import type { Connection } from "../stream.ts";
import type { Transport } from "../transport.ts";

export interface SocketState {
  connection: Connection;
}

class SocketTransport implements Transport {
  readonly #socket: Bun.Socket<SocketState>;

  constructor(socket: Bun.Socket<SocketState>) {
    this.#socket = socket;
  }
  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    return this.#socket.write(bytes, start, length);
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  end(): void {
    this.#socket.end();
  }
  terminate(): void {
    this.#socket.terminate();
  }
}

/** Handlers that give each socket the connection that `make` makes. */
export function socketHandlers(make: (transport: Transport) => Connection): Bun.SocketHandler<SocketState, "buffer"> {
  return {
    binaryType: "buffer",
    open(socket) {
      socket.data = { connection: make(new SocketTransport(socket)) };
    },
    data: (socket, chunk) => socket.data.connection.receive(chunk),
    drain: (socket) => socket.data.connection.drained(),
    end: (socket) => socket.data.connection.ended(),
    close: (socket) => socket.data?.connection.closed(),
    error() {},
  };
}
