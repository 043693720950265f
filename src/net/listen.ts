// Listening sockets, plain and TLS. TLS is put on each accepted socket (`upgradeTLS`), so that a renewed certificate or a new trust
// bundle serves the next connection while those that live stay as they are.

import type { Socket, SocketHandler, TCPSocketListenOptions, TLSUpgradeOptions, UnixSocketOptions } from "bun";
import { Failure } from "../base/failure.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { Admission } from "./admission.ts";
import { SocketTransport, STREAM_HANDLERS } from "./socket.ts";
import type { NativeContext } from "./tls-context.ts";
import { tlsSession } from "./tls-session.ts";

export type Binding =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly reusePort?: boolean }
  | { readonly kind: "unix"; readonly path: string };

export interface ServerTls {
  /** Asked at every connection; undefined while there is no certificate yet: the connection is closed. */
  context(): NativeContext | undefined;
  readonly alpn: ArrayBuffer | undefined;
  /** `optional`: a client without one is served without an identity; one whose chain does not hold is refused all the same. */
  readonly clientCertificate: "required" | "optional" | "none";
  readonly handshakeTimeoutMs: number;
  /** A handshake came to nothing; `detail` is OpenSSL's code. */
  onHandshakeFailure(detail: string, remote: string): void;
}

export interface ListeningSocket {
  /** The port bound, also when 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** Takes no new connections; those that live go on. */
  stop(): void;
}

/** Sets `transport.listener`; the transport is open, with TLS facts when there is TLS. */
export type Acceptor = (transport: SocketTransport) => void;

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

/** While the handshake runs, the transport waits here; the deadline closes it. */
class Handshake {
  readonly transport: SocketTransport;
  readonly deadline: Alarm;

  constructor(transport: SocketTransport, timeoutMs: number) {
    this.transport = transport;
    this.deadline = new Alarm(() => transport.terminate());
    timers.arm(this.deadline, timeoutMs);
  }
}

function tlsHandlers(
  tls: ServerTls,
  accept: Acceptor,
  admission: Admission | undefined,
): SocketHandler<undefined, "buffer"> {
  const handshakes = new WeakMap<SocketTransport, Handshake>();
  const secureHandlers: SocketHandler<SocketTransport, "buffer"> = {
    ...STREAM_HANDLERS,
    handshake(socket, success, error) {
      const transport = socket.data;
      const handshake = handshakes.get(transport);
      if (handshake) timers.disarm(handshake.deadline);
      // `success` is true even for a client whose chain is foreign or expired; `authorized` is the verdict.
      const certificate = tls.clientCertificate === "none" ? undefined : socket.getPeerX509Certificate()?.raw;
      const unproven = certificate ? !socket.authorized : tls.clientCertificate === "required";
      if (!success || unproven) {
        const code = error && "code" in error ? String(error.code) : (error?.message ?? "handshake failed");
        tls.onHandshakeFailure(code, socket.remoteAddress);
        socket.terminate();
        return;
      }
      transport.tls = {
        serverName: socket.getServername() || "",
        alpn: socket.alpnProtocol || "",
        peerCertificate: certificate,
        session: () => tlsSession(socket),
      };
      accept(transport);
    },
    close(socket) {
      const handshake = handshakes.get(socket.data);
      if (handshake) timers.disarm(handshake.deadline);
      socket.data.onClose();
    },
  };
  return {
    // No `data` handler: it would get a copy of every encrypted record. Bun wants one of `data` and `drain`.
    drain() {},
    error() {},
    open(raw: Socket<undefined>) {
      const context = tls.context();
      if (context === undefined) {
        tls.onHandshakeFailure("no certificate yet", raw.remoteAddress);
        raw.terminate();
        return;
      }
      if (admission?.admit() === false) {
        raw.terminate();
        return;
      }
      const transport = new SocketTransport();
      transport.admission = admission;
      handshakes.set(transport, new Handshake(transport, tls.handshakeTimeoutMs));
      const secureOptions = {
        secureContext: context,
        requestCert: tls.clientCertificate !== "none",
        rejectUnauthorized: tls.clientCertificate === "required",
        ...(tls.alpn && { ALPNProtocols: tls.alpn }),
      };
      const options = { isServer: true, data: transport, socket: secureHandlers, tls: secureOptions };
      const [, secure] = raw.upgradeTLS(options as TLSUpgradeOptions<SocketTransport>);
      transport.socket = secure;
    },
  };
}

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
  const handlers = tls ? tlsHandlers(tls, accept, admission) : plainHandlers(accept, admission);
  try {
    if (binding.kind === "unix") {
      const options = { unix: binding.path, allowHalfOpen: true, socket: handlers };
      const server = Bun.listen(options as UnixSocketOptions<unknown>);
      return { port: 0, stop: () => server.stop() };
    }
    const options = {
      hostname: binding.host,
      port: binding.port,
      allowHalfOpen: true,
      reusePort: binding.reusePort ?? false,
      socket: handlers,
    };
    const server = Bun.listen(options as TCPSocketListenOptions<unknown>);
    return { port: server.port, stop: () => server.stop() };
  } catch (thrown) {
    const where = binding.kind === "unix" ? binding.path : `${binding.host}:${binding.port}`;
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    const hint =
      code === "EADDRINUSE"
        ? "another process listens there: stop it, or choose another port"
        : code === "EACCES"
          ? "ports below 1024 need root or CAP_NET_BIND_SERVICE"
          : undefined;
    throw new Failure(`cannot listen on ${where}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      cause: thrown,
      ...(hint && { hint }),
    });
  }
}
