// Which HTTP a connection speaks, from its first bytes, however they are cut: for listeners that take both and have no ALPN to go by.

import { Deadline, timers } from "../base/timer-wheel.ts";
import type { ByteListener, ByteStream } from "../net/byte-stream.ts";

/** HTTP/2's preface is longer, but no request line begins with this: PRI is no method (RFC 9113 3.4). */
const PREFACE_START = Buffer.from("PRI ", "latin1");

/** Undefined: more bytes are needed. */
export function detectProtocol(bytes: Uint8Array): "http1" | "http2" | undefined {
  const length = Math.min(bytes.length, PREFACE_START.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== PREFACE_START[i]) return "http1";
  return length === PREFACE_START.length ? "http2" : undefined;
}

/** Listens until it is known; who says nothing is idle, and who stops after "PRI" is too slow for a head. */
export class ProtocolDetector extends Deadline implements ByteListener {
  readonly #stream: ByteStream;
  readonly #headTimeoutMs: number;
  readonly #onDetected: (protocol: "http1" | "http2", bytes: Uint8Array) => void;
  readonly #onClosed: () => void;
  #bytes: Buffer | undefined;

  constructor(
    stream: ByteStream,
    limits: { readonly idleTimeoutMs: number; readonly headTimeoutMs: number },
    onDetected: (protocol: "http1" | "http2", bytes: Uint8Array) => void,
    onClosed: () => void,
  ) {
    super();
    this.#stream = stream;
    this.#headTimeoutMs = limits.headTimeoutMs;
    this.#onDetected = onDetected;
    this.#onClosed = onClosed;
    stream.listener = this;
    if (limits.idleTimeoutMs > 0) timers.arm(this, limits.idleTimeoutMs);
  }

  receive(chunk: Uint8Array): void {
    const bytes = this.#bytes ? Buffer.concat([this.#bytes, chunk]) : chunk;
    const protocol = detectProtocol(bytes);
    if (protocol !== undefined) {
      timers.disarm(this);
      this.#onDetected(protocol, bytes);
    } else {
      if (!this.#bytes && this.#headTimeoutMs > 0) timers.arm(this, this.#headTimeoutMs);
      this.#bytes = Buffer.from(bytes);
    }
  }

  onDeadline(): void {
    this.#stream.terminate();
  }

  drained(): void {}

  ended(): void {
    this.#stream.terminate();
  }

  closed(): void {
    timers.disarm(this);
    this.#onClosed();
  }
}
