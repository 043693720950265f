// DNS over TCP: each message behind two bytes of length (RFC 1035 section 4.2.2).

const LENGTH_BYTES = 2;

export function writeMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + message.length);
  new DataView(framed.buffer).setUint16(0, message.length);
  framed.set(message, LENGTH_BYTES);
  return framed;
}

/** Cuts a stream into messages. Holds one message that is not whole yet, 64 KiB at most. */
export class MessageReader {
  readonly #onMessage: (message: Uint8Array) => void;
  #buffer = new Uint8Array(0);

  /** The messages are the listener's to keep. */
  constructor(onMessage: (message: Uint8Array) => void) {
    this.#onMessage = onMessage;
  }

  receive(chunk: Uint8Array): void {
    const bytes = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = (bytes[at]! << 8) | bytes[at + 1]!;
      if (at + LENGTH_BYTES + length > bytes.length) break;
      at += LENGTH_BYTES;
      this.#onMessage(bytes.slice(at, at + length));
      at += length;
    }
    this.#buffer = Uint8Array.from(bytes.subarray(at));
  }
}
