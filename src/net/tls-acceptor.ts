// The server's end of TLS. It is put on each accepted socket (`upgradeTLS`), so that a renewed certificate or a new trust bundle serves
// the next connection while those that live stay as they are, and so that first bytes may choose the certificate.

import type { Socket, SocketHandler, TLSUpgradeOptions } from "bun";
import { Alarm, TICK_MS, timers } from "../base/timer-wheel.ts";
import type { Admission } from "./admission.ts";
import { handshakeQueue, type QueuedHandshake } from "./handshake-queue.ts";
import { peerChain } from "./peer-chain.ts";
import { SocketTransport, STREAM_HANDLERS } from "./socket.ts";
import { encodeAlpn, type NativeContext } from "./tls-context.ts";
import { tlsSession } from "./tls-session.ts";

export interface ServerTls {
  /** Asked at every connection; undefined while there is no certificate yet: the connection is closed. */
  context(): NativeContext | undefined;
  /** In the server's order of preference. */
  readonly alpn: readonly string[];
  /** `optional`: a client without one is served without an identity; one whose chain does not hold is refused, unless it is `any`. */
  readonly clientCertificate: "required" | "optional" | "any" | "none";
  readonly handshakeTimeoutMs: number;
  /** How long one that began `sinceMs` ago has still to wait before it may be over its time; undefined: by that time alone. */
  handshakeWait?(sinceMs: number): number;
  /** No handshake waits for its turn: there are no requests that it could hold up (see handshake-queue.ts). */
  readonly handshakesAtOnce?: boolean;
  /** Asked when the chain is proven: why the client is refused all the same. `serverName` is "" without SNI; `chain`: see peerChain. */
  refuses?(
    serverName: string,
    certificate: Uint8Array | undefined,
    chain: () => readonly Uint8Array[],
  ): string | undefined;
  /** A handshake came to nothing; `detail` is OpenSSL's code. */
  onHandshakeFailure(detail: string, remote: string): void;
}

/** Sets `transport.listener`; the transport is open, with TLS facts when there is TLS. */
export type Acceptor = (transport: SocketTransport) => void;

/** An accepted connection until it is open: at first it waits for its turn, then for the peer; the deadline is one for both. */
class Handshake implements QueuedHandshake {
  readonly raw: Socket<unknown>;
  readonly offered: readonly string[] | undefined;
  readonly accept: Acceptor;
  readonly deadline: Alarm;
  /** Undefined until its turn. */
  transport: SocketTransport | undefined = undefined;
  readonly #admission: Admission | undefined;
  readonly #upgrade: (handshake: Handshake) => void;
  readonly #left: (sinceMs: number) => number;
  readonly #begunAt = timers.now;
  #waited = false;
  #over = false;

  constructor(
    raw: Socket<unknown>,
    offered: readonly string[] | undefined,
    accept: Acceptor,
    admission: Admission | undefined,
    left: (sinceMs: number) => number,
    upgrade: (handshake: Handshake) => void,
  ) {
    this.raw = raw;
    this.offered = offered;
    this.accept = accept;
    this.#admission = admission;
    this.#upgrade = upgrade;
    this.deadline = new Alarm(() => this.#expire());
    this.#left = left;
    timers.arm(this.deadline, left(0));
  }

  /** Nothing is read until its turn: the bytes would be lost, there is no TLS yet that takes them. */
  wait(): void {
    this.#waited = true;
    this.raw.pause();
  }

  begin(): boolean {
    if (this.#over) return false;
    if (this.raw.readyState < OPEN) {
      this.giveUp();
      return false;
    }
    if (this.#waited) this.raw.resume();
    this.#upgrade(this);
    return true;
  }

  /** What follows is told to the transport, not to this. */
  begun(transport: SocketTransport): void {
    transport.admission = this.#admission;
    this.transport = transport;
  }

  /** Before its turn. */
  giveUp(): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.deadline);
    this.raw.terminate();
    this.#admission?.release();
  }

  #expire(): void {
    const left = this.#left(timers.now - this.#begunAt);
    if (left > TICK_MS) timers.arm(this.deadline, left);
    else this.#end();
  }

  #end(): void {
    if (this.transport) this.transport.terminate();
    else this.giveUp();
  }
}

/** Of `readyState`: less is a socket that has closed or is about to. */
const OPEN = 1;

export class TlsAcceptor {
  readonly #tls: ServerTls;
  #alpn: readonly string[] = [];
  /** On the wire. */
  #protocols: ArrayBuffer | undefined;
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
   * Begins the handshake on a socket of which nothing has been read, as soon as it has its turn. `offered`: the client's ALPN, where its
   * hello has been seen; one that has nothing in common with ours is served without (Envoy's alpnSelectCallback), which BoringSSL below
   * Bun refuses. `admission` has let the connection in and is told when it has gone; undefined where the raw socket's own transport tells it.
   */
  secure(raw: Socket<unknown>, offered: readonly string[] | undefined, accept: Acceptor, admission?: Admission): void {
    const { onHandshakeFailure } = this.#tls;
    const handshake = new Handshake(raw, offered, accept, admission, this.#left, this.#upgrade);
    if (this.#tls.handshakesAtOnce) {
      handshake.begin();
      return;
    }
    const turn = handshakeQueue.enter(handshake);
    if (turn === "waits") handshake.wait();
    if (turn !== "refused") return;
    onHandshakeFailure("too many connections wait for their handshake", raw.remoteAddress);
    handshake.giveUp();
  }

  readonly #left = (sinceMs: number): number =>
    this.#tls.handshakeWait?.(sinceMs) ?? this.#tls.handshakeTimeoutMs - sinceMs;

  readonly #upgrade = (handshake: Handshake): void => {
    const { clientCertificate, alpn } = this.#tls;
    const { raw, offered } = handshake;
    const context = this.#tls.context();
    if (context === undefined) {
      this.#tls.onHandshakeFailure("no certificate yet", raw.remoteAddress);
      handshake.giveUp();
      return;
    }
    const transport = new SocketTransport();
    handshake.begun(transport);
    this.#handshakes.set(transport, handshake);
    const common = offered === undefined || alpn.some((protocol) => offered.includes(protocol));
    const protocols = common ? this.#encoded(alpn) : undefined;
    const secureOptions = {
      secureContext: context,
      requestCert: clientCertificate !== "none",
      rejectUnauthorized: clientCertificate === "required",
      ...(protocols && { ALPNProtocols: protocols }),
    };
    const options = { isServer: true, data: transport, socket: this.#handlers, tls: secureOptions };
    const [, secure] = raw.upgradeTLS(options as TLSUpgradeOptions<SocketTransport>);
    transport.socket = secure;
  };

  /** The list is the same for as long as the configuration is. */
  #encoded(alpn: readonly string[]): ArrayBuffer | undefined {
    if (alpn !== this.#alpn) {
      this.#alpn = alpn;
      this.#protocols = encodeAlpn(alpn);
    }
    return this.#protocols;
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
    const shown = clientCertificate === "none" ? undefined : socket.getPeerX509Certificate()?.raw;
    const certificate = socket.authorized ? shown : undefined;
    const unproven = shown ? !certificate && clientCertificate !== "any" : clientCertificate === "required";
    if (!success || unproven || !handshake) {
      const code = error && "code" in error ? String(error.code) : (error?.message ?? "handshake failed");
      onHandshakeFailure(code, socket.remoteAddress);
      socket.terminate();
      return;
    }
    const serverName = socket.getServername() || "";
    const refusal = this.#tls.refuses?.(serverName, certificate, () => peerChain(socket));
    if (refusal !== undefined) {
      onHandshakeFailure(refusal, socket.remoteAddress);
      socket.terminate();
      return;
    }
    transport.tls = {
      serverName,
      alpn: socket.alpnProtocol || "",
      peerCertificate: certificate,
      unprovenCertificate: certificate ? undefined : shown,
      session: () => tlsSession(socket),
      ownCertificate: () => socket.getX509Certificate()?.raw,
    };
    handshake.accept(transport);
  }
}
