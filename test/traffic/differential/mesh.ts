// A whole mesh in Istio's dialect: what is in every one of them, and what is generated.

import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { policies } from "./policies.ts";
import { virtualServices } from "./routes.ts";

/** Addresses that the placement knows again. */
export const GOLDEN_ADDRESS = "10.1.0.1";
export const SILVER_ADDRESS = "10.1.0.3";
export const CLIENT_ADDRESS = "10.1.0.9";

export interface GeneratedMesh {
  /** Beside those that every mesh has. */
  readonly objects: readonly JsonObject[];
}

function pod(
  name: string,
  podIP: string,
  serviceAccountName: string,
  labels: JsonObject,
  annotations: JsonObject = {},
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels, annotations },
    spec: { serviceAccountName, containers: [{ name: "app", image: "app", ports: [{ containerPort: 8080 }] }] },
    status: { podIP, phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  };
}

function service(name: string, clusterIP: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { selector: { app: name }, clusterIP, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}

const SETTINGS: readonly JsonObject[] = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n" },
  },
];

/** The certificates of the laboratory are those of the service accounts `client` and `server`. */
function workloads(kind: ProxyKind): readonly JsonObject[] {
  const proxy = { "heddle.dev/proxy": kind };
  const client = { ...proxy, "heddle.dev/forward-proxy-port": "15080" };
  return [
    pod("client", CLIENT_ADDRESS, "client", { app: "client" }, client),
    pod("edge", "10.1.0.8", "client", { istio: "edge" }, { ...proxy, "heddle.dev/gateway": "true" }),
    pod("golden-v1", GOLDEN_ADDRESS, "server", { app: "golden", version: "v1" }, proxy),
    pod("golden-v2", "10.1.0.2", "server", { app: "golden", version: "v2" }, proxy),
    pod("silver", SILVER_ADDRESS, "server", { app: "silver" }),
  ];
}

const SUBSETS: JsonObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: { name: "golden", namespace: "default" },
  spec: {
    host: "golden",
    subsets: [
      { name: "v1", labels: { version: "v1" } },
      { name: "v2", labels: { version: "v2" } },
    ],
  },
};

const GATEWAY: JsonObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "Gateway",
  metadata: { name: "edge", namespace: "default" },
  spec: {
    selector: { istio: "edge" },
    servers: [
      { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["shop.test", "*.wild.test", "golden.test"] },
    ],
  },
};

export function objectsOf({ objects }: GeneratedMesh, kind: ProxyKind): readonly JsonObject[] {
  const services = [service("golden", "10.0.0.1"), service("silver", "10.0.0.2")];
  return [...SETTINGS, ...services, ...workloads(kind), SUBSETS, GATEWAY, ...objects];
}

export const anyMesh: fc.Arbitrary<GeneratedMesh> = fc
  .tuple(virtualServices, policies)
  .map(([routes, rules]) => ({ objects: [...routes, ...rules] }));
