// What Heddle's proxy reads from resource metadata; the rest is for people and tools and has no effect.

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Metadata } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { binaryText } from "../format/format.ts";
import { type FilterMetadata, NO_METADATA } from "../metadata.ts";
import type { Origin } from "../origin.ts";
import { Memo } from "./shared.ts";

/** Keys sorted and text as bytes, as operators of formats write it. */
function ordered(value: JsonValue): JsonValue {
  if (typeof value === "string") return binaryText(value);
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map(ordered) : orderedObject(value);
}

function orderedObject(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, ordered(object[key] ?? null)]),
  );
}

/** What operators of formats can ask for. */
export function readMetadata(metadata: Metadata | undefined): FilterMetadata {
  if (!metadata) return NO_METADATA;
  return metadatas.of(JSON.stringify(metadata.filterMetadata), () => orderedMetadata(metadata));
}

const metadatas = new Memo<FilterMetadata>();

function orderedMetadata(metadata: Metadata): FilterMetadata {
  return Object.fromEntries(
    Object.entries(metadata.filterMetadata).map(([namespace, struct]) => [namespace, orderedObject(struct)]),
  );
}

const origins = new Memo<Origin>();

/** `filter_metadata.istio.config`: the object that a resource came from. */
export function readOrigin(metadata: Metadata | undefined): Origin | undefined {
  const config = metadata?.filterMetadata.istio?.config;
  return typeof config === "string" ? origins.of(config, () => ({ config })) : undefined;
}

/** `filter_metadata.istio.workload` of an endpoint. */
export function readWorkload(metadata: Metadata | undefined): string {
  const workload = metadata?.filterMetadata.istio?.workload;
  return typeof workload === "string" ? workload : "";
}

/** `filter_metadata.istio.services[0]` of a cluster. */
export function readService(
  metadata: Metadata | undefined,
): { host: string; name: string; namespace: string } | undefined {
  const services = metadata?.filterMetadata.istio?.services;
  const first = Array.isArray(services) ? services[0] : undefined;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return undefined;
  const { host, name, namespace } = first;
  return typeof host === "string" && typeof name === "string" && typeof namespace === "string"
    ? { host, name, namespace }
    : undefined;
}

/** The string values of a metadata struct, as transport socket matches compare them. */
export function readStrings(struct: Readonly<Record<string, unknown>> | undefined): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(struct ?? {}).flatMap(([key, value]) => (typeof value === "string" ? [[key, value] as const] : [])),
  );
}

/** The namespace of metadata that balancing goes by. */
export const LB_METADATA = "envoy.lb";

/** The values of a metadata struct in JSON, which compare as Envoy's protobuf values do. */
export function readJson(struct: Readonly<Record<string, unknown>> | undefined): ReadonlyMap<string, string> {
  return new Map(Object.entries(struct ?? {}).map(([key, value]) => [key, JSON.stringify(value)]));
}

/** `filter_metadata["envoy.filters.listener.original_dst"].local`, `10.0.0.1:80` or `[::1]:80`, of an endpoint that is an internal listener. */
export function readDestination(
  metadata: Metadata | undefined,
): { readonly address: string; readonly port: number } | undefined {
  const local = metadata?.filterMetadata["envoy.filters.listener.original_dst"]?.local;
  const found = typeof local === "string" ? /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):(\d{1,5})$/.exec(local) : null;
  return found ? { address: (found[1] ?? found[2])!, port: Number(found[3]) } : undefined;
}
