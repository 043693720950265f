// Messages in a stream of bytes: a flag, a length, the bytes (gRPC over HTTP/2, "Length-Prefixed-Message").

const PREFIX_BYTES = 5;
const FIRST_BYTES = 16 * 1024;
/**
 * Who has sent so much of a message gets room for all of it: doubling to the end would copy 32 MiB in one piece. The memory behind it is
 * the kernel's until it is written to.
 */
const BELIEVED_BYTES = 1024 * 1024;

export function frameMessage(message: Uint8Array): Buffer {
  return frameParts([message]);
}

/** Of one message that comes in parts: megabytes that are put together once are copied once. */
export function frameParts(parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + length);
  frame[0] = 0; // not compressed
  frame.writeUInt32BE(length, 1);
  let at = PREFIX_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

export type MessageFault = "compressed" | "too-large";

/** Cuts messages out of chunks, whatever their borders. A message is handed over as its own copy. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixLength = 0;
  /** Undefined between two messages. Grows with what arrives at first: five bytes that claim 16 MiB allocate nothing of the kind. */
  #message: Buffer | undefined;
  #length = 0;
  #filled = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True between two messages: a stream that ends elsewhere was cut off. */
  get isAtBoundary(): boolean {
    return this.#prefixLength === 0 && this.#message === undefined;
  }

  /** @returns why the stream cannot go on, if it cannot. */
  feed(chunk: Uint8Array, onMessage: (message: Buffer) => void): MessageFault | undefined {
    let at = 0;
    while (at < chunk.length || (this.#message !== undefined && this.#filled === this.#length)) {
      if (this.#message === undefined) {
        const step = Math.min(PREFIX_BYTES - this.#prefixLength, chunk.length - at);
        this.#prefix.set(chunk.subarray(at, at + step), this.#prefixLength);
        this.#prefixLength += step;
        at += step;
        if (this.#prefixLength < PREFIX_BYTES) return undefined;
        const fault = this.#begin();
        if (fault) return fault;
        continue;
      }
      const step = Math.min(this.#length - this.#filled, chunk.length - at);
      const into = this.#room(this.#message, step);
      into.set(chunk.subarray(at, at + step), this.#filled);
      this.#filled += step;
      at += step;
      if (this.#filled < this.#length) return undefined;
      const message = into.subarray(0, this.#length);
      this.#message = undefined;
      this.#prefixLength = 0;
      onMessage(message);
    }
    return undefined;
  }

  #begin(): MessageFault | undefined {
    if (this.#prefix[0] !== 0) return "compressed";
    const length = this.#prefix.readUInt32BE(1);
    if (length > this.#maxBytes) return "too-large";
    this.#length = length;
    this.#message = Buffer.allocUnsafe(Math.min(length, FIRST_BYTES));
    this.#filled = 0;
    return undefined;
  }

  #room(message: Buffer, step: number): Buffer {
    if (this.#filled + step <= message.length) return message;
    const filled = this.#filled + step;
    const wanted = filled >= BELIEVED_BYTES ? this.#length : Math.max(message.length * 2, filled);
    const larger = Buffer.allocUnsafe(Math.min(this.#length, wanted));
    message.copy(larger, 0, 0, this.#filled);
    this.#message = larger;
    return larger;
  }
}
