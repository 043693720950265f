// A client that speaks bytes: for what no HTTP client says, and for what is not HTTP.

import type { Socket, SocketHandler } from "bun";
import { eventually } from "./mesh.ts";

export class ByteClient {
  /** The peer's FIN or RST came. */
  ended = false;
  #socket!: Socket<undefined>;
  readonly #chunks: Buffer[] = [];
  #unsent = Buffer.alloc(0);
  #ending = false;

  /** `to`: a port of this machine, or the path of a Unix socket. */
  static async connect(to: number | string): Promise<ByteClient> {
    const client = new ByteClient();
    const options = {
      allowHalfOpen: true,
      socket: {
        data: (_: unknown, chunk: Buffer) => void client.#chunks.push(Buffer.from(chunk)),
        drain: () => client.#flush(),
        end: () => {
          client.ended = true;
        },
        close: () => {
          client.ended = true;
        },
        error() {},
      } satisfies SocketHandler<undefined>,
    };
    client.#socket = await (typeof to === "number"
      ? Bun.connect({ ...options, hostname: "127.0.0.1", port: to })
      : Bun.connect({ ...options, unix: to }));
    return client;
  }

  send(data: string | Uint8Array): this {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(data as string)]);
    this.#flush();
    return this;
  }

  /** FIN, behind what was sent. */
  end(): this {
    this.#ending = true;
    this.#flush();
    return this;
  }

  close(): void {
    this.#socket.terminate();
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Resolves with everything so far, once it holds the text; or with what came instead until the time was up. */
  async hears(text: string): Promise<string> {
    await eventually(
      async () => this.ended || this.received.includes(text, 0, "latin1"),
      (heard) => heard,
    );
    return this.received.toString("latin1");
  }

  /** Everything until the peer's end. @throws Error when that does not come in time. */
  async all(): Promise<Buffer> {
    await eventually(
      async () => this.ended,
      (ended) => ended,
    );
    if (!this.ended) throw new Error(`no end after ${this.received.length} bytes`);
    return this.received;
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const taken = this.#socket.write(this.#unsent);
      if (taken <= 0) return;
      this.#unsent = this.#unsent.subarray(taken);
    }
    if (this.#ending) this.#socket.shutdown();
    this.#ending = false;
  }
}
