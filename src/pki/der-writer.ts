// DER for the three structures that Heddle makes: a root, a leaf and a certificate request.
import { contextConstructed, TAG } from "./der-reader.ts";

/** One element: identifier octet, length, contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((total, part) => total + part.length, 0);
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  if (length > 0xffff) throw new RangeError(`DER element of ${length} bytes: none that Heddle makes is above 65,535`);
  return Buffer.concat([Uint8Array.from(header), ...contents]);
}

export function sequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(TAG.sequence, ...elements);
}

/** SET OF; the caller gives at most one element, so that DER's order of elements never matters. */
export function setOf(...elements: readonly Uint8Array[]): Uint8Array {
  return element(TAG.set, ...elements);
}

/** `[number] EXPLICIT`. */
export function explicit(number: number, ...elements: readonly Uint8Array[]): Uint8Array {
  return element(contextConstructed(number), ...elements);
}

/** A non-negative INTEGER from big-endian octets, or a small number. */
export function integer(value: number | Uint8Array): Uint8Array {
  const octets = typeof value === "number" ? Uint8Array.of(value) : value;
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  return element(TAG.integer, digits[0]! >= 0x80 ? Buffer.concat([Uint8Array.of(0), digits]) : digits);
}

/** TRUE; FALSE is the default wherever it could stand, and DER leaves defaults out. */
export function booleanTrue(): Uint8Array {
  return element(TAG.boolean, Uint8Array.of(0xff));
}

export function octetString(contents: Uint8Array): Uint8Array {
  return element(TAG.octetString, contents);
}

/** A BIT STRING of whole octets. */
export function bitString(contents: Uint8Array): Uint8Array {
  return element(TAG.bitString, Uint8Array.of(0), contents);
}

/** A BIT STRING of named bits from a mask (bit 0 of the type is 1); trailing zero bits are left out, as X.690 11.2.2 demands. */
export function namedBits(mask: number): Uint8Array {
  const highest = 31 - Math.clz32(mask);
  const octets = new Uint8Array((highest >> 3) + 1);
  for (let bit = 0; bit <= highest; bit++) if (mask & (1 << bit)) octets[bit >> 3]! |= 0x80 >> (bit & 7);
  return element(TAG.bitString, Uint8Array.of(7 - (highest & 7)), octets);
}

/** An OBJECT IDENTIFIER from dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const octets: number[] = [];
  for (const arc of [first! * 40 + second!, ...rest]) {
    const septets = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left & 0x7f) | 0x80);
    octets.push(...septets);
  }
  return element(TAG.oid, Uint8Array.from(octets));
}

export function utf8String(text: string): Uint8Array {
  return element(TAG.utf8String, Buffer.from(text));
}

/** A time in milliseconds, cut to seconds: UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5). */
export function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, "");
  return digits < "2050"
    ? element(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : element(TAG.generalizedTime, Buffer.from(`${digits}Z`));
}
