// HPACK encoding (RFC 7541), straight into a connection's output buffer. A field that repeats costs one look-up of its name, one
// comparison and one byte. Literals are raw: see huffman.ts for why.

import type { HeaderList } from "../headers.ts";
import { ENTRY_OVERHEAD, SLOT_MASK, STATIC_COUNT, STATIC_INDEX, TABLE_BYTES, TABLE_SLOTS } from "./hpack-table.ts";
import { NameState } from "./indexing.ts";

const MAX_NAMES = 256; // remembered; more are forgotten first, so that odd names cannot grow a connection
const MAX_ENTRY = TABLE_BYTES / 2; // a larger one would push out too much
/** More than what the integers around a name and a value take: an index of 3 bytes and two lengths of 4. */
export const FIELD_BOUND = 12;
const LOOP_LENGTH = 8; // up to here a loop is faster than the call of latin1Write (13 against 32 ns)

const STATUS_INDEX: ReadonlyMap<number, number> = new Map([
  [200, 8],
  [204, 9],
  [206, 10],
  [304, 11],
  [400, 12],
  [404, 13],
  [500, 14],
]);

/**
 * What must not be written, whoever made the value: it could end a line after the next hop made HTTP/1.1 of it (RFC 9110 5.5 has a
 * proxy replace it by a space). Characters beyond latin1 would become such bytes by losing their high half.
 */
const UNSAFE = /[^\t -~\x80-\xff]/;
const EVERY_UNSAFE = /[^\t -~\x80-\xff]/g;

/** Bytes that `headers` take at most. */
export function boundOf(headers: HeaderList): number {
  let bound = 0;
  for (let i = 0; i < headers.length; i++) bound += headers[i]!.length + FIELD_BOUND / 2;
  return bound;
}

export class HpackEncoder {
  /** Output, and where the next byte goes. `begin` sets both; the caller has made room for the bound of everything it adds. */
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  readonly #names = new Map<string, NameState>();
  readonly #authority = new NameState(":authority", 1);
  readonly #method = new NameState(":method", 2);
  readonly #path = new NameState(":path", 4);
  readonly #status = new NameState(":status", 8);
  readonly #protocol = new NameState(":protocol", 0);
  // The dynamic table, a ring by position; entries from #oldest to #inserted - 1 are live.
  readonly #entryNames: (NameState | undefined)[] = new Array<NameState | undefined>(TABLE_SLOTS).fill(undefined);
  readonly #entryValues: string[] = new Array<string>(TABLE_SLOTS).fill("");
  readonly #entrySizes = new Uint16Array(TABLE_SLOTS);
  #inserted = 0;
  #oldest = 0;
  #tableBytes = 0;
  #maxTableBytes = TABLE_BYTES;
  /** The peer changed its limit: the next block begins by saying so, with the smallest value in between first (RFC 7541 4.2). */
  #smallestSince = -1;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerTableBytes(offered: number): void {
    const bytes = Math.min(offered, TABLE_BYTES);
    if (bytes === this.#maxTableBytes) return;
    this.#smallestSince = this.#smallestSince < 0 ? bytes : Math.min(this.#smallestSince, bytes);
    this.#maxTableBytes = bytes;
    this.#evictTo(bytes);
  }

  /** Starts a block at `at`. Writes at most 6 bytes itself. */
  begin(bytes: Buffer, at: number): void {
    this.bytes = bytes;
    this.at = at;
    if (this.#smallestSince < 0) return;
    if (this.#smallestSince < this.#maxTableBytes) this.#integer(0x20, 0x1f, this.#smallestSince);
    this.#integer(0x20, 0x1f, this.#maxTableBytes);
    this.#smallestSince = -1;
  }

  method(method: string): void {
    if (method === "GET") this.bytes[this.at++] = 0x82;
    else if (method === "POST") this.bytes[this.at++] = 0x83;
    else this.#field(this.#method, ":method", method);
  }

  scheme(scheme: string): void {
    this.bytes[this.at++] = scheme === "http" ? 0x86 : 0x87;
  }

  path(path: string): void {
    if (path === "/") this.bytes[this.at++] = 0x84;
    else this.#field(this.#path, ":path", path);
  }

  authority(authority: string): void {
    this.#field(this.#authority, ":authority", authority);
  }

  protocol(protocol: string): void {
    this.#field(this.#protocol, ":protocol", protocol);
  }

  status(status: number): void {
    const index = STATUS_INDEX.get(status);
    if (index !== undefined) this.bytes[this.at++] = 0x80 | index;
    else this.#field(this.#status, ":status", String(status));
  }

  field(name: string, value: string): void {
    this.#field(this.#names.get(name) ?? this.#learn(name), name, value);
  }

  fields(headers: HeaderList): void {
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!;
      this.#field(this.#names.get(name) ?? this.#learn(name), name, headers[i + 1]!);
    }
  }

  #field(state: NameState, name: string, value: string): void {
    if (state.lastAt >= this.#oldest && state.lastValue === value) {
      state.hit();
      this.#index(state.lastAt);
      return;
    }
    const position = state.positions?.get(value);
    if (position === undefined) {
      this.#literal(state, name, value);
      return;
    }
    state.hit();
    state.lastAt = position;
    state.lastValue = this.#entryValues[position & SLOT_MASK]!;
    this.#index(position);
  }

  #index(position: number): void {
    const index = STATIC_COUNT + this.#inserted - position;
    if (index < 0x7f) this.bytes[this.at++] = 0x80 | index;
    else this.#integer(0x80, 0x7f, index);
  }

  #literal(state: NameState, name: string, given: string): void {
    const value = UNSAFE.test(given) ? given.replace(EVERY_UNSAFE, " ").trim() : given;
    const size = name.length + value.length + ENTRY_OVERHEAD;
    const nameIndex = state.staticIndex > 0 ? state.staticIndex : this.#nameIndex(state);
    if (state.isSensitive) {
      this.#integer(0x10, 0x0f, nameIndex);
    } else if (size > MAX_ENTRY || size > this.#maxTableBytes || !state.admits(value, nameIndex, size)) {
      this.#integer(0x00, 0x0f, nameIndex);
    } else {
      this.#integer(0x40, 0x3f, nameIndex);
      if (nameIndex === 0) this.#string(name);
      this.#string(value);
      // Read back: the table must not keep the message alive that `value` may be a slice of.
      this.#insert(state, this.bytes.latin1Slice(this.at - value.length, this.at), size);
      return;
    }
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
  }

  #nameIndex(state: NameState): number {
    return state.nameAt >= this.#oldest ? STATIC_COUNT + this.#inserted - state.nameAt : 0;
  }

  #insert(state: NameState, value: string, size: number): void {
    this.#evictTo(this.#maxTableBytes - size);
    const position = this.#inserted++;
    const slot = position & SLOT_MASK;
    this.#entryNames[slot] = state;
    this.#entryValues[slot] = value;
    this.#entrySizes[slot] = size;
    this.#tableBytes += size;
    if (state.lastAt >= this.#oldest || state.positions !== undefined) {
      state.positions ??= new Map([[state.lastValue, state.lastAt]]);
      state.positions.set(value, position);
    }
    state.lastAt = position;
    state.lastValue = value;
    state.nameAt = position;
  }

  #evictTo(bytes: number): void {
    while (this.#tableBytes > bytes) {
      const position = this.#oldest++;
      const slot = position & SLOT_MASK;
      this.#tableBytes -= this.#entrySizes[slot]!;
      this.#entryNames[slot]!.positions?.delete(this.#entryValues[slot]!);
      this.#entryNames[slot] = undefined;
    }
  }

  #learn(name: string): NameState {
    if (this.#names.size >= MAX_NAMES) {
      for (const [known, state] of this.#names) if (state.nameAt < this.#oldest) this.#names.delete(known);
    }
    const state = new NameState(name, STATIC_INDEX.get(name) ?? 0);
    this.#names.set(name, state);
    return state;
  }

  #integer(pattern: number, prefix: number, value: number): void {
    const bytes = this.bytes;
    if (value < prefix) {
      bytes[this.at++] = pattern | value;
      return;
    }
    bytes[this.at++] = pattern | prefix;
    let rest = value - prefix;
    while (rest >= 128) {
      bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.at++] = rest;
  }

  #string(text: string): void {
    const length = text.length;
    this.#integer(0, 0x7f, length);
    const { bytes, at } = this;
    if (length > LOOP_LENGTH) bytes.latin1Write(text, at, length);
    else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    this.at = at + length;
  }
}
