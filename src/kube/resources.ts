// Every kind that Heddle serves and watches. All served versions of a kind are one storage with one schema: an object written
// as v1alpha3 reads as v1 and back. Names and columns are those of the projects' own definitions, so kubectl shows the same.

import { joinApiVersion } from "./object.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** A column of `kubectl get`; `path` is a dotted path into the object. A priority above 0 shows with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly path: string;
  readonly description: string;
  readonly priority?: number;
}

export interface ResourceType {
  /** "" is the core group. */
  readonly group: string;
  /** Served versions, the preferred one first. */
  readonly versions: readonly [string, ...string[]];
  readonly storageVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Whether status is written at `/status` only. */
  readonly status: boolean;
  /** Whether metadata.generation counts the changes of the desired state. */
  readonly generation: boolean;
  readonly verbs: readonly Verb[];
  /** Kubernetes' own kinds accept strategic merge patches and updates without a resourceVersion; custom resources neither. */
  readonly builtIn: boolean;
  /** Fields beside name and namespace that a field selector may name. */
  readonly selectable: readonly string[];
  /** Columns between Name and Age. Kinds that need more than paths have them in api/table-core.ts. */
  readonly columns: readonly PrinterColumn[];
}

const ALL_VERBS: readonly Verb[] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

type Shape = Pick<ResourceType, "kind" | "plural"> & Partial<ResourceType>;

function define(group: string, versions: readonly [string, ...string[]], shape: Shape): ResourceType {
  return {
    group,
    versions,
    storageVersion: versions[0],
    singular: shape.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    status: false,
    generation: false,
    verbs: ALL_VERBS,
    builtIn: true,
    selectable: [],
    columns: [],
    ...shape,
  };
}

function istio(group: string, versions: readonly [string, ...string[]], shape: Shape): ResourceType {
  const categories = ["istio-io", group.replaceAll(".", "-")];
  return define(group, versions, { builtIn: false, status: true, generation: true, categories, ...shape });
}

function column(name: string, path: string, description: string): PrinterColumn {
  return { name, type: "string", path, description };
}

const NETWORKING = ["v1", "v1beta1", "v1alpha3"] as const;
const SECURITY = ["v1", "v1beta1"] as const;

/** The kinds by name, for code that is about one of them. */
export const resource = {
  namespaces: define("", ["v1"], {
    kind: "Namespace",
    plural: "namespaces",
    shortNames: ["ns"],
    namespaced: false,
    status: true,
    selectable: ["status.phase"],
  }),
  services: define("", ["v1"], {
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: ["all"],
    status: true,
    selectable: ["spec.clusterIP", "spec.type"],
  }),
  pods: define("", ["v1"], {
    kind: "Pod",
    plural: "pods",
    shortNames: ["po"],
    categories: ["all"],
    status: true,
    generation: true,
    selectable: ["spec.nodeName", "spec.serviceAccountName", "status.phase", "status.podIP"],
  }),
  serviceAccounts: define("", ["v1"], { kind: "ServiceAccount", plural: "serviceaccounts", shortNames: ["sa"] }),
  secrets: define("", ["v1"], { kind: "Secret", plural: "secrets", selectable: ["type"] }),
  configMaps: define("", ["v1"], { kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"] }),
  endpointSlices: define("discovery.k8s.io", ["v1"], {
    kind: "EndpointSlice",
    plural: "endpointslices",
    generation: true,
  }),
  leases: define("coordination.k8s.io", ["v1"], { kind: "Lease", plural: "leases" }),
  customResourceDefinitions: define("apiextensions.k8s.io", ["v1"], {
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    namespaced: false,
    generation: true,
    verbs: ["get", "list", "watch"],
    columns: [
      { name: "Created At", type: "string", path: "metadata.creationTimestamp", description: "When it was defined" },
    ],
  }),

  virtualServices: istio("networking.istio.io", NETWORKING, {
    kind: "VirtualService",
    plural: "virtualservices",
    shortNames: ["vs"],
    columns: [
      column("Gateways", "spec.gateways", "The names of gateways and sidecars that should apply these routes"),
      column("Hosts", "spec.hosts", "The destination hosts to which traffic is being sent"),
    ],
  }),
  destinationRules: istio("networking.istio.io", NETWORKING, {
    kind: "DestinationRule",
    plural: "destinationrules",
    shortNames: ["dr"],
    columns: [column("Host", "spec.host", "The service from the registry that the rule is about")],
  }),
  gateways: istio("networking.istio.io", NETWORKING, { kind: "Gateway", plural: "gateways", shortNames: ["gw"] }),
  serviceEntries: istio("networking.istio.io", NETWORKING, {
    kind: "ServiceEntry",
    plural: "serviceentries",
    shortNames: ["se"],
    columns: [
      column("Hosts", "spec.hosts", "The hosts of the service"),
      column(
        "Location",
        "spec.location",
        "Whether the service is outside the mesh (MESH_EXTERNAL) or in it (MESH_INTERNAL)",
      ),
      column("Resolution", "spec.resolution", "How the addresses of the hosts are found (NONE, STATIC, DNS)"),
    ],
  }),
  workloadEntries: istio("networking.istio.io", NETWORKING, {
    kind: "WorkloadEntry",
    plural: "workloadentries",
    shortNames: ["we"],
    columns: [column("Address", "spec.address", "The address of the workload")],
  }),
  workloadGroups: istio("networking.istio.io", NETWORKING, {
    kind: "WorkloadGroup",
    plural: "workloadgroups",
    shortNames: ["wg"],
  }),
  sidecars: istio("networking.istio.io", NETWORKING, { kind: "Sidecar", plural: "sidecars" }),
  envoyFilters: istio("networking.istio.io", ["v1alpha3"], { kind: "EnvoyFilter", plural: "envoyfilters" }),
  proxyConfigs: istio("networking.istio.io", ["v1beta1"], { kind: "ProxyConfig", plural: "proxyconfigs" }),

  peerAuthentications: istio("security.istio.io", SECURITY, {
    kind: "PeerAuthentication",
    plural: "peerauthentications",
    shortNames: ["pa"],
    columns: [column("Mode", "spec.mtls.mode", "Which mutual TLS the workloads accept")],
  }),
  requestAuthentications: istio("security.istio.io", SECURITY, {
    kind: "RequestAuthentication",
    plural: "requestauthentications",
    shortNames: ["ra"],
  }),
  authorizationPolicies: istio("security.istio.io", SECURITY, {
    kind: "AuthorizationPolicy",
    plural: "authorizationpolicies",
    shortNames: ["ap"],
    columns: [column("Action", "spec.action", "What happens to a request that the rules match")],
  }),
  trafficExtensions: istio("extensions.istio.io", ["v1alpha1"], {
    kind: "TrafficExtension",
    plural: "trafficextensions",
  }),
  wasmPlugins: istio("extensions.istio.io", ["v1alpha1"], { kind: "WasmPlugin", plural: "wasmplugins" }),
  // Istio stores Telemetry as v1alpha1 although v1 is served and preferred.
  telemetries: istio("telemetry.istio.io", ["v1", "v1alpha1"], {
    kind: "Telemetry",
    plural: "telemetries",
    shortNames: ["telemetry"],
    storageVersion: "v1alpha1",
  }),
} as const satisfies Readonly<Record<string, ResourceType>>;

/** All kinds, in the order of the table. */
export const RESOURCES: readonly ResourceType[] = Object.values(resource);

/** `networking.istio.io/virtualservices`, `/services`: identifies a kind in the store, whatever version it is read as. */
export type StorageKey = string;

/** The key of a kind in the store. */
export function storageKey({ group, plural }: ResourceType): StorageKey {
  return `${group}/${plural}`;
}

/** The apiVersion that stored objects, and objects from the client, have. */
export function storageApiVersion({ group, storageVersion }: ResourceType): string {
  return joinApiVersion(group, storageVersion);
}

/** The kind at `/apis/GROUP/VERSION/PLURAL`, if that version of it is served. */
export function resourceByPath(group: string, version: string, plural: string): ResourceType | undefined {
  return RESOURCES.find((type) => type.group === group && type.plural === plural && type.versions.includes(version));
}

/** The kind of an object, whatever its version. */
export function resourceByKind(group: string, kind: string): ResourceType | undefined {
  return RESOURCES.find((type) => type.group === group && type.kind === kind);
}

/** All group and version pairs that are served, each group's preferred version first. */
export function groupVersions(): readonly { readonly group: string; readonly version: string }[] {
  const found = new Map<string, { readonly group: string; readonly version: string }>();
  for (const { group, versions } of [...RESOURCES].sort((a, b) => b.versions.length - a.versions.length)) {
    for (const version of versions) found.set(joinApiVersion(group, version), { group, version });
  }
  return [...found.values()].sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0));
}
