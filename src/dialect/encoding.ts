// Bytes of a file → text. YAML 1.2.2 section 5.2: UTF-8 or UTF-16, told by a byte order mark or by where the zero bytes are.

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

export type DecodedText =
  | { readonly kind: "text"; readonly text: string }
  /** The bytes are no text of the encoding that they begin with; `before` is what they are up to the first that is wrong. */
  | { readonly kind: "malformed"; readonly before: string };

/** Without the byte order mark. */
export function decodeText(bytes: Uint8Array): DecodedText {
  const encoding = detect(bytes);
  const text = decoded(encoding, bytes, false);
  return text === undefined ? { kind: "malformed", before: wellFormedStart(encoding, bytes) } : { kind: "text", text };
}

function decoded(encoding: Encoding, bytes: Uint8Array, isStart: boolean): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: isStart });
  } catch {
    return undefined; // TextDecoder throws for nothing else than malformed input
  }
}

/** By halving: a start is well formed as long as what is wrong is not in it. */
function wellFormedStart(encoding: Encoding, bytes: Uint8Array): string {
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decoded(encoding, bytes.subarray(0, middle), true) === undefined) bad = middle;
    else good = middle;
  }
  return decoded(encoding, bytes.subarray(0, good), true) ?? "";
}

function detect([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  // A YAML stream starts with an ASCII character, so a zero byte beside it is its other half.
  if (first === 0 && second !== 0) return "utf-16be";
  return second === 0 ? "utf-16le" : "utf-8";
}
