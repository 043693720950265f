// A TCP, TLS or Unix socket as the codecs' transport. One set of handlers serves every socket; what differs is the object behind it.

import type { Socket, SocketHandler } from "bun";

/** Who gets the bytes. The HTTP connections of http/ fit it as they are. */
export interface ByteListener {
  /** The chunk is the listener's to read during the call; it is not reused afterwards. */
  receive(chunk: Uint8Array): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The peer will send no more (FIN, close_notify). */
  ended(): void;
  /** Last call. */
  closed(): void;
}

export interface PeerAddress {
  readonly address: string;
  readonly port: number;
}

/** What a finished TLS handshake says. */
export interface TlsFacts {
  /** "" without SNI. */
  readonly serverName: string;
  /** "" when none was agreed. */
  readonly alpn: string;
  /** DER of the peer's leaf, its chain already proven; undefined when it showed none. */
  readonly peerCertificate: Uint8Array | undefined;
}

const NOBODY: ByteListener = { receive() {}, drained() {}, ended() {}, closed() {} };

/** Implements http/transport.ts without importing it: net and http know each other only by shape. */
export class SocketTransport {
  /** Set by whoever takes the connection over. */
  listener: ByteListener = NOBODY;
  tls: TlsFacts | undefined = undefined;
  /** Unset until the socket is open. */
  socket: Socket<SocketTransport> | undefined = undefined;
  #local: PeerAddress | undefined;
  #remote: PeerAddress | undefined;
  #closed = false;

  write(bytes: Uint8Array): number {
    if (this.#closed || this.socket === undefined) return -1;
    return this.socket.write(bytes);
  }

  pause(): void {
    if (!this.#closed) this.socket?.pause();
  }

  resume(): void {
    if (!this.#closed) this.socket?.resume();
  }

  /** FIN after what was written; the other direction stays open until the peer's FIN. */
  end(): void {
    if (!this.#closed) this.socket?.shutdown();
  }

  terminate(): void {
    if (!this.#closed) this.socket?.terminate();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get local(): PeerAddress {
    this.#local ??= { address: this.socket?.localAddress ?? "", port: this.socket?.localPort ?? 0 };
    return this.#local;
  }

  get remote(): PeerAddress {
    this.#remote ??= { address: this.socket?.remoteAddress ?? "", port: this.socket?.remotePort ?? 0 };
    return this.#remote;
  }

  /** @internal Called once, by the handlers. */
  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.listener.closed();
    this.listener = NOBODY;
  }
}

/** Handlers for an open socket whose `data` is its SocketTransport. */
export const STREAM_HANDLERS = {
  binaryType: "buffer",
  data(socket: Socket<SocketTransport>, chunk: Buffer): void {
    socket.data.listener.receive(chunk);
  },
  drain(socket: Socket<SocketTransport>): void {
    socket.data.listener.drained();
  },
  end(socket: Socket<SocketTransport>): void {
    socket.data.listener.ended();
  },
  close(socket: Socket<SocketTransport>): void {
    socket.data.onClose();
  },
  // A close follows every error; who waits for the socket learns of it there.
  error(): void {},
} satisfies SocketHandler<SocketTransport, "buffer">;
