// Istio's kinds: those that are read, and those that are known and not yet acted on.

import type { KindTable } from "../dialect.ts";
import { AUTHORIZATION_POLICY } from "./authorization-policy-schema.ts";
import { DESTINATION_RULE } from "./destination-rule-schema.ts";
import { ENVOY_FILTER } from "./envoy-filter-schema.ts";
import { TRAFFIC_EXTENSION, WASM_PLUGIN } from "./extension-schema.ts";
import { GATEWAY } from "./gateway-schema.ts";
import { MESH_CONFIG_MAP } from "./mesh-config-schema.ts";
import { PEER_AUTHENTICATION } from "./peer-authentication.ts";
import { PROXY_CONFIG_KIND } from "./proxy-config.ts";
import { REQUEST_AUTHENTICATION } from "./request-authentication.ts";
import { SERVICE_ENTRY } from "./service-entry-schema.ts";
import { SIDECAR } from "./sidecar-schema.ts";
import { TELEMETRY } from "./telemetry-schema.ts";
import { VIRTUAL_SERVICE } from "./virtual-service-schema.ts";
import { WORKLOAD_ENTRY, WORKLOAD_GROUP } from "./workload-entry-schema.ts";

const NETWORKING = "networking.istio.io";
const SECURITY = "security.istio.io";
const TELEMETRY_GROUP = "telemetry.istio.io";
const EXTENSIONS = "extensions.istio.io";

const NETWORKING_VERSIONS = ["v1", "v1beta1", "v1alpha3"];
const SECURITY_VERSIONS = ["v1", "v1beta1"];

export const KINDS: readonly KindTable[] = [
  { group: "", kind: "ConfigMap", versions: ["v1"], schema: MESH_CONFIG_MAP },
  { group: NETWORKING, kind: "DestinationRule", versions: NETWORKING_VERSIONS, schema: DESTINATION_RULE },
  { group: NETWORKING, kind: "EnvoyFilter", versions: ["v1alpha3"], schema: ENVOY_FILTER },
  { group: NETWORKING, kind: "Gateway", versions: NETWORKING_VERSIONS, schema: GATEWAY },
  { group: NETWORKING, kind: "ProxyConfig", versions: ["v1beta1"], schema: PROXY_CONFIG_KIND },
  { group: NETWORKING, kind: "ServiceEntry", versions: NETWORKING_VERSIONS, schema: SERVICE_ENTRY },
  { group: NETWORKING, kind: "Sidecar", versions: NETWORKING_VERSIONS, schema: SIDECAR },
  { group: NETWORKING, kind: "VirtualService", versions: NETWORKING_VERSIONS, schema: VIRTUAL_SERVICE },
  { group: NETWORKING, kind: "WorkloadEntry", versions: NETWORKING_VERSIONS, schema: WORKLOAD_ENTRY },
  { group: NETWORKING, kind: "WorkloadGroup", versions: NETWORKING_VERSIONS, schema: WORKLOAD_GROUP },
  { group: SECURITY, kind: "AuthorizationPolicy", versions: SECURITY_VERSIONS, schema: AUTHORIZATION_POLICY },
  { group: SECURITY, kind: "PeerAuthentication", versions: SECURITY_VERSIONS, schema: PEER_AUTHENTICATION },
  { group: SECURITY, kind: "RequestAuthentication", versions: SECURITY_VERSIONS, schema: REQUEST_AUTHENTICATION },
  { group: TELEMETRY_GROUP, kind: "Telemetry", versions: ["v1", "v1alpha1"], schema: TELEMETRY },
  { group: EXTENSIONS, kind: "TrafficExtension", versions: ["v1alpha1"], schema: TRAFFIC_EXTENSION },
  { group: EXTENSIONS, kind: "WasmPlugin", versions: ["v1alpha1"], schema: WASM_PLUGIN },
];
