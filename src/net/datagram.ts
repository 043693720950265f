// UDP sockets: one that takes datagrams from anybody, and those that exchange them with one peer.

import type { SocketAddress } from "./byte-stream.ts";

export interface DatagramListener {
  /** The bytes are the listener's to read during the call. */
  onDatagram(bytes: Uint8Array, from: SocketAddress): void;
  /** What the network said of something that was sent: `connection refused` from a connected peer. */
  onError(detail: string): void;
}

export interface DatagramSocket {
  readonly port: number;
  readonly local: SocketAddress;
  /** False when it was not sent: the socket's buffer is full, the datagram too long, or there is no way to the address. */
  send(bytes: Uint8Array, to: SocketAddress): boolean;
  close(): void;
}

/** A datagram that is dropped is what UDP may do at any time; that it throws is Bun's way to say so. */
function attempt(send: () => boolean): boolean {
  try {
    return send();
  } catch {
    return false;
  }
}

function describe(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** LIBUS_LISTEN_REUSE_PORT: what Bun's node:dgram passes for `reusePort`, and its own types leave out. */
const REUSE_PORT = 4;

export interface DatagramBinding {
  readonly host: string;
  readonly port: number;
  /** Several processes share the port: the kernel gives the datagrams of one peer to one of them. */
  readonly reusePort: boolean;
}

/** @throws Error of the system when the address cannot be bound (asynchronously). */
export async function bindDatagrams(
  { host, port, reusePort }: DatagramBinding,
  listener: DatagramListener,
): Promise<DatagramSocket> {
  const options = {
    hostname: host,
    port,
    ...(reusePort ? { flags: REUSE_PORT } : {}),
    socket: {
      data: (_: unknown, bytes: Buffer, fromPort: number, address: string) =>
        listener.onDatagram(bytes, { address, port: fromPort }),
      error: (_: unknown, error: Error) => listener.onError(describe(error)),
    },
  };
  const socket = await Bun.udpSocket<"buffer">(options);
  return {
    port: socket.port,
    local: { address: host, port: socket.port },
    send: (bytes, to) => attempt(() => socket.send(bytes, to.port, to.address)),
    close: () => socket.close(),
  };
}

/** A socket that hears its peer alone. */
export async function connectDatagrams(peer: SocketAddress, listener: DatagramListener): Promise<DatagramSocket> {
  const socket = await Bun.udpSocket({
    connect: { hostname: peer.address, port: peer.port },
    socket: {
      data: (_, bytes) => listener.onDatagram(bytes, peer),
      error: (_, error) => listener.onError(describe(error)),
    },
  });
  return {
    port: socket.port,
    local: { address: socket.address.address, port: socket.port },
    send: (bytes) => attempt(() => socket.send(bytes)),
    close: () => socket.close(),
  };
}
