// A mesh of any size as objects of Kubernetes and Istio: what a control plane is measured with.

import { type JsonObject, type SourceObject, sourceObject } from "../../src/dialect/object.ts";

export interface MeshSize {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
  /** How many of all endpoints have a proxy. */
  readonly proxies: number;
}

/** A namespace has so many services. */
const SERVICES_A_NAMESPACE = 20;
/** One service in so many has a VirtualService and a DestinationRule with two subsets. */
const ROUTED = 10;
const CREATED = "2026-01-01T00:00:00Z";

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
}

function serviceName(service: number): string {
  return `service-${service}`;
}

function namespaceOf({ services }: MeshSize, service: number): string {
  return `team-${service % Math.max(1, Math.floor(services / SERVICES_A_NAMESPACE))}`;
}

function object(value: JsonObject): SourceObject {
  const read = sourceObject(value);
  if (read.kind !== "object")
    throw new Error(`the mesh of the benchmark is wrong: ${JSON.stringify(read.diagnostics)}`);
  return read.object;
}

/** Of the endpoint's number among all. */
function address(first: number, endpoint: number): string {
  return `${first}.${(endpoint >> 16) & 255}.${(endpoint >> 8) & 255}.${endpoint & 255}`;
}

function service(size: MeshSize, index: number): SourceObject {
  const name = serviceName(index);
  const metadata = { name, namespace: namespaceOf(size, index), creationTimestamp: CREATED };
  const ports = [{ name: "http", port: 80, targetPort: 8080 }];
  const spec = { clusterIP: address(10, index + 1), selector: { app: name }, ports };
  return object({ apiVersion: "v1", kind: "Service", metadata, spec });
}

function hasProxy(size: MeshSize, endpoint: number): boolean {
  return endpoint % Math.floor((size.services * size.endpoints) / size.proxies) === 0;
}

/** `moves`: how often the Pod was given another address. */
export function podObject(size: MeshSize, service: number, replica: number, moves = 0): SourceObject {
  const app = serviceName(service);
  const endpoint = service * size.endpoints + replica;
  const annotations = hasProxy(size, endpoint) ? { "heddle.dev/proxy": "heddle", "heddle.dev/capture": "true" } : {};
  const labels = { app, version: `v${replica % 2}` };
  const metadata = { name: `${app}-${replica}`, namespace: namespaceOf(size, service), labels, annotations };
  const containers = [{ name: "app", ports: [{ containerPort: 8080, name: "http" }] }];
  const status = {
    podIP: address(100 + moves, endpoint),
    phase: "Running",
    conditions: [{ type: "Ready", status: "True" }],
  };
  return object({
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { serviceAccountName: "default", containers },
    status,
  });
}

/** `share`: what the first subset gets, in percent. */
export function virtualServiceObject(size: MeshSize, index: number, share: number): SourceObject {
  const name = serviceName(index);
  const route = [
    { destination: { host: name, subset: "v0" }, weight: share },
    { destination: { host: name, subset: "v1" }, weight: 100 - share },
  ];
  const metadata = { name, namespace: namespaceOf(size, index) };
  const spec = { hosts: [name], http: [{ route }] };
  return object({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec });
}

function destinationRule(size: MeshSize, index: number): SourceObject {
  const name = serviceName(index);
  const subsets = ["v0", "v1"].map((version) => ({ name: version, labels: { version } }));
  const metadata = { name, namespace: namespaceOf(size, index) };
  return object({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata,
    spec: { host: name, subsets },
  });
}

export function meshObjects(size: MeshSize): readonly SourceObject[] {
  return Array.from({ length: size.services }, (_, index) => [
    service(size, index),
    ...Array.from({ length: size.endpoints }, (_unused, replica) => podObject(size, index, replica)),
    ...(index % ROUTED === 0 ? [virtualServiceObject(size, index, 80), destinationRule(size, index)] : []),
  ]).flat();
}

/** The Pods that have a proxy. */
export function proxiedPods(size: MeshSize): readonly Pod[] {
  const pods = Array.from({ length: size.services * size.endpoints }, (_, endpoint) => endpoint);
  return pods
    .filter((endpoint) => hasProxy(size, endpoint))
    .map((endpoint) => {
      const index = Math.floor(endpoint / size.endpoints);
      const name = `${serviceName(index)}-${endpoint % size.endpoints}`;
      return { namespace: namespaceOf(size, index), name, address: address(100, endpoint) };
    });
}

export function namespacesOf(size: MeshSize): readonly string[] {
  return [...new Set(Array.from({ length: size.services }, (_, index) => namespaceOf(size, index)))];
}

/** A service without a proxy beside its second Pod, for changes of its endpoints, and with a VirtualService, for changes of that. */
export const CHANGED_SERVICE = ROUTED;
