// Secrets made unreadable before a message is shown: the fields that Envoy's API marks as sensitive (udpa.annotations.sensitive).

import { type DescField, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { configRegistry } from "./config-registry.ts";

/** Envoy's word. */
const REDACTED = "[redacted]";
const REDACTED_BYTES = new TextEncoder().encode(REDACTED);

const TLS = "envoy.extensions.transport_sockets.tls.v3";
const SENSITIVE: ReadonlySet<string> = new Set([
  `${TLS}.TlsCertificate.private_key`,
  `${TLS}.TlsCertificate.pkcs12`,
  `${TLS}.TlsCertificate.password`,
  `${TLS}.TlsSessionTicketKeys.keys`,
  `${TLS}.GenericSecret.secret`,
  `${TLS}.GenericSecret.secrets`,
  `${TLS}.PrivateKeyProvider.typed_config`,
]);

/** How deep messages are looked into: a configuration has 20 levels, and a mistake must not cost the stack. */
const MAX_DEPTH = 64;

function isSensitive(field: DescField): boolean {
  return SENSITIVE.has(`${field.parent.typeName}.${field.name}`);
}

function redactedScalar(value: unknown): unknown {
  if (typeof value === "string") return value === "" ? value : REDACTED;
  return value instanceof Uint8Array ? REDACTED_BYTES : value;
}

/** What the bytes of an Any hold, redacted; one of a type that Heddle does not know shows its type alone. */
function redactAny(any: Any, hide: boolean, depth: number): void {
  const schema = configRegistry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1));
  if (!schema) {
    any.typeUrl = `type.googleapis.com/${unknownSchema.typeName}`;
    any.value = new Uint8Array();
    return;
  }
  let message: Message;
  try {
    message = fromBinary(schema, any.value);
  } catch {
    any.value = new Uint8Array();
    return;
  }
  walk(reflect(schema, message), hide, depth + 1);
  any.value = toBinary(schema, message);
}

const unknownSchema: DescMessage = configRegistry.getMessage("google.protobuf.Empty")!;

function redactMessage(message: ReflectMessage, hide: boolean, depth: number): void {
  if (message.desc.typeName === AnySchema.typeName) redactAny(message.message as Any, hide, depth);
  else walk(message, hide, depth + 1);
}

function walkField(message: ReflectMessage, field: DescField, hide: boolean, depth: number): void {
  switch (field.fieldKind) {
    case "message":
      redactMessage(message.get(field), hide, depth);
      return;
    case "list":
      for (const [i, item] of [...message.get(field)].entries()) {
        if (field.listKind === "message") redactMessage(item as ReflectMessage, hide, depth);
        else if (hide) message.get(field).set(i, redactedScalar(item));
      }
      return;
    case "map":
      for (const [key, item] of [...message.get(field)]) {
        if (field.mapKind === "message") redactMessage(item as ReflectMessage, hide, depth);
        else if (hide) message.get(field).set(key as never, redactedScalar(item) as never);
      }
      return;
    case "scalar":
      if (hide) message.set(field, redactedScalar(message.get(field)) as never);
      return;
    case "enum":
  }
}

function walk(message: ReflectMessage, hide: boolean, depth: number): void {
  if (depth > MAX_DEPTH) return;
  for (const field of message.fields)
    if (message.isSet(field)) walkField(message, field, hide || isSensitive(field), depth);
}

/** Redacts `message` in place: it must be one that was decoded for showing. */
export function redact(schema: DescMessage, message: Message): void {
  walk(reflect(schema, message), false, 0);
}
