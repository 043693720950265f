// DNS over TCP: each message behind two bytes of length (RFC 1035 section 4.2.2).

const LENGTH_BYTES = 2;

export function writeMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + message.length);
  new DataView(framed.buffer).setUint16(0, message.length);
  framed.set(message, LENGTH_BYTES);
  return framed;
}

/** Bytes of the message at the start, its length included; undefined when that is not known yet. */
function framedLength(bytes: Uint8Array): number | undefined {
  return bytes.length < LENGTH_BYTES ? undefined : LENGTH_BYTES + ((bytes[0]! << 8) | bytes[1]!);
}

/** Cuts a stream into messages. Holds one that is not whole yet, 64 KiB at most. */
export class MessageReader {
  readonly #onMessage: (message: Uint8Array) => void;
  /** Joined only when there is something to find in them: they may be single bytes. */
  #chunks: Uint8Array[] = [];
  #held = 0;
  #wanted = LENGTH_BYTES;

  /** The messages are the listener's to keep. */
  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  receive(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return;
    let rest: Uint8Array = Buffer.concat(this.#chunks, this.#held);
    let length = framedLength(rest);
    while (length !== undefined && length <= rest.length) {
      this.#onMessage(Uint8Array.from(rest.subarray(LENGTH_BYTES, length)));
      rest = rest.subarray(length);
      length = framedLength(rest);
    }
    this.#chunks = [Uint8Array.from(rest)];
    this.#held = rest.length;
    this.#wanted = length ?? LENGTH_BYTES;
  }
}
