// Bodies in Kubernetes' protobuf. Typed Go clients since client-go 0.32, and with them `kubectl create namespace`, write the
// built-in kinds in no other form. Answers are JSON, which they accept.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type ParsedJson, parseJsonText } from "../../base/json-text.ts";
import type { Json, JsonObject } from "../json.ts";
import { ENVELOPE, type Field, type FieldType, MESSAGES, type Message } from "./protobuf-messages.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** "k8s" and a zero byte stand before the envelope. */
const MAGIC = Buffer.from("k8s\0", "latin1");

class Refusal extends Error {}

function fraction(nanos: number, digits: number): string {
  return digits === 0 ? "" : `.${String(Math.trunc(nanos / 10 ** (9 - digits))).padStart(digits, "0")}`;
}

/** Seconds and nanoseconds since 1970 as RFC 3339; an empty message is a time that is not set. */
function readTime(bytes: Uint8Array, digits: number): Json | undefined {
  const reader = new BinaryReader(bytes);
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) seconds = Number(reader.int64());
    else if (field === 2) nanos = reader.int32();
    else throw new Refusal(`field ${field} of a time is not known`);
  }
  const date = new Date(seconds * 1_000);
  if (bytes.length === 0 || Number.isNaN(date.getTime())) return undefined;
  return `${date.toISOString().slice(0, 19)}${fraction(nanos, digits)}Z`;
}

function readIntOrString(bytes: Uint8Array): Json | undefined {
  const reader = new BinaryReader(bytes);
  let isString = false;
  let number = 0;
  let text = "";
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) isString = Number(reader.int64()) === 1;
    else if (field === 2) number = reader.int32();
    else if (field === 3) text = reader.string();
    else throw new Refusal(`field ${field} of an int-or-string is not known`);
  }
  return isString ? text || undefined : number || undefined;
}

function readJson(bytes: Uint8Array): Json | undefined {
  // FieldsV1: a message whose only field is JSON text.
  const reader = new BinaryReader(bytes);
  if (reader.len === 0) return undefined;
  reader.tag();
  const parsed = parseJsonText(new TextDecoder().decode(reader.bytes()));
  if (parsed.kind === "error") throw new Refusal(parsed.message);
  return parsed.value as Json;
}

/**
 * One value; undefined for what Go writes although it was not set: empty texts, zeros, empty times. Booleans are kept, for a
 * false that was not set means the same.
 */
function readValue(reader: BinaryReader, type: FieldType): Json | undefined {
  switch (type) {
    case "string":
      return reader.string() || undefined;
    case "int": {
      const value = Number(reader.int64());
      if (!Number.isSafeInteger(value)) throw new Refusal(`integer ${value} cannot be kept exactly`);
      return value || undefined;
    }
    case "bool":
      return reader.bool();
    case "base64":
      return Buffer.from(reader.bytes()).toString("base64");
    case "json":
      return readJson(reader.bytes());
    case "time":
      return readTime(reader.bytes(), 0);
    case "microTime":
      return readTime(reader.bytes(), 6);
    case "intOrString":
      return readIntOrString(reader.bytes());
    default:
      return readMessage(new BinaryReader(reader.bytes()), type);
  }
}

/** A map's entry is a message of a key and a value; an absent value is an empty one. */
function readEntry(bytes: Uint8Array, type: FieldType): readonly [string, Json] {
  const reader = new BinaryReader(bytes);
  let key = "";
  let value: Json = "";
  while (reader.pos < reader.len) {
    const [field] = reader.tag();
    if (field === 1) key = reader.string();
    else if (field === 2) value = readValue(reader, type) ?? "";
    else throw new Refusal(`field ${field} of a map's entry is not known`);
  }
  return [key, value];
}

const VARINTS: readonly FieldType[] = ["int", "bool"];

function readField(reader: BinaryReader, field: Field, wire: WireType, fields: Map<string, Json>): void {
  const { name, type, repeated } = field;
  const expected = VARINTS.includes(type) ? WireType.Varint : WireType.LengthDelimited;
  if (wire !== expected) throw new Refusal(`the field ${name} has the wrong wire type`);
  if (repeated === "map") {
    const [key, value] = readEntry(reader.bytes(), type);
    const entries = new Map(Object.entries((fields.get(name) ?? {}) as JsonObject));
    fields.set(name, Object.fromEntries(entries.set(key, value)));
    return;
  }
  const value = readValue(reader, type);
  if (repeated === "list") fields.set(name, [...((fields.get(name) ?? []) as readonly Json[]), value ?? ""]);
  else if (value !== undefined) fields.set(name, value);
}

function readMessage(reader: BinaryReader, message: Message): JsonObject {
  const fields = new Map<string, Json>();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = message.fields.get(number);
    // Dropping what is not known would lose it in silence.
    if (!field) throw new Refusal(`the field number ${number} is not known here: send the object as JSON`);
    readField(reader, field, wire, fields);
  }
  return Object.fromEntries(fields);
}

/** Whether a kind can be read from protobuf. */
export function hasProtobuf(kind: string): boolean {
  return MESSAGES.has(kind);
}

/** The object in a protobuf body, as the JSON that means the same. */
export function parseProtobuf(bytes: Uint8Array): ParsedJson {
  try {
    if (!MAGIC.equals(bytes.subarray(0, MAGIC.length)))
      return { kind: "error", message: "the body does not begin with the protobuf magic" };
    const { typeMeta, raw, contentEncoding } = readMessage(new BinaryReader(bytes.subarray(MAGIC.length)), ENVELOPE);
    const { apiVersion, kind } = (typeMeta ?? {}) as { readonly [key: string]: Json | undefined };
    const message = MESSAGES.get(String(kind));
    if (!message || contentEncoding !== undefined) {
      return { kind: "error", message: `a ${kind} cannot be read from protobuf here: send it as JSON` };
    }
    const body = readMessage(new BinaryReader(Buffer.from(String(raw ?? ""), "base64")), message);
    return { kind: "ok", value: { apiVersion: apiVersion ?? "", kind: String(kind), ...body }, duplicates: [] };
  } catch (error) {
    // BinaryReader throws RangeError and Error for bytes that are cut off or no varint.
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}
