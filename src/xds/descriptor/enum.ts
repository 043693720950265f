// Enum descriptors. Their values are wanted only by JSON, so they wait for the first reader.

import type { DescEnum, DescEnumValue, DescFile, DescMessage } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { safeObjectProperty } from "@bufbuild/protobuf/reflect";
import { EnumDescriptorProtoSchema, EnumValueDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { DEPRECATED, eachField, option } from "./wire.ts";

const VALUE_DEPRECATED = 1;

class LazyEnumValue implements DescEnumValue {
  readonly kind = "enum_value";
  readonly name: string;
  readonly number: number;
  readonly parent: DescEnum;
  readonly deprecated: boolean;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, parent: DescEnum) {
    let name = "";
    let number = 0;
    let options: Uint8Array | undefined;
    eachField(bytes, (field, reader) => {
      if (field === 1) name = reader.string();
      else if (field === 2) number = reader.int32();
      else if (field === 3) options = reader.bytes();
      else return false;
      return true;
    });
    this.name = name;
    this.number = number;
    this.parent = parent;
    this.deprecated = option(options, VALUE_DEPRECATED);
    this.#bytes = bytes;
  }

  get localName() {
    const prefix = this.parent.sharedPrefix;
    return safeObjectProperty(prefix === undefined ? this.name : this.name.slice(prefix.length));
  }

  get jsonName() {
    return this.name;
  }

  get proto() {
    return fromBinary(EnumValueDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `enum value ${this.parent.typeName}.${this.name}`;
  }
}

export class LazyEnum implements DescEnum {
  readonly kind = "enum";
  readonly open = true; // proto3
  readonly name: string;
  readonly typeName: string;
  readonly file: DescFile;
  readonly parent: DescMessage | undefined;
  readonly #bytes: Uint8Array;
  #values: DescEnumValue[] | undefined;
  #value: Record<number, DescEnumValue> | undefined;

  constructor(bytes: Uint8Array, scope: string, file: DescFile, parent: DescMessage | undefined) {
    let name = "";
    eachField(bytes, (field, reader) => {
      if (field !== 1) return false;
      name = reader.string();
      return true;
    });
    this.name = name;
    this.typeName = `${scope}.${name}`;
    this.file = file;
    this.parent = parent;
    this.#bytes = bytes;
  }

  get values() {
    if (this.#values) return this.#values;
    const values: DescEnumValue[] = [];
    eachField(this.#bytes, (field, reader) => {
      if (field !== 2) return false;
      values.push(new LazyEnumValue(reader.bytes(), this));
      return true;
    });
    this.#values = values;
    return values;
  }

  get value() {
    // Reversed, because of two names for one number the first declared stands.
    this.#value ??= Object.fromEntries(this.values.toReversed().map((value) => [value.number, value]));
    return this.#value;
  }

  /** `my_enum_` for `enum MyEnum { MY_ENUM_A = 0; … }`; undefined when a value lacks it, or would start with a digit without it. */
  get sharedPrefix() {
    const prefix = `${this.name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase()}_`;
    const shared = this.values.every(
      ({ name }) => name.toLowerCase().startsWith(prefix) && /^\D/.test(name.slice(prefix.length)),
    );
    return shared ? prefix : undefined;
  }

  get deprecated() {
    let options: Uint8Array | undefined;
    eachField(this.#bytes, (field, reader) => {
      if (field !== 3) return false;
      options = reader.bytes();
      return true;
    });
    return option(options, DEPRECATED);
  }

  get proto() {
    return fromBinary(EnumDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `enum ${this.typeName}`;
  }
}
