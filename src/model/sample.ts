// Small parts of a mesh for tests, complete but for what a test is about.

import type { ClientPolicy } from "./client-policy.ts";
import { serviceAccountIdentity } from "./identity.ts";
import { type MeshParts, NO_PARTS } from "./mesh.ts";
import type { Origin } from "./origin.ts";
import { type HttpRoute, NO_HEADERS } from "./route.ts";
import type { ServerPolicy } from "./server-policy.ts";
import type { Service } from "./service.ts";
import { PUBLIC } from "./visibility.ts";
import type { Workload, WorkloadProxy } from "./workload.ts";

export function origin(kind: string, name: string, namespace = "default"): Origin {
  return { group: "", kind, namespace, name };
}

/** Port 80, `http`, target port 8080, selecting `app: <name>`. */
export function service(name: string, namespace = "default", changes: Partial<Service> = {}): Service {
  return {
    origin: origin("Service", name, namespace),
    createdAt: 0,
    host: `${name}.${namespace}.svc.cluster.local`,
    namespace,
    name,
    addresses: ["10.0.0.1"],
    ports: [{ number: 80, name: "http", protocol: "http", target: 8080 }],
    location: "mesh",
    resolution: "endpoints",
    selector: { namespace, labels: { app: name } },
    visibility: PUBLIC,
    ...changes,
  };
}

export const SIDECAR: WorkloadProxy = {
  kind: "heddle",
  meshPort: 15_008,
  bindAddress: "127.0.0.1",
  inboundPorts: [{ application: 8080, plaintext: 15_006 }],
  upstreams: [],
};

/** Of the app `app`, with a sidecar, healthy. */
export function workload(name: string, app: string, namespace = "default", changes: Partial<Workload> = {}): Workload {
  return {
    namespace,
    name,
    cluster: "Kubernetes",
    network: "",
    locality: { region: "", zone: "", subzone: "" },
    weight: 1,
    health: "healthy",
    labels: { app },
    addresses: ["127.0.0.1"],
    ports: [{ name: "http", number: 8080 }],
    serviceAccount: app,
    identity: serviceAccountIdentity("cluster.local", namespace, app),
    workloadName: app,
    canonicalName: app,
    canonicalRevision: "latest",
    proxy: SIDECAR,
    origin: origin("Pod", name, namespace),
    ...changes,
  };
}

/** Everything for the host to the service `to`. */
export function route(name: string, host: string, to: string, changes: Partial<HttpRoute> = {}): HttpRoute {
  const at = origin("VirtualService", name, changes.namespace ?? "default");
  const target = { kind: "service", host: to, path: "spec.http[0].route[0].destination" } as const;
  return {
    kind: "http",
    origin: at,
    createdAt: 0,
    namespace: at.namespace,
    hosts: [host],
    visibility: PUBLIC,
    rules: [
      {
        rank: [0],
        origin: at,
        path: "spec.http[0]",
        matches: [],
        action: {
          kind: "forward",
          backends: [{ target, weight: 100, requestHeaders: NO_HEADERS, responseHeaders: NO_HEADERS }],
        },
        mirrors: [],
        requestHeaders: NO_HEADERS,
        responseHeaders: NO_HEADERS,
      },
    ],
    ...changes,
  };
}

export function clientPolicy(
  name: string,
  host: string,
  namespace: string,
  changes: Partial<ClientPolicy> = {},
): ClientPolicy {
  return {
    origin: origin("DestinationRule", name, namespace),
    createdAt: 0,
    namespace,
    host,
    visibility: PUBLIC,
    settings: {},
    ports: [],
    subsets: [],
    ...changes,
  };
}

export function serverPolicy(
  name: string,
  scope: ServerPolicy["scope"],
  changes: Partial<ServerPolicy> = {},
): ServerPolicy {
  const namespace = scope.kind === "mesh" ? "istio-system" : scope.namespace;
  return { origin: origin("PeerAuthentication", name, namespace), createdAt: 0, scope, ports: [], ...changes };
}

export function parts(changes: Partial<MeshParts>): MeshParts {
  return { ...NO_PARTS, ...changes };
}
