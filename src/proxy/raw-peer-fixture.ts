// Sockets for tests that speak bytes: a client and a server on loopback that do nothing on their own.

import type { Socket, TCPSocketListener } from "bun";

const DEADLINE_MS = 15_000;
const POLL_MS = 2;

/** Resolves when `condition` holds. @throws Error with what it waited for when it does not hold in time. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}

/** One end of a TCP connection, with everything that it received. */
export class RawPeer {
  bytes = 0;
  /** The peer's FIN came, or the connection is gone. */
  ended = false;
  closed = false;
  /** False: bytes are counted alone. */
  keepsText = true;
  socket: Socket<RawPeer> | undefined;
  #chunks: string[] = [];
  #unsent: Buffer = Buffer.alloc(0);
  readonly #onBytes: ((peer: RawPeer) => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor(onBytes?: (peer: RawPeer) => void) {
    this.#onBytes = onBytes;
  }

  get text(): string {
    if (this.#chunks.length > 1) this.#chunks = [this.#chunks.join("")];
    return this.#chunks[0] ?? "";
  }

  /** Bytes that wait for the other side to read. */
  get unsent(): number {
    return this.#unsent.length;
  }

  send(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
    this.#unsent = this.#unsent.length === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
    this.flush();
  }

  flush(): void {
    while (this.#unsent.length > 0) {
      const taken = this.socket?.write(this.#unsent) ?? 0;
      if (taken <= 0) return;
      this.#unsent = this.#unsent.subarray(taken);
    }
  }

  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.keepsText) this.#chunks.push(chunk.toString("latin1"));
    this.#onBytes?.(this);
    this.#tell();
  }

  /** The peer's FIN; `gone`: nothing can be sent any more either. */
  finish(gone: boolean): void {
    this.ended = true;
    this.closed ||= gone;
    this.#tell();
  }

  #tell(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Until something comes, or the end, or the time is over. */
  #change(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiting.push(() => {
      clearTimeout(timer);
      resolve();
    });
    return promise;
  }

  /**
   * The first value of `look` that is neither undefined nor false. It is looked for whenever something comes: a case with hundreds of
   * requests one after the other would spend most of its time in polling. @throws Error with `what` when it does not come in time.
   */
  async awaits<T>(what: string, look: () => T | undefined | false, withinMs = DEADLINE_MS): Promise<T> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const value = look();
      if (value !== undefined && value !== false) return value;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new Error(`not within ${withinMs} ms: ${what} after ${JSON.stringify(this.text.slice(-400))}`);
      await this.#change(leftMs);
    }
  }

  async hears(text: string): Promise<void> {
    await this.awaits(JSON.stringify(text), () => this.text.includes(text));
  }

  async isClosed(): Promise<void> {
    await this.awaits("the connection closes", () => this.ended);
  }

  /** FIN. */
  end(): void {
    this.socket?.shutdown();
  }

  /** RST. */
  reset(): void {
    this.socket?.terminate();
  }
}

const HANDLERS = {
  binaryType: "buffer",
  data: (socket: Socket<RawPeer>, chunk: Buffer) => socket.data.take(chunk),
  drain: (socket: Socket<RawPeer>) => socket.data.flush(),
  end: (socket: Socket<RawPeer>) => socket.data.finish(false),
  close: (socket: Socket<RawPeer>) => socket.data.finish(true),
  error: () => {},
} as const;

export async function connectRaw(port: number, hostname = "127.0.0.1"): Promise<RawPeer> {
  const peer = new RawPeer();
  peer.socket = await Bun.connect<RawPeer>({
    hostname,
    port,
    data: peer,
    allowHalfOpen: true,
    socket: HANDLERS,
  });
  return peer;
}

/** Accepts and keeps connections. `onBytes` is called with a connection whenever something came on it, `onEnd` when its FIN came. */
export class RawServer {
  readonly connections: RawPeer[] = [];
  readonly #server: TCPSocketListener<RawPeer>;

  constructor(onBytes?: (peer: RawPeer) => void, onEnd?: (peer: RawPeer) => void) {
    const { connections } = this;
    this.#server = Bun.listen<RawPeer>({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        ...HANDLERS,
        end(socket) {
          HANDLERS.end(socket);
          onEnd?.(socket.data);
        },
        open(socket) {
          const peer = new RawPeer(onBytes);
          peer.socket = socket;
          socket.data = peer;
          connections.push(peer);
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  /** Everything that came, on all connections in the order they were accepted. */
  get text(): string {
    return this.connections.map(({ text }) => text).join("");
  }

  /** The n-th connection, from 0. */
  async connection(n: number): Promise<RawPeer> {
    await until(`upstream connection ${n}`, () => this.connections.length > n);
    return this.connections[n]!;
  }

  close(): void {
    for (const { socket } of this.connections) socket?.terminate();
    this.#server.stop(true);
  }
}

/** A server that answers every request head with `answers`, the n-th with the n-th and the last from then on. */
export function answering(...answers: readonly string[]): RawServer {
  let served = 0;
  const seen = new WeakMap<RawPeer, number>();
  return new RawServer((peer) => {
    const heads = peer.text.split("\r\n\r\n").length - 1;
    for (let i = seen.get(peer) ?? 0; i < heads; i++) peer.send(answers[Math.min(served++, answers.length - 1)]!);
    seen.set(peer, heads);
  });
}

/** A port of loopback where nobody listens. */
export function closedPort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
