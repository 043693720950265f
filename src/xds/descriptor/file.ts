// What generated files call. protobuf-es hydrates every descriptor of every imported file at start: for Envoy's API that is 150 ms and
// 17 MB before the first message is decoded, more than a sidecar may take for everything. Here importing costs the messages' names, and
// a message's fields follow when something first encodes or decodes it. scripts/generate.ts points src/xds/gen at this module instead of
// @bufbuild/protobuf/codegenv2; the functions have that module's names and meaning, for proto3 without extensions.

import type { DescEnum, DescFile, DescMessage, DescService, Message } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import type { GenEnum, GenMessage, GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { LazyEnum } from "./enum.ts";
import { LazyMessage } from "./message.ts";
import { register, registerFile } from "./registry.ts";
import { LazyService } from "./service.ts";
import { eachField } from "./wire.ts";

const PROTO3: DescFile["edition"] = 999; // google.protobuf.Edition.EDITION_PROTO3

class LazyFile implements DescFile {
  readonly kind = "file";
  readonly edition = PROTO3;
  readonly name: string;
  readonly dependencies: DescFile[];
  readonly enums: DescEnum[] = [];
  readonly messages: DescMessage[] = [];
  readonly extensions: [] = [];
  readonly services: DescService[] = [];
  readonly deprecated = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, dependencies: readonly DescFile[]) {
    let name = "";
    let scope = "";
    eachField(bytes, (field, reader) => {
      // The compiler writes fields in the order of their numbers: name and package before what is declared in them.
      if (field === 1) name = reader.string().replace(/\.proto$/, "");
      else if (field === 2) scope = reader.string();
      else if (field === 4) this.messages.push(new LazyMessage(reader.bytes(), scope, this, undefined));
      else if (field === 5) this.enums.push(new LazyEnum(reader.bytes(), scope, this, undefined));
      else if (field === 6) this.services.push(new LazyService(reader.bytes(), scope, this));
      else return false;
      return true;
    });
    this.name = name;
    this.dependencies = [...dependencies];
    this.#bytes = bytes;
    for (const type of this.enums) register(type);
    for (const dependency of dependencies) if (!(dependency instanceof LazyFile)) registerFile(dependency);
  }

  get proto() {
    return fromBinary(FileDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `file ${this.name}.proto`;
  }
}

/** The file whose FileDescriptorProto is `base64`. */
export function fileDesc(base64: string, dependencies: readonly DescFile[] = []): DescFile {
  return new LazyFile(Uint8Array.fromBase64(base64), dependencies);
}

function messageAt(file: DescFile, path: readonly number[]): DescMessage {
  return path.slice(1).reduce((message, index) => message.nestedMessages[index]!, file.messages[path[0]!]!);
}

/** The message at `path`: its index in the file, then its index in each message around it. */
export function messageDesc<Shape extends Message>(file: DescFile, ...path: readonly number[]): GenMessage<Shape> {
  return messageAt(file, path) as GenMessage<Shape>;
}

/** The enum at `path`; all numbers but the last are messages. */
export function enumDesc<Shape extends number>(file: DescFile, ...path: readonly number[]): GenEnum<Shape> {
  const index = path.at(-1)!;
  const found = path.length === 1 ? file.enums[index] : messageAt(file, path.slice(0, -1)).nestedEnums[index];
  return found as GenEnum<Shape>;
}

export function serviceDesc<Shape extends GenServiceMethods>(file: DescFile, index: number): GenService<Shape> {
  return file.services[index] as unknown as GenService<Shape>;
}
