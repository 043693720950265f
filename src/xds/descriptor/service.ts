// Service descriptors: there are a handful, so they are built at once; only their messages are looked up late.

import type { DescFile, DescMethod, DescService } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { safeObjectProperty } from "@bufbuild/protobuf/reflect";
import { MethodDescriptorProtoSchema, ServiceDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { messageOf } from "./registry.ts";
import { eachField } from "./wire.ts";

class LazyMethod implements DescMethod {
  readonly kind = "rpc";
  readonly name: string;
  readonly localName: string;
  readonly parent: DescService;
  readonly methodKind: DescMethod["methodKind"];
  readonly idempotency = 0; // IDEMPOTENCY_UNKNOWN: Envoy declares none
  readonly deprecated = false;
  readonly #bytes: Uint8Array;
  readonly #input: string;
  readonly #output: string;

  constructor(bytes: Uint8Array, parent: DescService) {
    let name = "";
    let input = "";
    let output = "";
    let fromClient = false;
    let fromServer = false;
    eachField(bytes, (field, reader) => {
      if (field === 1) name = reader.string();
      else if (field === 2)
        input = reader.string().slice(1); // without the leading dot
      else if (field === 3) output = reader.string().slice(1);
      else if (field === 5) fromClient = reader.bool();
      else if (field === 6) fromServer = reader.bool();
      else return false;
      return true;
    });
    this.name = name;
    this.localName = safeObjectProperty(name.charAt(0).toLowerCase() + name.slice(1));
    this.parent = parent;
    this.methodKind = fromClient
      ? fromServer
        ? "bidi_streaming"
        : "client_streaming"
      : fromServer
        ? "server_streaming"
        : "unary";
    this.#bytes = bytes;
    this.#input = input;
    this.#output = output;
  }

  get input() {
    return messageOf(this.#input);
  }

  get output() {
    return messageOf(this.#output);
  }

  get proto() {
    return fromBinary(MethodDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `rpc ${this.parent.typeName}.${this.name}`;
  }
}

export class LazyService implements DescService {
  readonly kind = "service";
  readonly name: string;
  readonly typeName: string;
  readonly file: DescFile;
  readonly methods: DescMethod[] = [];
  readonly method: Record<string, DescMethod> = {};
  readonly deprecated = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, scope: string, file: DescFile) {
    const methods: Uint8Array[] = [];
    let name = "";
    eachField(bytes, (field, reader) => {
      if (field === 1) name = reader.string();
      else if (field === 2) methods.push(reader.bytes());
      else return false;
      return true;
    });
    this.name = name;
    this.typeName = `${scope}.${name}`;
    this.file = file;
    this.#bytes = bytes;
    for (const bytes of methods) {
      const method = new LazyMethod(bytes, this);
      this.methods.push(method);
      this.method[method.localName] = method;
    }
  }

  get proto() {
    return fromBinary(ServiceDescriptorProtoSchema, this.#bytes);
  }

  toString() {
    return `service ${this.typeName}`;
  }
}
