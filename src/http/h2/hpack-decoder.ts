// HPACK decoding (RFC 7541). Repeated fields come out as the very strings of the table: comparing them later is comparing pointers.

import type { FieldBlock } from "./field-block.ts";
import { fieldKind, type Kind, nameKind } from "./field-kind.ts";
import {
  DecoderTable,
  STATIC_COUNT,
  STATIC_KINDS,
  STATIC_NAME_KINDS,
  STATIC_NAMES,
  STATIC_VALUES,
  TABLE_BYTES,
} from "./hpack-table.ts";
import { decodeHuffman } from "./huffman.ts";

const MAX_SIZE_UPDATES = 2; // RFC 7541 4.2: the smallest size since the last block, then the final one

export class HpackDecoder {
  readonly #table = new DecoderTable();
  /** Where the integer or string that was read last ends. */
  #at = 0;

  /**
   * Decodes the whole block bytes[start, end) into `block`. False: the block is broken, and with it the table, so the connection must
   * end (COMPRESSION_ERROR).
   */
  decode(bytes: Buffer, start: number, end: number, block: FieldBlock): boolean {
    this.#at = start;
    let updates = 0;
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if (first >= 0x80) {
        if (!this.#indexed(bytes, end, block)) return false;
      } else if (first >= 0x40) {
        if (!this.#literal(bytes, end, block, 0x3f, true)) return false;
      } else if (first < 0x20) {
        if (!this.#literal(bytes, end, block, 0x0f, false)) return false;
      } else {
        if (updates < 0 || ++updates > MAX_SIZE_UPDATES) return false;
        const size = this.#integer(bytes, end, 0x1f);
        if (size < 0 || size > TABLE_BYTES) return false;
        this.#table.resize(size);
        continue;
      }
      updates = -1; // a size update may only begin a block
    }
    return true;
  }

  #indexed(bytes: Buffer, end: number, block: FieldBlock): boolean {
    let index = bytes[this.#at]! & 0x7f;
    if (index < 0x7f) this.#at++;
    else index = this.#integer(bytes, end, 0x7f);
    if (index > STATIC_COUNT) {
      const table = this.#table;
      const slot = table.slot(index);
      if (slot < 0) return false;
      block.add(table.kinds[slot] as Kind, table.names[slot]!, table.values[slot]!);
      return true;
    }
    if (index <= 0) return false;
    block.add(STATIC_KINDS[index]!, STATIC_NAMES[index]!, STATIC_VALUES[index]!);
    return true;
  }

  #literal(bytes: Buffer, end: number, block: FieldBlock, prefix: number, insert: boolean): boolean {
    const index = this.#integer(bytes, end, prefix);
    let name: string | undefined;
    let kindOfName: number;
    if (index > STATIC_COUNT) {
      const slot = this.#table.slot(index);
      if (slot < 0) return false;
      name = this.#table.names[slot]!;
      kindOfName = this.#table.nameKinds[slot]!;
    } else if (index > 0) {
      name = STATIC_NAMES[index]!;
      kindOfName = STATIC_NAME_KINDS[index]!;
    } else {
      if (index < 0) return false;
      name = this.#string(bytes, end);
      if (name === undefined) return false;
      kindOfName = nameKind(name);
    }
    const value = this.#string(bytes, end);
    if (value === undefined) return false;
    const kind = fieldKind(kindOfName, value);
    if (insert) this.#table.insert(name, value, kindOfName, kind);
    block.add(kind, name, value);
    return true;
  }

  /** An integer whose first byte, at `#at`, has `prefix` as its mask (RFC 7541 5.1); -1 when it is cut short or above 2^28. */
  #integer(bytes: Buffer, end: number, prefix: number): number {
    if (this.#at >= end) return -1;
    let value = bytes[this.#at++]! & prefix;
    if (value < prefix) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= end) return -1;
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #string(bytes: Buffer, end: number): string | undefined {
    if (this.#at >= end) return undefined;
    const coded = bytes[this.#at]! >= 0x80;
    const length = this.#integer(bytes, end, 0x7f);
    const start = this.#at;
    if (length < 0 || length > end - start) return undefined;
    this.#at = start + length;
    return coded ? decodeHuffman(bytes, start, this.#at) : bytes.latin1Slice(start, this.#at);
  }
}
