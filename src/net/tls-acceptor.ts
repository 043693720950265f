// The server's end of TLS. It is put on each accepted socket (`upgradeTLS`), so that a renewed certificate or a new trust bundle serves
// the next connection while those that live stay as they are, and so that first bytes may choose the certificate.

import type { Socket, SocketHandler, TLSUpgradeOptions } from "bun";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { Admission } from "./admission.ts";
import { SocketTransport, STREAM_HANDLERS } from "./socket.ts";
import { encodeAlpn, type NativeContext } from "./tls-context.ts";
import { tlsSession } from "./tls-session.ts";

export interface ServerTls {
  /** Asked at every connection; undefined while there is no certificate yet: the connection is closed. */
  context(): NativeContext | undefined;
  /** In the server's order of preference. */
  readonly alpn: readonly string[];
  /** `optional`: a client without one is served without an identity; one whose chain does not hold is refused all the same. */
  readonly clientCertificate: "required" | "optional" | "none";
  readonly handshakeTimeoutMs: number;
  /** Asked when the chain is proven: why the client is refused all the same. `serverName` is "" without SNI. */
  refuses?(serverName: string, certificate: Uint8Array | undefined): string | undefined;
  /** A handshake came to nothing; `detail` is OpenSSL's code. */
  onHandshakeFailure(detail: string, remote: string): void;
}

/** Sets `transport.listener`; the transport is open, with TLS facts when there is TLS. */
export type Acceptor = (transport: SocketTransport) => void;

/** While the handshake runs, the transport waits here; the deadline closes it. */
class Handshake {
  readonly accept: Acceptor;
  readonly deadline: Alarm;

  constructor(transport: SocketTransport, timeoutMs: number, accept: Acceptor) {
    this.accept = accept;
    this.deadline = new Alarm(() => transport.terminate());
    timers.arm(this.deadline, timeoutMs);
  }
}

export class TlsAcceptor {
  readonly #tls: ServerTls;
  readonly #handshakes = new WeakMap<SocketTransport, Handshake>();
  readonly #handlers: SocketHandler<SocketTransport, "buffer">;

  constructor(tls: ServerTls) {
    this.#tls = tls;
    this.#handlers = {
      ...STREAM_HANDLERS,
      handshake: (socket, success, error) => this.#onHandshake(socket, success, error),
      close: (socket, error) => {
        this.#end(socket.data);
        socket.data.onClose(error);
      },
    };
  }

  /**
   * Begins the handshake on a socket of which nothing has been read. `offered`: the client's ALPN, where its hello has been seen; one that
   * has nothing in common with ours is served without (Envoy's alpnSelectCallback), which BoringSSL below Bun refuses. `admission` has let
   * the connection in and is told when it has gone; undefined where the raw socket's own transport tells it.
   */
  secure(raw: Socket<unknown>, offered: readonly string[] | undefined, accept: Acceptor, admission?: Admission): void {
    const { clientCertificate, handshakeTimeoutMs, alpn } = this.#tls;
    const context = this.#tls.context();
    if (context === undefined) {
      this.#tls.onHandshakeFailure("no certificate yet", raw.remoteAddress);
      raw.terminate();
      admission?.release();
      return;
    }
    const transport = new SocketTransport();
    transport.admission = admission;
    this.#handshakes.set(transport, new Handshake(transport, handshakeTimeoutMs, accept));
    const common = offered === undefined || alpn.some((protocol) => offered.includes(protocol));
    const protocols = common ? encodeAlpn(alpn) : undefined;
    const secureOptions = {
      secureContext: context,
      requestCert: clientCertificate !== "none",
      rejectUnauthorized: clientCertificate === "required",
      ...(protocols && { ALPNProtocols: protocols }),
    };
    const options = { isServer: true, data: transport, socket: this.#handlers, tls: secureOptions };
    const [, secure] = raw.upgradeTLS(options as TLSUpgradeOptions<SocketTransport>);
    transport.socket = secure;
  }

  #end(transport: SocketTransport): Handshake | undefined {
    const handshake = this.#handshakes.get(transport);
    if (handshake) timers.disarm(handshake.deadline);
    this.#handshakes.delete(transport);
    return handshake;
  }

  #onHandshake(socket: Socket<SocketTransport>, success: boolean, error: Error | null): void {
    const transport = socket.data;
    const handshake = this.#end(transport);
    const { clientCertificate, onHandshakeFailure } = this.#tls;
    // `success` is true even for a client whose chain is foreign or expired; `authorized` is the verdict.
    const certificate = clientCertificate === "none" ? undefined : socket.getPeerX509Certificate()?.raw;
    const unproven = certificate ? !socket.authorized : clientCertificate === "required";
    if (!success || unproven || !handshake) {
      const code = error && "code" in error ? String(error.code) : (error?.message ?? "handshake failed");
      onHandshakeFailure(code, socket.remoteAddress);
      socket.terminate();
      return;
    }
    const serverName = socket.getServername() || "";
    const refusal = this.#tls.refuses?.(serverName, certificate);
    if (refusal !== undefined) {
      onHandshakeFailure(refusal, socket.remoteAddress);
      socket.terminate();
      return;
    }
    transport.tls = {
      serverName,
      alpn: socket.alpnProtocol || "",
      peerCertificate: certificate,
      session: () => tlsSession(socket),
    };
    handshake.accept(transport);
  }
}
