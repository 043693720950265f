// The kinds that have definitions, JSON schemas and pages: all custom resources that a dialect reads.

import type { KindTable } from "../dialect/dialect.ts";
import { DIALECTS } from "../dialect/readers.ts";
import type { RecordSchema } from "../dialect/schema.ts";
import { type ResourceType, resourceByKind } from "../kube/resources.ts";
import { AUTHORIZATION_POLICY } from "./words/authorization-policy.ts";
import { DESTINATION_RULE } from "./words/destination-rule.ts";
import { ENVOY_FILTER } from "./words/envoy-filter.ts";
import { TRAFFIC_EXTENSION, WASM_PLUGIN } from "./words/extensions.ts";
import { GATEWAY } from "./words/gateway.ts";
import { PEER_AUTHENTICATION } from "./words/peer-authentication.ts";
import { PROXY_CONFIG } from "./words/proxy-config.ts";
import { REQUEST_AUTHENTICATION } from "./words/request-authentication.ts";
import { SERVICE_ENTRY } from "./words/service-entry.ts";
import { SHARED } from "./words/shared.ts";
import { SIDECAR } from "./words/sidecar.ts";
import { TELEMETRY } from "./words/telemetry.ts";
import { VIRTUAL_SERVICE } from "./words/virtual-service.ts";
import { WORKLOAD_ENTRY, WORKLOAD_GROUP } from "./words/workloads.ts";
import { type KindWords, type WordsByPath, wordsOn } from "./words.ts";

/** By kind; a kind that is missing here is described by its name alone, and a test says so. */
export const WORDS: Readonly<Record<string, KindWords>> = {
  AuthorizationPolicy: AUTHORIZATION_POLICY,
  DestinationRule: DESTINATION_RULE,
  EnvoyFilter: ENVOY_FILTER,
  Gateway: GATEWAY,
  PeerAuthentication: PEER_AUTHENTICATION,
  ProxyConfig: PROXY_CONFIG,
  RequestAuthentication: REQUEST_AUTHENTICATION,
  ServiceEntry: SERVICE_ENTRY,
  Sidecar: SIDECAR,
  Telemetry: TELEMETRY,
  TrafficExtension: TRAFFIC_EXTENSION,
  VirtualService: VIRTUAL_SERVICE,
  WasmPlugin: WASM_PLUGIN,
  WorkloadEntry: WORKLOAD_ENTRY,
  WorkloadGroup: WORKLOAD_GROUP,
};

export interface ReferenceKind {
  readonly type: ResourceType;
  readonly table: KindTable;
  readonly about: string;
  readonly proxies: string;
  readonly example: string;
  readonly words: WordsByPath;
}

function referenceKind(table: KindTable): readonly ReferenceKind[] {
  const type = resourceByKind(table.group, table.kind);
  if (!type || type.builtIn) return [];
  const said = WORDS[table.kind];
  return [
    {
      type,
      table,
      about: said?.about ?? `${table.kind} of ${table.group}`,
      proxies: said?.proxies ?? "",
      example: said?.example ?? "",
      words: (path) => wordsOn(path, said?.fields ?? {}, SHARED),
    },
  ];
}

/** In the order of their groups and names. */
export const REFERENCE_KINDS: readonly ReferenceKind[] = DIALECTS.flatMap(({ kinds }) => kinds)
  .flatMap(referenceKind)
  .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));

function keyOf({ type }: ReferenceKind): string {
  return `${type.group}/${type.kind}`;
}

/** The record that a kind's `spec` or `status` is. */
export function partOf({ table }: ReferenceKind, part: "spec" | "status"): RecordSchema | undefined {
  const schema = table.schema.fields[part];
  return schema?.type === "record" ? schema : undefined;
}
