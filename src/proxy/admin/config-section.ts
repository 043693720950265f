// The parts of a dump: one for each kind of configuration, with lists whose elements are decoded when they are written.

import { type DescMessage, fromBinary, type MessageShape, toJson } from "@bufbuild/protobuf";
import { type Bootstrap, BootstrapSchema } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { TYPE_URL_PREFIX } from "../../xds/type-urls.ts";
import { configRegistry } from "./config-registry.ts";
import { redact } from "./redact.ts";
import type { AdminState } from "./state.ts";

export type JsonObject = { readonly [key: string]: unknown };

export interface SectionItem {
  readonly name: string;
  json(): JsonObject;
}

export interface SectionList {
  readonly field: string;
  /** Message of an element, below envoy.admin.v3. */
  readonly type: string;
  items(): Iterable<SectionItem>;
}

export interface Section {
  /** Message below envoy.admin.v3. */
  readonly type: string;
  /** Names of the fields that are no lists. */
  readonly fieldNames: readonly string[];
  fields(): JsonObject;
  readonly lists: readonly SectionList[];
}

export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** `message` with its secrets redacted, which changes it; with `@type`, as an Any shows it. */
export function shown<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  registry = configRegistry,
): JsonObject {
  return { "@type": TYPE_URL_PREFIX + schema.typeName, ...plain(schema, message, registry) };
}

export function plain<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  registry = configRegistry,
): JsonObject {
  redact(schema, message);
  return toJson(schema, message, { registry, useProtoFieldName: true }) as JsonObject;
}

/** `registry`: of what may be in an Any. */
export function shownBytes(schema: DescMessage, bytes: Uint8Array, registry = configRegistry): JsonObject {
  try {
    return shown(schema, fromBinary(schema, bytes), registry);
  } catch (thrown) {
    // A configuration that was refused may hold what JSON cannot say.
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return {
      "@type": "type.googleapis.com/google.protobuf.Struct",
      value: { not_shown: reason, bytes: bytes.length },
    };
  }
}

export function readBootstrap({ bootstrap }: AdminState): Bootstrap {
  return fromBinary(BootstrapSchema, bootstrap);
}

export function bootstrapSection(state: AdminState): Section {
  return {
    type: "BootstrapConfigDump",
    fieldNames: ["bootstrap", "last_updated"],
    fields: () => ({
      bootstrap: plain(BootstrapSchema, readBootstrap(state)),
      last_updated: timestamp(state.startedMs),
    }),
    lists: [],
  };
}
