// Listening sockets, plain and TLS.

import type { Socket, SocketHandler, TCPSocketListenOptions, UnixSocketOptions } from "bun";
import { Failure } from "../base/failure.ts";
import { acceptRest } from "./accept-queue.ts";
import type { Admission } from "./admission.ts";
import { setBacklog } from "./backlog.ts";
import { placePipe } from "./pipe.ts";
import { SocketTransport, STREAM_HANDLERS } from "./socket.ts";
import { type Acceptor, type ServerTls, TlsAcceptor } from "./tls-acceptor.ts";

export type Binding =
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      readonly reusePort?: boolean;
      /** Connections that may wait to be accepted; undefined or 0 is the runtime's (512). */
      readonly backlog?: number;
    }
  | { readonly kind: "unix"; readonly path: string }
  /** Its file stays when the socket is stopped: `removePipe` takes it away. */
  | { readonly kind: "pipe"; readonly path: string; readonly mode: number }
  /** A socket that listens already, handed over by whoever had it before, and the port that it is bound to. */
  | { readonly kind: "inherited"; readonly fd: number; readonly port: number; readonly backlog?: number };

export interface ListeningSocket {
  /** The port bound, also when 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** -1 where the runtime does not tell. */
  readonly descriptor: number;
  /** Takes no new connections; those that live go on, those that wait in the queue are reset if nobody else has the socket. */
  stop(): void;
  /** Accepts those that wait, and then stops. Of a socket that nobody else has: no more get in. */
  stopAfterRest(): void;
}

function plainHandlers(accept: Acceptor, admission: Admission | undefined): SocketHandler<SocketTransport, "buffer"> {
  return {
    ...STREAM_HANDLERS,
    open(socket) {
      const transport = new SocketTransport();
      transport.socket = socket;
      socket.data = transport;
      if (admission?.admit() === false) {
        transport.terminate();
        return;
      }
      transport.admission = admission;
      accept(transport);
    },
  };
}

function tlsHandlers(
  acceptor: TlsAcceptor,
  accept: Acceptor,
  admission: Admission | undefined,
): SocketHandler<undefined, "buffer"> {
  return {
    // No `data` handler: it would get a copy of every encrypted record. Bun wants one of `data` and `drain`.
    drain() {},
    error() {},
    open(raw: Socket<undefined>) {
      if (admission?.admit() === false) raw.terminate();
      else acceptor.secure(raw, undefined, accept, admission);
    },
  };
}

function descriptorOf(server: object): number {
  return "fd" in server && typeof server.fd === "number" ? server.fd : -1;
}

type Handlers = SocketHandler<SocketTransport, "buffer"> | SocketHandler<undefined, "buffer">;

function listening(server: { stop(): void }, port: number, descriptor: number, socket: Handlers): ListeningSocket {
  return {
    port,
    descriptor,
    stop: () => server.stop(),
    stopAfterRest() {
      acceptRest(descriptor, (fd) => {
        // Bun calls `open` before this returns.
        const options = { fd, allowHalfOpen: true, socket } as unknown as Parameters<typeof Bun.connect>[0];
        Bun.connect(options).catch(() => {});
      });
      server.stop();
    },
  };
}

function placeOf(binding: Binding): string {
  switch (binding.kind) {
    case "unix":
    case "pipe":
      return binding.path;
    case "inherited":
      return `the socket of port ${binding.port} that was handed over`;
    case "tcp":
      return `${binding.host}:${binding.port}`;
  }
}

const NOT_OURS = "an address of this machine, as `ip address` or `ifconfig` shows it";

const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there: stop it, or choose another port",
  EADDRNOTAVAIL: NOT_OURS,
  EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
};

/**
 * Listens, and calls `accept` for every connection that `admission` lets in (after the handshake, where there is TLS).
 * @throws Failure when the address cannot be bound, naming it and the way out.
 */
export function listen(
  binding: Binding,
  tls: ServerTls | undefined,
  accept: Acceptor,
  admission?: Admission,
): ListeningSocket {
  const handlers = tls ? tlsHandlers(new TlsAcceptor(tls), accept, admission) : plainHandlers(accept, admission);
  try {
    if (binding.kind === "unix") {
      const options = { unix: binding.path, allowHalfOpen: true, socket: handlers };
      const server = Bun.listen(options as UnixSocketOptions<unknown>);
      return listening(server, 0, descriptorOf(server), handlers);
    }
    if (binding.kind === "pipe") {
      const server = placePipe(binding.path, binding.mode, (unix) => {
        const options = { unix, allowHalfOpen: true, socket: handlers };
        return Bun.listen(options as UnixSocketOptions<unknown>);
      });
      return listening(server, 0, descriptorOf(server), handlers);
    }
    if (binding.kind === "inherited") {
      const options = { fd: binding.fd, allowHalfOpen: true, socket: handlers };
      const server = Bun.listen(options as unknown as TCPSocketListenOptions<unknown>);
      if (binding.backlog) setBacklog(binding.fd, binding.backlog);
      return listening(server, binding.port, binding.fd, handlers);
    }
    const options = {
      hostname: binding.host,
      port: binding.port,
      allowHalfOpen: true,
      reusePort: binding.reusePort ?? false,
      socket: handlers,
    };
    const server = Bun.listen(options as TCPSocketListenOptions<unknown>);
    if (binding.backlog) setBacklog(descriptorOf(server), binding.backlog);
    return listening(server, server.port, descriptorOf(server), handlers);
  } catch (thrown) {
    const where = placeOf(binding);
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    // Bun gives no code where the host is neither an address nor a name that resolves.
    const hint = LISTEN_HINTS[code] ?? (code === "" && binding.kind === "tcp" ? NOT_OURS : undefined);
    throw new Failure(`cannot listen on ${where}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
      ...(hint && { hint }),
    });
  }
}
