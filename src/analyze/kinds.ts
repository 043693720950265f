// The kinds that analyzers look at. Those that a dialect reads have its table; of all others only what an analyzer asks for is listed.

import { DESTINATION_RULE } from "../dialect/istio/destination-rule-schema.ts";
import { PEER_AUTHENTICATION } from "../dialect/istio/peer-authentication.ts";
import { SERVICE_ENTRY } from "../dialect/istio/service-entry-schema.ts";
import { SIDECAR } from "../dialect/istio/sidecar-schema.ts";
import { VIRTUAL_SERVICE } from "../dialect/istio/virtual-service-schema.ts";
import { WORKLOAD_ENTRY, WORKLOAD_GROUP } from "../dialect/istio/workload-entry-schema.ts";
import {
  flag,
  list,
  mapOf,
  openRecord,
  port,
  portOrName,
  type RecordSchema,
  real,
  required,
  text,
  type Value,
} from "../dialect/schema.ts";

export interface Kind<S extends RecordSchema = RecordSchema> {
  readonly group: string;
  readonly kind: string;
  readonly schema: S;
}

const NETWORKING = "networking.istio.io";
const SECURITY = "security.istio.io";

function kind<S extends RecordSchema>(group: string, name: string, schema: S): Kind<S> {
  return { group, kind: name, schema };
}

const LABELS = mapOf(text());
const SELECTOR = openRecord({ matchLabels: LABELS });
/** Attached to an object by name instead of to workloads by labels. */
const TARGET_REFS = list(openRecord({ kind: text(), name: text() }));
const SELECTING = {
  selector: SELECTOR,
  targetRefs: TARGET_REFS,
  targetRef: openRecord({ kind: text(), name: text() }),
};

const GATEWAY = openRecord({
  spec: openRecord({
    selector: LABELS,
    servers: list(
      openRecord({
        port: openRecord({ number: port(), name: text(), protocol: text() }),
        hosts: list(text()),
        bind: text(),
        tls: openRecord({ mode: text(), credentialName: text(), credentialNames: list(text()) }),
      }),
    ),
  }),
});

const ENVOY_FILTER = openRecord({
  spec: openRecord({
    workloadSelector: openRecord({ labels: LABELS }),
    targetRefs: TARGET_REFS,
    priority: real(-(2 ** 31), 2 ** 31 - 1),
    configPatches: list(
      openRecord({
        applyTo: text(),
        match: openRecord({
          proxy: openRecord({ proxyVersion: text() }),
          listener: openRecord({ filterChain: openRecord({ filter: openRecord({ name: text() }) }) }),
        }),
        patch: openRecord({ operation: text(), value: openRecord({ name: text() }) }),
      }),
    ),
  }),
});

const SOURCE = openRecord({
  principals: list(text()),
  notPrincipals: list(text()),
  namespaces: list(text()),
  notNamespaces: list(text()),
  serviceAccounts: list(text()),
  notServiceAccounts: list(text()),
});

const AUTHORIZATION_POLICY = openRecord({
  spec: openRecord({
    ...SELECTING,
    action: text(),
    rules: list(
      openRecord({
        from: list(openRecord({ source: SOURCE })),
        to: list(openRecord({ operation: openRecord({ hosts: list(text()), methods: list(text()) }) })),
        when: list(openRecord({ key: text() })),
      }),
    ),
  }),
});

const REQUEST_AUTHENTICATION = openRecord({
  spec: openRecord({ ...SELECTING, jwtRules: list(openRecord({ issuer: text() })) }),
});

const PROVIDERS = list(openRecord({ providers: list(openRecord({ name: text() })), disabled: flag() }));

const TELEMETRY = openRecord({
  spec: openRecord({ ...SELECTING, tracing: PROVIDERS, metrics: PROVIDERS, accessLogging: PROVIDERS }),
});

const SELECTED = openRecord({ spec: openRecord(SELECTING) });

const CONTAINER = openRecord({
  name: text(),
  image: text(),
  ports: list(openRecord({ name: text(), containerPort: required(port()) })),
  securityContext: openRecord({ runAsUser: real(0) }),
});

const POD_SPEC = openRecord({
  serviceAccountName: text(),
  hostNetwork: flag(),
  securityContext: openRecord({ runAsUser: real(0) }),
  initContainers: list(CONTAINER),
  containers: list(CONTAINER),
});

const POD = openRecord({
  metadata: openRecord({ ownerReferences: list(openRecord({ kind: text(), name: text() })) }),
  spec: POD_SPEC,
  status: openRecord({ phase: text() }),
});

const TEMPLATED = openRecord({
  spec: openRecord({
    template: openRecord({
      metadata: openRecord({ labels: LABELS, annotations: LABELS }),
      spec: POD_SPEC,
    }),
  }),
});

const SERVICE = openRecord({
  spec: openRecord({
    type: text(),
    selector: LABELS,
    externalName: text(),
    ports: list(
      openRecord({
        name: text(),
        port: required(port()),
        targetPort: portOrName(),
        protocol: text(),
        appProtocol: text(),
      }),
    ),
  }),
});

const SECRET = openRecord({ type: text(), data: mapOf(text()), stringData: mapOf(text()) });

export const kinds = {
  virtualService: kind(NETWORKING, "VirtualService", VIRTUAL_SERVICE),
  destinationRule: kind(NETWORKING, "DestinationRule", DESTINATION_RULE),
  serviceEntry: kind(NETWORKING, "ServiceEntry", SERVICE_ENTRY),
  gateway: kind(NETWORKING, "Gateway", GATEWAY),
  sidecar: kind(NETWORKING, "Sidecar", SIDECAR),
  workloadEntry: kind(NETWORKING, "WorkloadEntry", WORKLOAD_ENTRY),
  workloadGroup: kind(NETWORKING, "WorkloadGroup", WORKLOAD_GROUP),
  envoyFilter: kind(NETWORKING, "EnvoyFilter", ENVOY_FILTER),
  proxyConfig: kind(NETWORKING, "ProxyConfig", SELECTED),
  peerAuthentication: kind(SECURITY, "PeerAuthentication", PEER_AUTHENTICATION),
  requestAuthentication: kind(SECURITY, "RequestAuthentication", REQUEST_AUTHENTICATION),
  authorizationPolicy: kind(SECURITY, "AuthorizationPolicy", AUTHORIZATION_POLICY),
  telemetry: kind("telemetry.istio.io", "Telemetry", TELEMETRY),
  trafficExtension: kind("extensions.istio.io", "TrafficExtension", SELECTED),
  wasmPlugin: kind("extensions.istio.io", "WasmPlugin", SELECTED),
  namespace: kind("", "Namespace", openRecord({})),
  service: kind("", "Service", SERVICE),
  pod: kind("", "Pod", POD),
  secret: kind("", "Secret", SECRET),
  endpointSlice: kind("discovery.k8s.io", "EndpointSlice", openRecord({})),
  serviceAccount: kind("", "ServiceAccount", openRecord({})),
  deployment: kind("apps", "Deployment", TEMPLATED),
  statefulSet: kind("apps", "StatefulSet", TEMPLATED),
  daemonSet: kind("apps", "DaemonSet", TEMPLATED),
  customResourceDefinition: kind(
    "apiextensions.k8s.io",
    "CustomResourceDefinition",
    openRecord({ spec: openRecord({ group: text(), names: openRecord({ kind: text() }) }) }),
  ),
} as const;

export type PodSpec = NonNullable<Value<typeof POD>["spec"]>;
export type VirtualServiceValue = Value<typeof VIRTUAL_SERVICE>;
export type Patch = NonNullable<NonNullable<Value<typeof ENVOY_FILTER>["spec"]>["configPatches"]>[number];
export type ServicePortValue = NonNullable<NonNullable<Value<typeof SERVICE>["spec"]>["ports"]>[number];
