// Strict DER (X.690 chapter 10) without recursion: who reads a structure says which element comes next, so nesting is bounded by the
// caller's code and not by the peer's bytes. Certificates are read on every handshake; this costs microseconds and no dependency.
import { MalformedError } from "./parsed.ts";

/** Identifier octets of the elements that X.509 and PKCS#10 use. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** Identifier octet of `[number]`, constructed (EXPLICIT, or IMPLICIT over a SEQUENCE). */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}

/** Identifier octet of `[number]` IMPLICIT over a primitive type. */
export function contextPrimitive(number: number): number {
  return 0x80 | number;
}

const DIGITS = /^\d{14}Z$/;

/** Reads elements one after the other; every method throws a MalformedError on bytes that are not what it asks for. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.#position === this.#end;
  }

  /** Whether the next element has this identifier octet; false at the end. */
  next(tag: number): boolean {
    return this.#position < this.#end && this.#bytes[this.#position] === tag;
  }

  /** A reader of the contents of the next element, which must have this identifier octet. */
  enter(tag: number): DerReader {
    const { start, end } = this.#element(tag);
    return new DerReader(this.#bytes, start, end);
  }

  /** The contents of the next element, as a view. */
  contents(tag: number): Uint8Array {
    const { start, end } = this.#element(tag);
    return this.#bytes.subarray(start, end);
  }

  /** The whole next element with its header, as a view: what a signature covers, what two names are compared by. */
  whole(tag: number): Uint8Array {
    const from = this.#position;
    const { end } = this.#element(tag);
    return this.#bytes.subarray(from, end);
  }

  /** What has not been read. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#position, this.#end);
    this.#position = this.#end;
    return rest;
  }

  /** Identifier octet and contents of whatever comes next, for a CHOICE. */
  any(): { readonly tag: number; readonly contents: Uint8Array } {
    const tag = this.#bytes[this.#position];
    if (tag === undefined || this.atEnd) throw new MalformedError("DER ends where an element should begin");
    return { tag, contents: this.contents(tag) };
  }

  expectEnd(): void {
    if (!this.atEnd) throw new MalformedError(`${this.#end - this.#position} bytes after the end of a DER structure`);
  }

  boolean(): boolean {
    const contents = this.contents(TAG.boolean);
    if (contents.length !== 1 || (contents[0] !== 0 && contents[0] !== 0xff))
      throw new MalformedError("BOOLEAN is neither 00 nor FF");
    return contents[0] === 0xff;
  }

  /** The octets of an INTEGER, big-endian two's complement of minimal length. */
  integerBytes(): Uint8Array {
    const contents = this.contents(TAG.integer);
    const [first, second] = contents;
    if (first === undefined) throw new MalformedError("INTEGER is empty");
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      throw new MalformedError("INTEGER is not minimal");
    }
    return contents;
  }

  /** An INTEGER from 0 to 2³¹-1. */
  smallInteger(): number {
    const contents = this.integerBytes();
    if (contents[0]! >= 0x80 || contents.length > 4) throw new MalformedError("INTEGER is out of range");
    return contents.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** A BIT STRING of whole octets: a key or a signature. */
  bitString(): Uint8Array {
    const contents = this.contents(TAG.bitString);
    if (contents[0] !== 0) throw new MalformedError("BIT STRING is not of whole octets");
    return contents.subarray(1);
  }

  /** A BIT STRING of named bits as a mask: bit 0 of the type, the first on the wire, is 1, the next 2. At most 16 bits. */
  namedBits(): number {
    const contents = this.contents(TAG.bitString);
    const unused = contents[0];
    if (unused === undefined || unused > 7 || contents.length > 3 || (contents.length === 1 && unused !== 0)) {
      throw new MalformedError("BIT STRING of named bits is malformed");
    }
    let mask = 0;
    for (let bit = 0; bit < (contents.length - 1) * 8 - unused; bit++) {
      if (contents[1 + (bit >> 3)]! & (0x80 >> (bit & 7))) mask |= 1 << bit;
    }
    return mask;
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(): string {
    const contents = this.contents(TAG.oid);
    if (contents.length === 0 || contents.length > 64 || contents[contents.length - 1]! >= 0x80) {
      throw new MalformedError("OBJECT IDENTIFIER is empty, cut off or too long");
    }
    const arcs: number[] = [];
    let arc = 0;
    for (const byte of contents) {
      if (arc === 0 && byte === 0x80) throw new MalformedError("OBJECT IDENTIFIER is not minimal");
      arc = arc * 128 + (byte & 0x7f);
      if (arc > 0xffff_ffff) throw new MalformedError("OBJECT IDENTIFIER has an arc above 2³²");
      if (byte >= 0x80) continue;
      arcs.push(arc);
      arc = 0;
    }
    const first = Math.min(2, Math.floor(arcs[0]! / 40)); // X.690 8.19.4: the first two arcs share one number
    return [first, arcs[0]! - first * 40, ...arcs.slice(1)].join(".");
  }

  /** UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 restricts them (seconds, Zulu), in milliseconds since 1970. */
  time(): number {
    const { tag, contents } = this.any();
    const text = Buffer.from(contents).toString("latin1");
    // RFC 5280 4.1.2.5.1: two digits from 50 on mean 19xx.
    const full = tag === TAG.utcTime ? `${text < "50" ? "20" : "19"}${text}` : tag === TAG.generalizedTime ? text : "";
    if (!DIGITS.test(full)) throw new MalformedError("time is neither YYMMDDHHMMSSZ nor YYYYMMDDHHMMSSZ");
    const iso = full.replace(/^(....)(..)(..)(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
    const ms = Date.parse(iso);
    if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== iso.slice(0, 19))
      throw new MalformedError(`no such time: ${iso}`);
    return ms;
  }

  /** Bounds of the contents of the next element; moves behind it. */
  #element(tag: number): { start: number; end: number } {
    const bytes = this.#bytes;
    let position = this.#position;
    if (position >= this.#end) throw new MalformedError("DER ends where an element should begin");
    const found = bytes[position++]!;
    if (found !== tag)
      throw new MalformedError(
        `DER element ${found.toString(16)} where ${tag.toString(16)} should be, at byte ${position - 1}`,
      );
    let length = position < this.#end ? bytes[position++]! : 0x80;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 3 || position + octets > this.#end)
        throw new MalformedError("DER length is indefinite, too large or cut off");
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + bytes[position++]!;
      if (length < (octets === 1 ? 0x80 : 256 ** (octets - 1))) throw new MalformedError("DER length is not minimal");
    }
    if (length > this.#end - position)
      throw new MalformedError(`DER element of ${length} bytes has ${this.#end - position}`);
    this.#position = position + length;
    return { start: position, end: position + length };
  }
}
