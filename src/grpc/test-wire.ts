// gRPC over real sockets for tests: a service of ours on a port, and a connection of ours to a port.

import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import type { ClientConnection } from "../http/stream.ts";
import { connect } from "../net/connect.ts";
import { type ListeningSocket, listen } from "../net/listen.ts";
import type { SocketTransport } from "../net/socket.ts";
import { CLIENT_LIMITS } from "./client-limits.ts";
import type { GrpcService } from "./server.ts";

export interface ServiceOnPort {
  readonly port: number;
  /** Closes every connection at once, and the port. */
  stop(): void;
}

export function serve(service: GrpcService, port = 0): ServiceOnPort {
  const open = new Set<SocketTransport>();
  const socket: ListeningSocket = listen({ kind: "tcp", host: "127.0.0.1", port }, undefined, (transport) => {
    open.add(transport);
    const peer = { principal: "spiffe://cluster.local/ns/default/sa/test", address: "127.0.0.1" };
    const listener = service.listener(peer, () => open.delete(transport));
    transport.listener = new Http2ServerConnection(transport, listener, DEFAULT_LIMITS, "http");
  });
  return {
    port: socket.port,
    stop: () => {
      socket.stop();
      for (const transport of open) transport.terminate();
    },
  };
}

export function connectTo(port: number, onClosed: () => void = () => {}): Promise<ClientConnection> {
  return new Promise((resolve, reject) => {
    connect({ kind: "tcp", host: "127.0.0.1", port }, undefined, 2_000, {
      onConnected: (transport) => {
        const listener = { onAvailable() {}, onDraining() {}, onClosed };
        const connection = new Http2ClientConnection(transport, listener, CLIENT_LIMITS);
        transport.listener = connection;
        resolve(connection);
      },
      onConnectFailure: (detail) => reject(new Error(detail)),
    });
  });
}
