// One xDS resource as the control plane keeps and sends it: immutable, encoded once for all proxies, with a version made from its bytes.

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { canonical } from "./canonical.ts";
import type { VirtualHost } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { parseVirtualHostName } from "./names.ts";
import { referencesOf } from "./references.ts";
import { RESOURCE_TYPES, type ResourceKind, type ResourceMessage } from "./type-urls.ts";

export interface Resource {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Hash of `bytes`: the same content has the same version, on every replica and after every restart. */
  readonly version: string;
  readonly bytes: Uint8Array;
  /** Further names that a client may ask for it by: of a virtual host, `<route configuration>/<domain>`. */
  readonly aliases: readonly string[];
  /** What it needs: of listeners, routes and virtual hosts the names of clusters, of a cluster those of endpoints. */
  readonly references: readonly string[];
}

/** 64 bits of SHA-256: two versions of one resource meet with odds of 2⁻⁶⁴, and no one can write a route that hides behind another. */
export function contentVersion(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 16);
}

function aliasesOf(host: VirtualHost): readonly string[] {
  const route = parseVirtualHostName(host.name)?.route;
  if (route === undefined) return [];
  // Envoy asks for `<route configuration>/<Host header>`: a header is never a pattern.
  return host.domains.filter((domain) => !domain.includes("*")).map((domain) => `${route}/${domain}`);
}

/** The resource that holds `message`. Equal messages give equal bytes, whatever the order in which their maps were filled. */
export function encodeResource<Kind extends ResourceKind>(kind: Kind, message: ResourceMessage<Kind>): Resource {
  const type = RESOURCE_TYPES[kind];
  const nameOf = type.nameOf as (message: Message) => string;
  const bytes = toBinary(type.schema as DescMessage, canonical(message));
  return Object.freeze({
    kind,
    name: nameOf(message),
    version: contentVersion(bytes),
    bytes,
    aliases: kind === "vhds" ? aliasesOf(message as VirtualHost) : [],
    references: referencesOf(kind, message),
  });
}

/** The resource whose message has these bytes already, in the order of its fields and its maps' keys. It refers to nothing. */
export function resourceOfBytes(kind: "eds", name: string, bytes: Uint8Array): Resource {
  return Object.freeze({ kind, name, version: contentVersion(bytes), bytes, aliases: [], references: [] });
}

/** The message in a resource's bytes. Throws when they are not such a message. */
export function decodeResource<Kind extends ResourceKind>(kind: Kind, bytes: Uint8Array): ResourceMessage<Kind> {
  return fromBinary(RESOURCE_TYPES[kind].schema as DescMessage, bytes) as ResourceMessage<Kind>;
}
