// What a field's type name refers to: every message and enum of the imported files, by full name.

import type { DescEnum, DescFile, DescMessage } from "@bufbuild/protobuf";

const types = new Map<string, DescMessage | DescEnum>();
const files = new Set<DescFile>();

export function register(type: DescMessage | DescEnum): void {
  types.set(type.typeName, type);
}

/** Adds the types of a file that protobuf-es hydrated: the well-known types, which generated files import from the library. */
export function registerFile(file: DescFile): void {
  if (files.has(file)) return;
  files.add(file);
  for (const type of file.enums) register(type);
  for (const message of file.messages) registerNested(message);
}

function registerNested(message: DescMessage): void {
  register(message);
  for (const type of message.nestedEnums) register(type);
  for (const nested of message.nestedMessages) registerNested(nested);
}

/** The message called `typeName`; a generated file that lacks one of its imports is a fault of the generator. */
export function messageOf(typeName: string): DescMessage {
  const type = types.get(typeName);
  if (type?.kind !== "message") throw new Error(`no message ${typeName} in the imported descriptors`);
  return type;
}

export function enumOf(typeName: string): DescEnum {
  const type = types.get(typeName);
  if (type?.kind !== "enum") throw new Error(`no enum ${typeName} in the imported descriptors`);
  return type;
}
