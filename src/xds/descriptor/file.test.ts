import { describe, expect, test } from "bun:test";
import type { AnyDesc, DescEnum, DescField, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { type DescriptorProto, type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Glob } from "bun";

const GEN = `${import.meta.dir}/../gen`;

async function generatedFiles(): Promise<DescFile[]> {
  const files: DescFile[] = [];
  for (const path of new Glob("**/*_pb.ts").scanSync(GEN)) {
    const module = (await import(`${GEN}/${path}`)) as Record<string, unknown>;
    const name = Object.keys(module).find((key) => key.startsWith("file_"))!;
    files.push(module[name] as DescFile);
  }
  return files;
}

/** Dependencies first, the library's well-known types included. */
function inOrder(files: readonly DescFile[]): DescFile[] {
  const seen = new Set<DescFile>();
  const visit = (file: DescFile): void => {
    if (seen.has(file)) return;
    for (const dependency of file.dependencies) visit(dependency);
    seen.add(file);
  };
  for (const file of files) visit(file);
  return [...seen];
}

/** Embedded descriptors leave out JSON names that follow from the field's name; the library's own fileDesc puts them back like this. */
function restoreJsonNames(message: DescriptorProto): void {
  for (const field of message.field) field.jsonName ||= protoCamelCase(field.name);
  message.nestedType.forEach(restoreJsonNames);
}

/** The descriptor set as protobuf-es itself would hydrate it. */
function hydratedByLibrary(files: readonly DescFile[]) {
  const protos: FileDescriptorProto[] = inOrder(files).map((file) => ({
    ...file.proto,
    dependency: file.dependencies.map((d) => d.proto.name),
  }));
  for (const proto of protos) proto.messageType.forEach(restoreJsonNames);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: protos }));
}

const nameOf = (desc: AnyDesc | undefined): string | undefined => desc && String(desc);

function plainField(field: DescField) {
  return {
    text: String(field),
    kind: field.kind,
    name: field.name,
    number: field.number,
    localName: field.localName,
    jsonName: field.jsonName,
    parent: nameOf(field.parent),
    oneof: nameOf(field.oneof),
    presence: field.presence,
    utf8Validation: field.utf8Validation,
    deprecated: field.deprecated,
    fieldKind: field.fieldKind,
    scalar: field.scalar,
    message: nameOf(field.message),
    enum: nameOf(field.enum),
    listKind: field.fieldKind === "list" ? field.listKind : undefined,
    packed: field.fieldKind === "list" ? field.packed : undefined,
    mapKind: field.fieldKind === "map" ? field.mapKind : undefined,
    mapKey: field.fieldKind === "map" ? field.mapKey : undefined,
    longAsString: "longAsString" in field && field.longAsString,
    delimited: "delimitedEncoding" in field && field.delimitedEncoding,
    default: "getDefaultValue" in field ? field.getDefaultValue?.() : undefined,
  };
}

function plainEnum(type: DescEnum) {
  const { kind, name, typeName, open, sharedPrefix, deprecated } = type;
  const values = type.values.map((value) => ({
    ...{ text: String(value), kind: value.kind, name: value.name, localName: value.localName, number: value.number },
    ...{ jsonName: value.jsonName, deprecated: value.deprecated, first: type.value[value.number]?.name },
  }));
  return {
    text: String(type),
    kind,
    name,
    typeName,
    open,
    sharedPrefix,
    deprecated,
    parent: nameOf(type.parent),
    values,
  };
}

function plainMessage(message: DescMessage): unknown {
  const { kind, name, typeName, deprecated } = message;
  return {
    ...{
      text: String(message),
      kind,
      name,
      typeName,
      deprecated,
      file: String(message.file),
      parent: nameOf(message.parent),
    },
    fields: message.fields.map(plainField),
    byName: Object.fromEntries(Object.entries(message.field).map(([key, field]) => [key, String(field)])),
    oneofs: message.oneofs.map((oneof) => ({
      text: String(oneof),
      name: oneof.localName,
      fields: oneof.fields.map(nameOf),
    })),
    members: message.members.map(nameOf),
    enums: message.nestedEnums.map(plainEnum),
    messages: message.nestedMessages.map(plainMessage),
  };
}

function plainService(service: DescService) {
  const methods = service.methods.map((method) => ({
    ...{
      text: String(method),
      kind: method.kind,
      name: method.name,
      localName: method.localName,
      methodKind: method.methodKind,
    },
    ...{
      input: nameOf(method.input),
      output: nameOf(method.output),
      deprecated: method.deprecated,
      idempotency: method.idempotency,
    },
  }));
  return {
    text: String(service),
    name: service.name,
    typeName: service.typeName,
    methods,
    byName: Object.keys(service.method),
  };
}

function plainFile(file: DescFile) {
  const { kind, name, edition, deprecated } = file;
  return {
    ...{ text: String(file), kind, name, edition, deprecated, dependencies: file.dependencies.map(String) },
    enums: file.enums.map(plainEnum),
    messages: file.messages.map(plainMessage),
    services: file.services.map(plainService),
  };
}

describe("lazy descriptors", async () => {
  const files = await generatedFiles();
  const library = hydratedByLibrary(files);

  test("say of every generated file what protobuf-es says of it", () => {
    expect(files.length).toBeGreaterThan(100);
    for (const file of files) {
      const expected = library.getFile(file.proto.name);
      expect(plainFile(file)).toEqual(plainFile(expected!));
    }
  });

  test("cover only proto3 files without extensions", () => {
    for (const file of files) {
      expect(file.proto.syntax).toBe("proto3");
      expect(file.proto.extension).toEqual([]);
    }
  });
});
