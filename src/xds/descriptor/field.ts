// Field and oneof descriptors of proto3. The types that fields refer to are looked up when they are asked for, since the file that
// declares them may be imported later, and most are never asked for.

import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { fromBinary, ScalarType } from "@bufbuild/protobuf";
import { protoCamelCase, safeObjectProperty } from "@bufbuild/protobuf/reflect";
import { FieldDescriptorProtoSchema, OneofDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { enumOf, messageOf } from "./registry.ts";
import { DEPRECATED, eachField, option } from "./wire.ts";

// google.protobuf.FieldDescriptorProto.Type and .Label
const TYPE_MESSAGE = 11;
const TYPE_ENUM = 14;
const LABEL_REPEATED = 3;

// google.protobuf.FeatureSet.FieldPresence
const EXPLICIT = 1;
const IMPLICIT = 2;

type Kind = "scalar" | "enum" | "message";

function kindOf(type: number): Kind {
  return type === TYPE_MESSAGE ? "message" : type === TYPE_ENUM ? "enum" : "scalar";
}

/** A FieldDescriptorProto, as far as a descriptor needs it. */
export class FieldProto {
  name = "";
  number = 0;
  label = 0;
  type = 0;
  typeName = "";
  oneofIndex: number | undefined;
  jsonName: string | undefined;
  optional = false;
  deprecated = false;
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    eachField(bytes, (field, reader) => {
      if (field === 1) this.name = reader.string();
      else if (field === 3) this.number = reader.int32();
      else if (field === 4) this.label = reader.int32();
      else if (field === 5) this.type = reader.int32();
      else if (field === 6)
        this.typeName = reader.string().slice(1); // without the leading dot
      else if (field === 8) this.deprecated = option(reader.bytes(), DEPRECATED);
      else if (field === 9) this.oneofIndex = reader.int32();
      else if (field === 10) this.jsonName = reader.string();
      else if (field === 17) this.optional = reader.bool();
      else return false;
      return true;
    });
  }
}

/** Key and value of a map field's entry. */
export interface MapEntry {
  readonly key: FieldProto;
  readonly value: FieldProto;
}

class LazyField {
  readonly kind = "field";
  readonly name: string;
  readonly number: number;
  readonly localName: string;
  readonly jsonName: string;
  readonly parent: DescMessage;
  readonly oneof: DescOneof | undefined;
  readonly presence: number;
  readonly fieldKind: Kind | "list" | "map";
  readonly listKind: Kind | undefined;
  readonly mapKind: Kind | undefined;
  readonly mapKey: ScalarType | undefined;
  readonly scalar: ScalarType | undefined;
  readonly packed: boolean | undefined;
  readonly deprecated: boolean;
  readonly utf8Validation = true; // proto3
  readonly longAsString = false;
  readonly delimitedEncoding: boolean | undefined;
  readonly #bytes: Uint8Array;
  readonly #kind: Kind;
  readonly #typeName: string;

  constructor(proto: FieldProto, parent: DescMessage, oneof: DescOneof | undefined, entry: MapEntry | undefined) {
    const value = entry?.value ?? proto;
    const kind = kindOf(value.type);
    const list = proto.label === LABEL_REPEATED && entry === undefined;
    const camel = protoCamelCase(proto.name);
    this.name = proto.name;
    this.number = proto.number;
    this.localName = oneof ? camel : safeObjectProperty(camel);
    this.jsonName = proto.jsonName ?? camel;
    this.parent = parent;
    this.oneof = oneof;
    const explicit = !list && !entry && (oneof !== undefined || proto.optional || kind === "message");
    this.presence = explicit ? EXPLICIT : IMPLICIT;
    this.fieldKind = entry ? "map" : list ? "list" : kind;
    this.listKind = list ? kind : undefined;
    this.mapKind = entry ? kind : undefined;
    this.mapKey = entry?.key.type;
    this.scalar = kind === "scalar" ? value.type : undefined;
    this.packed = list
      ? kind === "enum" || (kind === "scalar" && value.type !== ScalarType.STRING && value.type !== ScalarType.BYTES)
      : undefined;
    this.delimitedEncoding = kind === "message" || entry ? false : undefined;
    this.deprecated = proto.deprecated;
    this.#bytes = proto.bytes;
    this.#kind = kind;
    this.#typeName = value.typeName;
  }

  get message() {
    return this.#kind === "message" ? messageOf(this.#typeName) : undefined;
  }

  get enum() {
    return this.#kind === "enum" ? enumOf(this.#typeName) : undefined;
  }

  getDefaultValue(): undefined {
    return undefined; // proto3 has no declared defaults
  }

  get proto() {
    return fromBinary(FieldDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `field ${this.parent.typeName}.${this.name}`;
  }
}

export function fieldDesc(
  proto: FieldProto,
  parent: DescMessage,
  oneof: DescOneof | undefined,
  entry: MapEntry | undefined,
): DescField {
  // DescField is a union over every combination of kinds, which a class cannot declare; descriptor.test.ts compares the two field by field.
  return new LazyField(proto, parent, oneof, entry) as unknown as DescField;
}

export class LazyOneof implements DescOneof {
  readonly kind = "oneof";
  readonly deprecated = false;
  readonly fields: DescField[] = [];
  readonly name: string;
  readonly localName: string;
  readonly parent: DescMessage;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, parent: DescMessage) {
    let name = "";
    eachField(bytes, (field, reader) => {
      if (field !== 1) return false;
      name = reader.string();
      return true;
    });
    this.name = name;
    this.localName = safeObjectProperty(protoCamelCase(name));
    this.parent = parent;
    this.#bytes = bytes;
  }

  get proto() {
    return fromBinary(OneofDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `oneof ${this.parent.typeName}.${this.name}`;
  }
}
