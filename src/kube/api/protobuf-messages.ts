// Field numbers of Kubernetes' protobuf messages, for the kinds that typed clients write. JSON names and protobuf names are the
// same there, so a number, a name and a type say everything.
// https://github.com/kubernetes/api (core, discovery and coordination v1, each with its generated.proto)

/** `time` has whole seconds, `microTime` six digits more; `base64` is bytes that JSON shows in base64, `json` bytes that are JSON. */
export type FieldType = "string" | "int" | "bool" | "base64" | "json" | "time" | "microTime" | "intOrString" | Message;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** `map` has strings as keys, and `type` as values. */
  readonly repeated?: "list" | "map";
}

export interface Message {
  readonly fields: ReadonlyMap<number, Field>;
}

type Definition = readonly [number, string, FieldType, ("list" | "map")?];

function message(...definitions: readonly Definition[]): Message {
  const fields = definitions.map(([number, name, type, repeated]): [number, Field] => [
    number,
    repeated ? { name, type, repeated } : { name, type },
  ]);
  return { fields: new Map(fields) };
}

/** Names of fields of one type, for messages that are mostly strings. */
function strings(...fields: readonly (readonly [number, string])[]): readonly Definition[] {
  return fields.map(([number, name]) => [number, name, "string"]);
}

const OWNER_REFERENCE = message(
  ...strings([1, "kind"], [3, "name"], [4, "uid"], [5, "apiVersion"]),
  [6, "controller", "bool"],
  [7, "blockOwnerDeletion", "bool"],
);

const MANAGED_FIELDS = message(
  ...strings([1, "manager"], [2, "operation"], [3, "apiVersion"], [6, "fieldsType"], [8, "subresource"]),
  [4, "time", "time"],
  [7, "fieldsV1", "json"],
);

const METADATA = message(
  ...strings([1, "name"], [2, "generateName"], [3, "namespace"], [4, "selfLink"], [5, "uid"], [6, "resourceVersion"]),
  [7, "generation", "int"],
  [8, "creationTimestamp", "time"],
  [9, "deletionTimestamp", "time"],
  [10, "deletionGracePeriodSeconds", "int"],
  [11, "labels", "string", "map"],
  [12, "annotations", "string", "map"],
  [13, "ownerReferences", OWNER_REFERENCE, "list"],
  [14, "finalizers", "string", "list"],
  [17, "managedFields", MANAGED_FIELDS, "list"],
);

const CONDITION = message(
  ...strings([1, "type"], [2, "status"], [5, "reason"], [6, "message"]),
  [3, "observedGeneration", "int"],
  [4, "lastTransitionTime", "time"],
);

const OBJECT_REFERENCE = message(
  ...strings(
    [1, "kind"],
    [2, "namespace"],
    [3, "name"],
    [4, "uid"],
    [5, "apiVersion"],
    [6, "resourceVersion"],
    [7, "fieldPath"],
  ),
);

const NAMED = message([1, "name", "string"]);

const NAMESPACE = message(
  [1, "metadata", METADATA],
  [2, "spec", message([1, "finalizers", "string", "list"])],
  [3, "status", message([1, "phase", "string"], [2, "conditions", CONDITION, "list"])],
);

const CONFIG_MAP = message(
  [1, "metadata", METADATA],
  [2, "data", "string", "map"],
  [3, "binaryData", "base64", "map"],
  [4, "immutable", "bool"],
);

const SECRET = message(
  [1, "metadata", METADATA],
  [2, "data", "base64", "map"],
  [3, "type", "string"],
  [4, "stringData", "string", "map"],
  [5, "immutable", "bool"],
);

const SERVICE_ACCOUNT = message(
  [1, "metadata", METADATA],
  [2, "secrets", OBJECT_REFERENCE, "list"],
  [3, "imagePullSecrets", NAMED, "list"],
  [4, "automountServiceAccountToken", "bool"],
);

const SERVICE_PORT = message(
  ...strings([1, "name"], [2, "protocol"], [6, "appProtocol"]),
  [3, "port", "int"],
  [4, "targetPort", "intOrString"],
  [5, "nodePort", "int"],
);

const SERVICE_SPEC = message(
  ...strings(
    [3, "clusterIP"],
    [4, "type"],
    [7, "sessionAffinity"],
    [8, "loadBalancerIP"],
    [10, "externalName"],
    [11, "externalTrafficPolicy"],
    [17, "ipFamilyPolicy"],
    [21, "loadBalancerClass"],
    [22, "internalTrafficPolicy"],
    [23, "trafficDistribution"],
  ),
  [1, "ports", SERVICE_PORT, "list"],
  [2, "selector", "string", "map"],
  [5, "externalIPs", "string", "list"],
  [9, "loadBalancerSourceRanges", "string", "list"],
  [12, "healthCheckNodePort", "int"],
  [13, "publishNotReadyAddresses", "bool"],
  [14, "sessionAffinityConfig", message([1, "clientIP", message([1, "timeoutSeconds", "int"])])],
  [18, "clusterIPs", "string", "list"],
  [19, "ipFamilies", "string", "list"],
  [20, "allocateLoadBalancerNodePorts", "bool"],
);

const PORT_STATUS = message([1, "port", "int"], [2, "protocol", "string"], [3, "error", "string"]);
const INGRESS = message(...strings([1, "ip"], [2, "hostname"], [3, "ipMode"]), [4, "ports", PORT_STATUS, "list"]);

const SERVICE = message(
  [1, "metadata", METADATA],
  [2, "spec", SERVICE_SPEC],
  [
    3,
    "status",
    message([1, "loadBalancer", message([1, "ingress", INGRESS, "list"])], [2, "conditions", CONDITION, "list"]),
  ],
);

const ENDPOINT = message(
  [1, "addresses", "string", "list"],
  [2, "conditions", message([1, "ready", "bool"], [2, "serving", "bool"], [3, "terminating", "bool"])],
  [3, "hostname", "string"],
  [4, "targetRef", OBJECT_REFERENCE],
  [5, "deprecatedTopology", "string", "map"],
  [6, "nodeName", "string"],
  [7, "zone", "string"],
  [8, "hints", message([1, "forZones", NAMED, "list"], [2, "forNodes", NAMED, "list"])],
);

const ENDPOINT_SLICE = message(
  [1, "metadata", METADATA],
  [2, "endpoints", ENDPOINT, "list"],
  [3, "ports", message(...strings([1, "name"], [2, "protocol"], [4, "appProtocol"]), [3, "port", "int"]), "list"],
  [4, "addressType", "string"],
);

const LEASE_SPEC = message(
  ...strings([1, "holderIdentity"], [6, "strategy"], [7, "preferredHolder"]),
  [2, "leaseDurationSeconds", "int"],
  [3, "acquireTime", "microTime"],
  [4, "renewTime", "microTime"],
  [5, "leaseTransitions", "int"],
);

const DELETE_OPTIONS = message(
  [1, "gracePeriodSeconds", "int"],
  [2, "preconditions", message([1, "uid", "string"], [2, "resourceVersion", "string"])],
  [3, "orphanDependents", "bool"],
  [4, "propagationPolicy", "string"],
  [5, "dryRun", "string", "list"],
  [6, "ignoreStoreReadErrorWithClusterBreakingPotential", "bool"],
);

/** The runtime.Unknown that every body is wrapped in, and its TypeMeta. */
export const ENVELOPE = message(
  [1, "typeMeta", message([1, "apiVersion", "string"], [2, "kind", "string"])],
  [2, "raw", "base64"],
  [3, "contentEncoding", "string"],
  [4, "contentType", "string"],
);

/** By kind. A Pod is not among them: its hundreds of fields would be refused one by one by whoever adds one. */
export const MESSAGES: ReadonlyMap<string, Message> = new Map([
  ["Namespace", NAMESPACE],
  ["ConfigMap", CONFIG_MAP],
  ["Secret", SECRET],
  ["ServiceAccount", SERVICE_ACCOUNT],
  ["Service", SERVICE],
  ["EndpointSlice", ENDPOINT_SLICE],
  ["Lease", message([1, "metadata", METADATA], [2, "spec", LEASE_SPEC])],
  ["DeleteOptions", DELETE_OPTIONS],
]);
