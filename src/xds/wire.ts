// Messages in parts: the elements of a repeated field as bytes, to be decoded one by one, and the message without them.

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Steps } from "../base/steps.ts";

export interface Parts {
  /** Views of the bytes that were cut. */
  readonly elements: readonly Uint8Array[];
  /** The same message without the field. */
  readonly rest: Uint8Array;
}

/** Of a large message each element lies on a page of its own: 5,000 took 3 to 10 ms. */
const ELEMENTS_A_STEP = 64;

/** Cuts the elements of the repeated message field number `field` out of a message. @throws Error where the bytes are not a message. */
export function* cutField(message: Uint8Array, field: number): Steps<Parts> {
  // Not a Buffer, if it was one: its views cost three times as much, and decoding makes one of most strings.
  const bytes = new Uint8Array(message.buffer, message.byteOffset, message.length);
  const reader = new BinaryReader(bytes);
  const elements: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  /** Where what is kept since the last element began. */
  let from = 0;
  while (reader.pos < reader.len) {
    const at = reader.pos;
    const [number, type] = reader.tag();
    if (number !== field || type !== WireType.LengthDelimited) {
      reader.skip(type, number);
      continue;
    }
    if (at > from) kept.push(bytes.subarray(from, at));
    elements.push(reader.bytes());
    from = reader.pos;
    if (elements.length % ELEMENTS_A_STEP === 0) yield;
  }
  if (bytes.length > from) kept.push(bytes.subarray(from));
  return { elements, rest: kept.length === 1 ? kept[0]! : Buffer.concat(kept) };
}

/** Where the elements of the repeated message field number `field` begin and end in a message. @throws Error where the bytes are not one. */
export function placesOf(message: Uint8Array, field: number): Uint32Array {
  const reader = new BinaryReader(message);
  const places: number[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number !== field || type !== WireType.LengthDelimited) {
      reader.skip(type, number);
      continue;
    }
    const length = reader.uint32();
    places.push(reader.pos, reader.pos + length);
    reader.pos += length;
  }
  return Uint32Array.from(places);
}
