// DNS messages and their bytes (RFC 1035 section 4, RFC 6891 for EDNS).

import { type Name, readName } from "./name.ts";

export const TYPE = { a: 1, cname: 5, aaaa: 28, opt: 41, svcb: 64, https: 65, any: 255 } as const;
export const CLASS_IN = 1;
export const RCODE = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;
/** Bits of the header's second word. */
export const FLAG = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
};
const OPCODE_SHIFT = 11;
const CHECKING_DISABLED = 0x0010;

export const HEADER_BYTES = 12;
/** What a client takes over UDP that says nothing of EDNS. */
export const MIN_UDP_BYTES = 512;

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  /** Seconds, 32 bits without a sign. */
  readonly ttl: number;
  /** As it travelled: names in it may be compressed against the message that it came in. */
  readonly data: Uint8Array;
}

export interface Message {
  readonly id: number;
  /** The header's second word. */
  readonly flags: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
}

export type DecodedMessage =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "malformed"; readonly reason: string };

export const opcodeOf = (flags: number): number => (flags >> OPCODE_SHIFT) & 0xf;
export const rcodeOf = (flags: number): number => flags & 0xf;
/** Of a query: what its reply repeats. */
export const repeatedFlags = (flags: number): number =>
  flags & ((0xf << OPCODE_SHIFT) | FLAG.recursionDesired | CHECKING_DISABLED);

class Malformed extends Error {}

/** Reads forwards, and stops with Malformed at what cannot be. It does not leave this file. */
class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.length) throw new Malformed("a message is cut off");
    this.at += length;
    return start;
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  name(): Name {
    const read = readName(this.#bytes, this.at);
    if (read.kind === "malformed") throw new Malformed(read.reason);
    this.at = read.end;
    return read.name;
  }

  data(): Uint8Array {
    const length = this.uint16();
    const start = this.#take(length);
    return this.#bytes.slice(start, start + length);
  }

  question(): Question {
    return { name: this.name(), type: this.uint16(), class: this.uint16() };
  }

  record(): ResourceRecord {
    return { name: this.name(), type: this.uint16(), class: this.uint16(), ttl: this.uint32(), data: this.data() };
  }

  list<T>(count: number, read: () => T): readonly T[] {
    const list: T[] = [];
    for (let i = 0; i < count; i++) list.push(read()); // each takes bytes: a large count ends with them
    return list;
  }
}

/** Never throws. What follows the counted records is refused. */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  const reader = new Reader(bytes);
  try {
    const id = reader.uint16();
    const flags = reader.uint16();
    const [questions, answers, authorities, additionals] = [0, 0, 0, 0].map(() => reader.uint16()) as [
      number,
      number,
      number,
      number,
    ];
    const message: Message = {
      id,
      flags,
      questions: reader.list(questions, () => reader.question()),
      answers: reader.list(answers, () => reader.record()),
      authorities: reader.list(authorities, () => reader.record()),
      additionals: reader.list(additionals, () => reader.record()),
    };
    if (reader.at !== bytes.length) return { kind: "malformed", reason: "bytes follow the message" };
    return { kind: "message", message };
  } catch (thrown) {
    if (thrown instanceof Malformed) return { kind: "malformed", reason: thrown.message };
    throw thrown;
  }
}

/** Farthest that a pointer reaches. */
const MAX_POINTER = 0x3fff;

class Writer {
  #bytes = new Uint8Array(MIN_UDP_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Whole names that were written, by their bytes: a reply repeats the one that was asked for. */
  readonly #names = new Map<string, number>();

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  uint16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  uint32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  data(data: Uint8Array): void {
    const at = this.#grow(data.length);
    this.#bytes.set(data, at);
  }

  name(name: Name): void {
    const key = Buffer.from(name).toString("latin1");
    const known = this.#names.get(key);
    if (known !== undefined && name.length > 1) {
      this.uint16(0xc000 | known);
      return;
    }
    if (this.#length <= MAX_POINTER) this.#names.set(key, this.#length);
    this.data(name);
  }

  record({ name, type, class: recordClass, ttl, data }: ResourceRecord): void {
    this.name(name);
    this.uint16(type);
    this.uint16(recordClass);
    this.uint32(ttl);
    this.uint16(data.length);
    this.data(data);
  }
}

/** Names in records' data are the caller's: written as they stand there. */
export function encodeMessage(message: Message): Uint8Array {
  const { id, flags, questions, answers, authorities, additionals } = message;
  const writer = new Writer();
  for (const word of [id, flags, questions.length, answers.length, authorities.length, additionals.length])
    writer.uint16(word);
  for (const { name, type, class: questionClass } of questions) {
    writer.name(name);
    writer.uint16(type);
    writer.uint16(questionClass);
  }
  for (const record of [...answers, ...authorities, ...additionals]) writer.record(record);
  return writer.bytes;
}

/** What the OPT record of a message says (RFC 6891 section 6.1.3). */
export interface Edns {
  readonly udpBytes: number;
  readonly version: number;
  /** DNSSEC records are wanted. */
  readonly dnssecOk: boolean;
}

export function ednsOf({ additionals }: Message): Edns | undefined {
  const opt = additionals.find(({ type }) => type === TYPE.opt);
  if (!opt) return undefined;
  return {
    udpBytes: Math.max(MIN_UDP_BYTES, opt.class),
    version: (opt.ttl >>> 16) & 0xff,
    dnssecOk: (opt.ttl & 0x8000) !== 0,
  };
}

const ROOT: Name = new Uint8Array(1);

/** `extendedRcode`: the upper eight bits of an rcode of twelve. */
export function optRecord(udpBytes: number, dnssecOk: boolean, extendedRcode = 0): ResourceRecord {
  const ttl = extendedRcode * 0x0100_0000 + (dnssecOk ? 0x8000 : 0);
  return { name: ROOT, type: TYPE.opt, class: udpBytes, ttl, data: new Uint8Array(0) };
}
