// What EnvoyFilters make of the bootstrap. Loaded where there is one: the messages of Envoy alone are many.

import { fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { mergeMessage, written } from "../xds/merge.ts";
import type { BootstrapPatch } from "./sidecar.ts";

/** @throws Error when a patch is no Bootstrap. */
export function patchedBootstrap(bootstrap: object, patches: readonly BootstrapPatch[]): object {
  const registry = envoyRegistry();
  const merged = fromJson(BootstrapSchema, bootstrap as JsonObject, { registry });
  for (const { json, replacesLists } of patches) {
    const patch = written(BootstrapSchema, JSON.parse(json) as JsonValue);
    mergeMessage(BootstrapSchema, merged, patch, replacesLists ? "are replaced" : "grow");
  }
  return toJson(BootstrapSchema, merged, { registry, useProtoFieldName: true }) as JsonObject;
}
