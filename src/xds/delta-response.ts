// A delta response as the server's state machine makes it, and its bytes. The bytes are written by hand, because the same resource goes
// to a thousand proxies: a resource's own bytes are copied once, where building the message and encoding it copies them four times.

import type { Resource } from "./resource.ts";
import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";

export interface SentResource {
  readonly name: string;
  /** The names it was asked for by, if they are not its own. */
  readonly aliases: readonly string[];
  /** Undefined for a virtual host that was asked for on demand and does not exist: Envoy waits for a resource of that alias. */
  readonly resource: Resource | undefined;
}

export interface DeltaResponse {
  readonly kind: ResourceKind;
  readonly nonce: string;
  /** The snapshot's version; for people. */
  readonly systemVersion: string;
  readonly resources: readonly SentResource[];
  readonly removed: readonly string[];
}

// Tags of envoy.service.discovery.v3.DeltaDiscoveryResponse, .Resource and google.protobuf.Any: number << 3 | 2 (length-delimited).
const RESPONSE = { systemVersion: 0x0a, resources: 0x12, typeUrl: 0x22, nonce: 0x2a, removed: 0x32 } as const;
const RESOURCE = { version: 0x0a, resource: 0x12, name: 0x1a, aliases: 0x22 } as const;
const ANY = { typeUrl: 0x0a, value: 0x12 } as const;

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Bytes of a field whose value has `length` bytes: tag, length, value. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function textSize(text: string): number {
  return text === "" ? 0 : fieldSize(Buffer.byteLength(text));
}

function anySize({ kind, bytes }: Resource): number {
  return fieldSize(RESOURCE_TYPES[kind].typeUrl.length) + fieldSize(bytes.length);
}

function sentSize({ name, aliases, resource }: SentResource): number {
  const body = resource ? textSize(resource.version) + fieldSize(anySize(resource)) : 0;
  return textSize(name) + body + aliases.reduce((size, alias) => size + fieldSize(Buffer.byteLength(alias)), 0);
}

/** Bytes that one resource adds to a response. */
export function encodedSize(sent: SentResource): number {
  return fieldSize(sentSize(sent));
}

class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  header(tag: number, length: number): void {
    this.bytes[this.#at++] = tag;
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.bytes[this.#at++] = (rest & 0x7f) | 0x80;
    this.bytes[this.#at++] = rest;
  }

  text(tag: number, text: string): void {
    if (text === "") return;
    this.header(tag, Buffer.byteLength(text));
    this.#at += this.bytes.write(text, this.#at);
  }

  data(tag: number, data: Uint8Array): void {
    this.header(tag, data.length);
    this.bytes.set(data, this.#at);
    this.#at += data.length;
  }
}

function writeSent(writer: Writer, sent: SentResource): void {
  const { name, aliases, resource } = sent;
  writer.header(RESPONSE.resources, sentSize(sent));
  if (resource) {
    writer.text(RESOURCE.version, resource.version);
    writer.header(RESOURCE.resource, anySize(resource));
    writer.text(ANY.typeUrl, RESOURCE_TYPES[resource.kind].typeUrl);
    writer.data(ANY.value, resource.bytes);
  }
  writer.text(RESOURCE.name, name);
  for (const alias of aliases) writer.text(RESOURCE.aliases, alias);
}

/** The response as an envoy.service.discovery.v3.DeltaDiscoveryResponse. */
export function encodeDeltaResponse(response: DeltaResponse): Uint8Array {
  const { typeUrl } = RESOURCE_TYPES[response.kind];
  let size = textSize(response.systemVersion) + textSize(typeUrl) + textSize(response.nonce);
  for (const sent of response.resources) size += encodedSize(sent);
  for (const name of response.removed) size += textSize(name);
  const writer = new Writer(size);
  writer.text(RESPONSE.systemVersion, response.systemVersion);
  for (const sent of response.resources) writeSent(writer, sent);
  writer.text(RESPONSE.typeUrl, typeUrl);
  writer.text(RESPONSE.nonce, response.nonce);
  for (const name of response.removed) writer.text(RESPONSE.removed, name);
  return writer.bytes;
}
