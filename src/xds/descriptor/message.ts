// Message descriptors: names at once, so that others can refer to them; fields, oneofs and members when first asked for.

import type { DescEnum, DescField, DescFile, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { DescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { LazyEnum } from "./enum.ts";
import { FieldProto, fieldDesc, LazyOneof, type MapEntry } from "./field.ts";
import { register } from "./registry.ts";
import { DEPRECATED, eachField, option } from "./wire.ts";

const MAP_ENTRY = 7; // MessageOptions.map_entry

interface Body {
  readonly fields: DescField[];
  readonly field: Record<string, DescField>;
  readonly oneofs: DescOneof[];
  readonly members: (DescField | DescOneof)[];
}

export class LazyMessage implements DescMessage {
  readonly kind = "message";
  readonly name: string;
  readonly typeName: string;
  readonly file: DescFile;
  readonly parent: DescMessage | undefined;
  readonly nestedEnums: DescEnum[] = [];
  readonly nestedMessages: DescMessage[] = [];
  readonly nestedExtensions: [] = [];
  readonly deprecated: boolean;
  /** The compiler declares a map field as a list of a nested message: such a message is no type of its own. */
  readonly isMapEntry: boolean;
  readonly #bytes: Uint8Array;
  readonly #mapEntries = new Map<string, Uint8Array>();
  #body: Body | undefined;

  constructor(bytes: Uint8Array, scope: string, file: DescFile, parent: DescMessage | undefined) {
    const enums: Uint8Array[] = [];
    const messages: Uint8Array[] = [];
    let name = "";
    let options: Uint8Array | undefined;
    eachField(bytes, (field, reader) => {
      if (field === 1) name = reader.string();
      else if (field === 3) messages.push(reader.bytes());
      else if (field === 4) enums.push(reader.bytes());
      else if (field === 7) options = reader.bytes();
      else return false;
      return true;
    });
    this.name = name;
    this.typeName = `${scope}.${name}`;
    this.file = file;
    this.parent = parent;
    this.deprecated = option(options, DEPRECATED);
    this.isMapEntry = option(options, MAP_ENTRY);
    this.#bytes = bytes;
    for (const bytes of enums) this.nestedEnums.push(new LazyEnum(bytes, this.typeName, file, this));
    for (const type of this.nestedEnums) register(type);
    for (const bytes of messages) {
      const nested = new LazyMessage(bytes, this.typeName, file, this);
      if (nested.isMapEntry) this.#mapEntries.set(nested.typeName, bytes);
      else this.nestedMessages.push(nested);
    }
    if (!this.isMapEntry) register(this);
  }

  get fields() {
    return this.#hydrate().fields;
  }

  get field() {
    return this.#hydrate().field;
  }

  get oneofs() {
    return this.#hydrate().oneofs;
  }

  get members() {
    return this.#hydrate().members;
  }

  get proto() {
    return fromBinary(DescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `message ${this.typeName}`;
  }

  #hydrate(): Body {
    if (this.#body) return this.#body;
    const protos: FieldProto[] = [];
    const oneofs: LazyOneof[] = [];
    eachField(this.#bytes, (field, reader) => {
      if (field === 2) protos.push(new FieldProto(reader.bytes()));
      else if (field === 8) oneofs.push(new LazyOneof(reader.bytes(), this));
      else return false;
      return true;
    });
    const body: Body = { fields: [], field: {}, oneofs: [], members: [] };
    for (const proto of protos) {
      // protoc wraps each proto3 `optional` in a oneof of its own, which is not one of the author's.
      const oneof = proto.oneofIndex === undefined || proto.optional ? undefined : oneofs[proto.oneofIndex];
      const field = fieldDesc(proto, this, oneof, this.#mapEntry(proto));
      body.fields.push(field);
      body.field[field.localName] = field;
      if (!oneof) body.members.push(field);
      else if (oneof.fields.push(field) === 1) body.members.push(oneof);
    }
    for (const oneof of oneofs) if (oneof.fields.length > 0) body.oneofs.push(oneof);
    this.#body = body;
    return body;
  }

  #mapEntry(proto: FieldProto): MapEntry | undefined {
    const bytes = this.#mapEntries.get(proto.typeName);
    if (!bytes) return undefined;
    const fields = new Map<number, FieldProto>();
    eachField(bytes, (field, reader) => {
      if (field !== 2) return false;
      const member = new FieldProto(reader.bytes());
      fields.set(member.number, member);
      return true;
    });
    return { key: fields.get(1)!, value: fields.get(2)! };
  }
}
