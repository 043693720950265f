// gRPC services on a listening socket.

import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import type { ByteStream } from "../net/byte-stream.ts";
import { type Binding, type ListeningSocket, listen } from "../net/listen.ts";
import type { ServerTls } from "../net/tls-acceptor.ts";
import type { CallPeer, GrpcService } from "./server.ts";

/** Istio's for both ends of a discovery stream (keepalive.DefaultOption): a peer that vanished is noticed within 40 s. */
export const DEFAULT_KEEPALIVE: GrpcKeepalive = { keepaliveIntervalMs: 30_000, keepaliveTimeoutMs: 10_000 };

/** PING so often, and how long to wait for anything after it; an interval of 0 is never. */
export interface GrpcKeepalive {
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
}

export interface GrpcListener {
  readonly port: number;
  /** Takes no new connections and tells those that live to go (GOAWAY). */
  stop(): void;
}

/** `peerOf` reads who is on the other end from the connection, once. @throws Failure when the address cannot be bound. */
export function listenGrpc(
  binding: Binding,
  tls: ServerTls | undefined,
  service: GrpcService,
  peerOf: (stream: ByteStream) => CallPeer,
  keepalive: GrpcKeepalive = DEFAULT_KEEPALIVE,
): GrpcListener {
  const connections = new Set<Http2ServerConnection>();
  const socket: ListeningSocket = listen(binding, tls, (transport) => {
    const listener = service.listener(peerOf(transport), () => connections.delete(connection));
    // A discovery stream may be silent for hours: it is not idle.
    const connection = new Http2ServerConnection(
      transport,
      listener,
      { ...DEFAULT_LIMITS, ...keepalive, idleTimeoutMs: 0 },
      tls ? "https" : "http",
    );
    connections.add(connection);
    transport.listener = connection;
  });
  return {
    port: socket.port,
    stop() {
      socket.stop();
      for (const connection of connections) connection.shutdown();
    },
  };
}
