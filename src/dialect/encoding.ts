// Bytes of a file → text. YAML 1.2.2 section 5.2: UTF-8 or UTF-16, told by a byte order mark or by where the zero bytes are.

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

/** Without the byte order mark; undefined when the bytes are not text of the encoding that they begin with. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(detect(bytes), { fatal: true }).decode(bytes);
  } catch {
    return undefined; // TextDecoder throws for nothing else than malformed input
  }
}

function detect([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  // A YAML stream starts with an ASCII character, so a zero byte beside it is its other half.
  if (first === 0 && second !== 0) return "utf-16be";
  return second === 0 ? "utf-16le" : "utf-8";
}
