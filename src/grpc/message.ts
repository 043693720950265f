// Messages in a stream of bytes: a flag, a length, the bytes (gRPC over HTTP/2, "Length-Prefixed-Message").

const PREFIX_BYTES = 5;
const FIRST_BYTES = 16 * 1024;
/**
 * Who has sent so much of a message, or such a part of it, gets room for all of it: doubling to the end would copy 32 MiB in one piece, and
 * each of the 1.4 MB that a proxy is first told more than once. The memory behind it is the kernel's until it is written to.
 */
const BELIEVED_BYTES = 1024 * 1024;
const BELIEVED_PART = 1 / 8;
/** One that is longer comes in many reads. */
const LONG_BYTES = 1024 * 1024;

export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  writePrefix(frame, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

function writePrefix(into: Buffer, length: number): void {
  into[0] = 0; // not compressed
  into.writeUInt32BE(length, 1);
}

/** Longest chunk of a framed message: what the connection does not take of it is copied. */
const CHUNK_BYTES = 128 * 1024;
/**
 * Shortest part that is a chunk by itself. What a thousand proxies share lies between what a namespace has of its own, in pieces of some ten
 * KB; to put those together is a copy into memory that nobody has touched, before the one into what the connection sends.
 */
const LONG_PART_BYTES = 16 * 1024;

/**
 * A message that comes in parts, as chunks to be written one after the other. Long parts, which many messages share, are not copied; short
 * ones between them are put together.
 */
export function frameParts(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, lengthOf(parts));
  const chunks: Uint8Array[] = [];
  let short: Uint8Array[] = [prefix];
  let bytes = PREFIX_BYTES;
  const putTogether = () => {
    if (short.length > 0) chunks.push(short.length === 1 ? short[0]! : Buffer.concat(short, bytes));
    short = [];
    bytes = 0;
  };
  for (const part of parts) {
    const isLong = part.length >= LONG_PART_BYTES;
    if (isLong || bytes + part.length > CHUNK_BYTES) putTogether();
    if (isLong) {
      for (let at = 0; at < part.length; at += CHUNK_BYTES) chunks.push(part.subarray(at, at + CHUNK_BYTES));
    } else {
      short.push(part);
      bytes += part.length;
    }
  }
  putTogether();
  return chunks;
}

export function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
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

  /** Within a message that takes more than a few reads. */
  get isInLong(): boolean {
    return this.#message !== undefined && this.#length > LONG_BYTES;
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
    const believed = filled >= Math.min(BELIEVED_BYTES, this.#length * BELIEVED_PART);
    const wanted = believed ? this.#length : Math.max(message.length * 2, filled);
    const larger = Buffer.allocUnsafe(Math.min(this.#length, wanted));
    message.copy(larger, 0, 0, this.#filled);
    this.#message = larger;
    return larger;
  }
}
