// The kinds of Kubernetes that a mesh is made of. The API server checks their fields, so only those that are read are listed.

import type { KindTable } from "../dialect.ts";
import { choice, flag, list, mapOf, openRecord, port, portOrName, required, text, type Value } from "../schema.ts";

const LABELS = mapOf(text());

const METADATA = openRecord({
  labels: LABELS,
  annotations: LABELS,
  deletionTimestamp: text(),
  ownerReferences: list(openRecord({ kind: text(), name: text(), controller: flag() })),
});

const NAMESPACE = openRecord({ metadata: METADATA });

const SERVICE = openRecord({
  metadata: METADATA,
  spec: required(
    openRecord({
      type: text(),
      clusterIP: text(),
      clusterIPs: list(text()),
      externalName: text(),
      selector: LABELS,
      internalTrafficPolicy: text(),
      publishNotReadyAddresses: flag(),
      sessionAffinity: text(),
      trafficDistribution: text(),
      ports: list(
        openRecord({
          name: text(),
          port: required(port()),
          targetPort: portOrName(),
          protocol: choice("TCP", "UDP", "SCTP"),
          appProtocol: text(),
        }),
      ),
    }),
  ),
});

/** Off Kubernetes, `heddle run` writes such a Pod for the process that it starts. */
const POD = openRecord({
  metadata: METADATA,
  spec: openRecord({
    serviceAccountName: text(),
    nodeName: text(),
    hostname: text(),
    subdomain: text(),
    containers: list(openRecord({ ports: list(openRecord({ name: text(), containerPort: required(port()) })) })),
  }),
  status: openRecord({
    phase: text(),
    podIP: text("address"),
    podIPs: list(openRecord({ ip: text("address") })),
    conditions: list(openRecord({ type: text(), status: text() })),
  }),
});

const ENDPOINT_SLICE = openRecord({
  metadata: METADATA,
  addressType: choice("IPv4", "IPv6", "FQDN"),
  endpoints: list(
    openRecord({
      addresses: required(list(text())),
      conditions: openRecord({ ready: flag(), serving: flag(), terminating: flag() }),
      targetRef: openRecord({ kind: text(), name: text(), namespace: text() }),
      zone: text(),
      nodeName: text(),
      hostname: text(),
    }),
  ),
  ports: list(openRecord({ name: text(), port: port() })),
});

/** Keys that are read are of certificates; whatever else a Secret holds stays unread. */
const SECRET = openRecord({ metadata: METADATA, type: text(), data: mapOf(text()), stringData: mapOf(text()) });

export type SecretValue = Value<typeof SECRET>;
export type ServiceValue = Value<typeof SERVICE>;
export type PodValue = Value<typeof POD>;
export type EndpointSliceValue = Value<typeof ENDPOINT_SLICE>;

export const SCHEMAS = {
  Namespace: NAMESPACE,
  Service: SERVICE,
  Pod: POD,
  Secret: SECRET,
  EndpointSlice: ENDPOINT_SLICE,
} as const;

export const KINDS: readonly KindTable[] = [
  { group: "", kind: "Namespace", versions: ["v1"], schema: NAMESPACE },
  { group: "", kind: "Pod", versions: ["v1"], schema: POD },
  { group: "", kind: "Secret", versions: ["v1"], schema: SECRET },
  { group: "", kind: "Service", versions: ["v1"], schema: SERVICE },
  { group: "discovery.k8s.io", kind: "EndpointSlice", versions: ["v1"], schema: ENDPOINT_SLICE },
];
