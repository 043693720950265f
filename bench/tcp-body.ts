// The protocol of `tcp-1m`: one byte asks, one body answers. The body's last byte is its mark, so that a lost or doubled byte is seen.

export const BODY_BYTES = 1024 * 1024;
export const MARK = 0x0a;
export const ASK = Uint8Array.of(0x3f);

export function makeBody(): Uint8Array {
  const body = new Uint8Array(BODY_BYTES).fill(0x2e);
  body[BODY_BYTES - 1] = MARK;
  return body;
}
