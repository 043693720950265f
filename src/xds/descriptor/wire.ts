// Reading descriptor.proto's own messages straight from their bytes: only the few fields that descriptors need, and no schema to load.

import { BinaryReader } from "@bufbuild/protobuf/wire";

/**
 * Calls `visit` with the number of every field of the message in `bytes`. A visitor that knows the number reads the value and returns
 * true; the rest is skipped.
 */
export function eachField(bytes: Uint8Array, visit: (number: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!visit(number, reader)) reader.skip(wireType, number);
  }
}

/** The value of the bool field `number` in an options message; false when it is not there. */
export function option(options: Uint8Array | undefined, number: number): boolean {
  let value = false;
  if (options) {
    eachField(options, (found, reader) => {
      if (found !== number) return false;
      value = reader.bool();
      return true;
    });
  }
  return value;
}

/** Number of `deprecated` in FieldOptions, MessageOptions and EnumOptions. EnumValueOptions has its own. */
export const DEPRECATED = 3;
