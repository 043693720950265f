// What a cluster or listener makes a proxy ask for: endpoints, route configurations.

import { fromBinary, isMessage, type Message } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { unpackAny } from "../../src/xds/any.ts";
import { referencesOf } from "../../src/xds/references.ts";
import { RESOURCE_TYPES } from "../../src/xds/type-urls.ts";

/** `any`: bytes of a google.protobuf.Any. */
export function decodeResource(kind: "cds" | "lds", any: Uint8Array): readonly string[] {
  const { value } = fromBinary(AnySchema, any);
  if (kind === "cds") return referencesOf("cds", fromBinary(RESOURCE_TYPES.cds.schema, value));
  const names = new Set<string>();
  collectRoutes(fromBinary(RESOURCE_TYPES.lds.schema, value), names);
  return [...names];
}

function collectRoutes(value: unknown, into: Set<string>): void {
  if (isMessage(value, AnySchema)) collectRoutes(unpackAny(value), into);
  else if (Array.isArray(value)) for (const item of value) collectRoutes(item, into);
  else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    if ("routeConfigName" in value) into.add(String(value.routeConfigName));
    for (const field of Object.values(value as Message)) collectRoutes(field, into);
  }
}
