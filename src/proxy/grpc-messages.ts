// Counts the messages of a gRPC stream by their five-byte prefixes, without keeping any of them.

export class MessageCounter {
  count = 0;
  /** Bytes of the prefix that were seen, and of the message that are still to come. */
  #prefix = 0;
  #length = 0;
  #remaining = 0;

  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const step = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= step;
        at += step;
        continue;
      }
      if (this.#prefix > 0) this.#length = this.#length * 256 + chunk[at]!;
      at++;
      if (++this.#prefix < 5) continue;
      this.count++;
      this.#remaining = this.#length;
      this.#prefix = 0;
      this.#length = 0;
    }
  }
}
