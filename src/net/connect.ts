// Outgoing connections: TCP, Unix sockets, TLS on top of TCP.

import type { Socket, SocketHandler, TCPSocketConnectOptions, TLSUpgradeOptions } from "bun";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { SocketAddress } from "./byte-stream.ts";
import { peerChain } from "./peer-chain.ts";
import { kernelPath } from "./pipe.ts";
import { SocketTransport, STREAM_HANDLERS } from "./socket.ts";
import type { NativeContext } from "./tls-context.ts";

export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface ClientTls {
  readonly context: NativeContext;
  /** "" sends no SNI. */
  readonly serverName: string;
  /** Wire format, see encodeAlpn. */
  readonly alpn: ArrayBuffer | undefined;
  /** The chain is proven before this is asked; it decides on the name. Returns why the certificate is refused. `chain`: see peerChain. */
  verifyName(certificate: Uint8Array | undefined, chain: () => readonly Uint8Array[]): string | undefined;
  /** False trusts every chain (no roots configured). */
  readonly verifyChain: boolean;
}

/** Exactly one of the two is called, once. */
export interface ConnectListener {
  /** The stream is open; for TLS, the handshake is done and the peer is proven. Set `transport.listener` here. */
  onConnected(transport: SocketTransport): void;
  /** `detail` is for people: `connection refused`, `TLS: CERT_HAS_EXPIRED`. */
  onConnectFailure(detail: string): void;
}

class Attempt {
  readonly transport = new SocketTransport();
  readonly #listener: ConnectListener;
  readonly #deadline: Alarm;
  #done = false;

  constructor(listener: ConnectListener, timeoutMs: number) {
    this.#listener = listener;
    this.#deadline = new Alarm(() => {
      this.fail("connect timeout");
      this.transport.terminate();
    });
    timers.arm(this.#deadline, timeoutMs);
  }

  succeed(socket: Socket<SocketTransport>): void {
    this.transport.socket = socket;
    if (this.#done) return void socket.terminate();
    this.#done = true;
    timers.disarm(this.#deadline);
    this.#listener.onConnected(this.transport);
  }

  fail(detail: string): void {
    if (this.#done) return;
    this.#done = true;
    timers.disarm(this.#deadline);
    this.#listener.onConnectFailure(detail);
  }
}

/** What goes out in the clear before everything else, TLS included. */
export type Preface = (local: SocketAddress, remote: SocketAddress) => Uint8Array;

/** Bun calls `open` with `data` set; the attempt is found by its transport while the handshake runs. */
const attempts = new WeakMap<
  SocketTransport,
  { attempt: Attempt; tls: ClientTls | undefined; preface: Preface | undefined }
>();

const CONNECT_HANDLERS: SocketHandler<SocketTransport, "buffer"> = {
  ...STREAM_HANDLERS,
  open(socket) {
    socket.data.socket = socket;
    const pending = attempts.get(socket.data);
    if (!pending || pending.tls) return;
    if (pending.preface && !introduce(socket, pending.preface))
      pending.attempt.fail("connection closed before it was established");
    else pending.attempt.succeed(socket);
  },
  handshake(socket, _success, error) {
    const pending = attempts.get(socket.data);
    if (!pending?.tls) return;
    const refusal = judge(socket, error, pending.tls);
    if (refusal === undefined) return pending.attempt.succeed(socket);
    pending.attempt.fail(`TLS: ${refusal}`);
    socket.terminate();
  },
  close(socket) {
    attempts.get(socket.data)?.attempt.fail("connection closed before it was established");
    socket.data.onClose();
  },
  connectError(socket, error) {
    attempts.get(socket.data)?.attempt.fail(describe(error));
  },
};

/** A fresh socket takes a header of a few hundred bytes at once, or is gone. */
function introduce(socket: Socket<SocketTransport>, preface: Preface): boolean {
  const bytes = preface(socket.data.local, socket.data.remote);
  return socket.write(bytes) === bytes.length;
}

/** A socket that becomes TLS after its preface. It reads nothing itself: bytes are the handshake's. */
const PREFACE_HANDLERS: SocketHandler<SocketTransport, "buffer"> = {
  drain() {},
  error() {},
  open(socket) {
    socket.data.socket = socket;
    const pending = attempts.get(socket.data);
    if (!pending?.tls || !pending.preface) return;
    if (!introduce(socket, pending.preface)) {
      pending.attempt.fail("connection closed before it was established");
      socket.terminate();
      return;
    }
    const options = { data: socket.data, socket: CONNECT_HANDLERS, tls: secureOptions(pending.tls) };
    const [, secure] = socket.upgradeTLS(options as unknown as TLSUpgradeOptions<SocketTransport>);
    socket.data.socket = secure;
  },
  close: CONNECT_HANDLERS.close!,
  connectError: CONNECT_HANDLERS.connectError!,
};

function secureOptions(tls: ClientTls) {
  return {
    secureContext: tls.context,
    rejectUnauthorized: false, // the rule in `judge` decides; `true` refuses every SPIFFE name
    serverName: tls.serverName,
    ...(tls.alpn && { ALPNProtocols: tls.alpn }),
  };
}

/**
 * Bun judges the chain first and the host name only when the chain is good, so that ERR_TLS_CERT_ALTNAME_INVALID (or no error) means
 * "chain proven": SPIFFE names are URIs, which its own check never matches.
 */
function judge(socket: Socket<SocketTransport>, error: Error | null, settings: ClientTls): string | undefined {
  const code = error === null ? undefined : "code" in error ? String(error.code) : error.message;
  const broken = code === "EPROTO" || code === "ECONNRESET";
  if (broken || (settings.verifyChain && code !== undefined && code !== "ERR_TLS_CERT_ALTNAME_INVALID")) return code;
  const certificate = socket.getPeerX509Certificate()?.raw;
  const refusal = settings.verifyName(certificate, () => peerChain(socket));
  if (refusal !== undefined) return refusal;
  socket.data.tls = { serverName: settings.serverName, alpn: socket.alpnProtocol || "", peerCertificate: certificate };
  return undefined;
}

function describe(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return "no route to host";
    case "ETIMEDOUT":
      return "connect timeout";
    default:
      return code;
  }
}

/** Begins a connection. `timeoutMs` covers TCP and TLS together. */
export function connect(
  target: Target,
  tls: ClientTls | undefined,
  timeoutMs: number,
  listener: ConnectListener,
  preface?: Preface,
): void {
  const attempt = new Attempt(listener, timeoutMs);
  attempts.set(attempt.transport, { attempt, tls, preface });
  const where =
    target.kind === "tcp" ? { hostname: target.host, port: target.port } : { unix: kernelPath(target.path) };
  const introduced = preface !== undefined && tls !== undefined;
  // Bun's types lack `secureContext` and `allowHalfOpen` together; both are honoured (net.test.ts).
  const options = {
    ...where,
    allowHalfOpen: true,
    data: attempt.transport,
    socket: introduced ? PREFACE_HANDLERS : CONNECT_HANDLERS,
    ...(tls && !introduced && { tls: secureOptions(tls) }),
  };
  Bun.connect(options as TCPSocketConnectOptions<SocketTransport>).then(undefined, (error) =>
    attempt.fail(describe(error)),
  );
}
