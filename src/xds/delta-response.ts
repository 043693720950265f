// A delta response as the server's state machine makes it, and its bytes. The same resource goes to a thousand proxies: its part of a
// response is encoded once and copied from then on.

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource } from "./resource.ts";
import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";

export interface SentResource {
  readonly name: string;
  /** The names it was asked for by, if they are not its own. */
  readonly aliases: readonly string[];
  /** Undefined for a virtual host that was asked for on demand and does not exist: Envoy waits for a resource of that alias. */
  readonly resource: Resource | undefined;
  /** The field of the response that holds it. Not to be changed: it is of all clients. */
  readonly encoded: Uint8Array;
}

export interface DeltaResponse {
  readonly kind: ResourceKind;
  readonly nonce: string;
  /** The snapshot's version; for people. */
  readonly systemVersion: string;
  readonly resources: readonly SentResource[];
  /** Their fields in fewer pieces, where many clients get the same. */
  readonly encoded?: readonly Uint8Array[];
  readonly removed: readonly string[];
}

// Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse, its Resource, and google.protobuf.Any.
const RESPONSE = { systemVersion: 1, resources: 2, typeUrl: 4, nonce: 5, removed: 6 } as const;
const RESOURCE = { version: 1, resource: 2, name: 3, aliases: 4 } as const;
const ANY = { typeUrl: 1, value: 2 } as const;

function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
}

function encodeSent(name: string, aliases: readonly string[], resource: Resource | undefined): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(RESPONSE.resources, WireType.LengthDelimited).fork();
  if (resource) {
    text(writer, RESOURCE.version, resource.version);
    writer.tag(RESOURCE.resource, WireType.LengthDelimited).fork();
    text(writer, ANY.typeUrl, RESOURCE_TYPES[resource.kind].typeUrl);
    writer.tag(ANY.value, WireType.LengthDelimited).bytes(resource.bytes).join();
  }
  text(writer, RESOURCE.name, name);
  for (const alias of aliases) text(writer, RESOURCE.aliases, alias);
  return writer.join().finish();
}

/** For the client that asked by these aliases. */
export function sentByAliases(name: string, aliases: readonly string[], resource: Resource | undefined): SentResource {
  return { name, aliases, resource, encoded: encodeSent(name, aliases, resource) };
}

const NO_ALIASES: readonly string[] = [];
const plain = new WeakMap<Resource, SentResource>();

/** For the clients that know it by its own name: one object for all of them. */
export function sentByName(resource: Resource): SentResource {
  const known = plain.get(resource);
  if (known) return known;
  const sent = sentByAliases(resource.name, NO_ALIASES, resource);
  plain.set(resource, sent);
  return sent;
}

/** The response as an envoy.service.discovery.v3.DeltaDiscoveryResponse. */
export function encodeDeltaResponse(response: DeltaResponse): Uint8Array {
  return Buffer.concat(deltaResponseParts(response));
}

/** The same in parts, most of which are of all clients: they are not to be changed. */
export function deltaResponseParts(response: DeltaResponse): readonly Uint8Array[] {
  const head = new BinaryWriter();
  text(head, RESPONSE.systemVersion, response.systemVersion);
  const tail = new BinaryWriter();
  text(tail, RESPONSE.typeUrl, RESOURCE_TYPES[response.kind].typeUrl);
  text(tail, RESPONSE.nonce, response.nonce);
  for (const name of response.removed) text(tail, RESPONSE.removed, name);
  const resources = response.encoded ?? response.resources.map(({ encoded }) => encoded);
  return [head.finish(), ...resources, tail.finish()];
}
