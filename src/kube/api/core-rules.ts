// What Kubernetes does to its own kinds beyond their schema: values it fills in, and rules between fields.

import { duplicate, type FieldError, forbidden, invalid, required } from "../field-error.ts";
import { equalJson, isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import { labelName } from "../names.ts";
import type { KubeObject } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";
import { checkDataKeys } from "./check-metadata.ts";

interface CoreRules {
  /** Completes a new or changed object; runs before validation, so types are not to be trusted. */
  readonly complete?: (object: KubeObject) => KubeObject;
  /** Runs after the schema has passed. */
  readonly check?: (object: KubeObject, previous: KubeObject | undefined) => readonly FieldError[];
  /** The status that a new object starts with. */
  readonly initialStatus?: JsonObject;
}

function completeService(object: KubeObject): KubeObject {
  const { spec } = object;
  if (!isJsonObject(spec) || !isJsonArray(spec.ports)) return object;
  const ports = spec.ports.map((port) =>
    isJsonObject(port) && port.targetPort === undefined && port.port !== undefined
      ? { ...port, targetPort: port.port }
      : port,
  );
  return { ...object, spec: { ...spec, ports } };
}

function checkTargetPort(value: Json | undefined, field: string): readonly FieldError[] {
  if (typeof value === "number") {
    return value >= 1 && value <= 65_535 ? [] : [invalid(field, value, "must be between 1 and 65535, inclusive")];
  }
  const isPortName =
    typeof value !== "string" || (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(value) && /[a-z]/.test(value) && value.length <= 15);
  return isPortName
    ? []
    : [invalid(field, value, "must be a port number, or a port name of at most 15 lower case letters, digits and '-'")];
}

function checkServicePort(port: JsonObject, field: string, several: boolean): readonly FieldError[] {
  const name = port.name;
  const nameErrors =
    typeof name === "string" && name !== ""
      ? labelName(name).map((problem) => invalid(`${field}.name`, name, problem))
      : several
        ? [required(`${field}.name`)]
        : [];
  return [...nameErrors, ...checkTargetPort(port.targetPort, `${field}.targetPort`)];
}

/** Fields `spec.ports[n]` whose `part` repeats that of an earlier port. */
function repeated(
  ports: readonly JsonObject[],
  suffix: string,
  part: (port: JsonObject) => Json | undefined,
): FieldError[] {
  const seen = new Set<unknown>();
  return ports.flatMap((port, index) => {
    const value = part(port);
    const again = value !== undefined && seen.has(value);
    seen.add(value);
    return again ? [duplicate(`spec.ports[${index}]${suffix}`, value)] : [];
  });
}

function checkService(object: KubeObject): readonly FieldError[] {
  const spec = (object.spec ?? {}) as JsonObject;
  const ports = (spec.ports ?? []) as readonly JsonObject[];
  const isName = spec.type === "ExternalName";
  return [
    ...(isName && !spec.externalName ? [required("spec.externalName")] : []),
    ...(ports.length === 0 && !isName && spec.clusterIP !== "None" ? [required("spec.ports")] : []),
    ...ports.flatMap((port, index) => checkServicePort(port, `spec.ports[${index}]`, ports.length > 1)),
    ...repeated(ports, ".name", (port) => port.name),
    ...repeated(ports, "", (port) => `${port.port}/${port.protocol}`),
  ];
}

function completeSecret(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  if (!isJsonObject(stringData)) return object;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  return { ...rest, data: { ...(isJsonObject(rest.data) ? rest.data : {}), ...Object.fromEntries(encoded) } };
}

/** Data that was declared immutable stays, and stays immutable. */
function checkImmutable(
  object: KubeObject,
  previous: KubeObject | undefined,
  fields: readonly string[],
): readonly FieldError[] {
  if (previous?.immutable !== true) return [];
  return fields
    .filter((field) => !equalJson(object[field], previous[field]))
    .map((field) => forbidden(field, "field is immutable when `immutable` is set"));
}

function checkSecret(object: KubeObject, previous: KubeObject | undefined): readonly FieldError[] {
  const changedType = previous && object.type !== previous.type;
  return [
    ...(changedType ? [invalid("type", object.type, "field is immutable")] : []),
    ...checkDataKeys(object, ["data"]),
    ...checkImmutable(object, previous, ["data", "immutable"]),
  ];
}

/** Kubernetes labels every namespace with its name, for selectors of namespaces. */
function completeNamespace(object: KubeObject): KubeObject {
  const { metadata } = object;
  if (typeof metadata.name !== "string" || (metadata.labels !== undefined && !isJsonObject(metadata.labels)))
    return object;
  return {
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name } },
  };
}

const RULES: ReadonlyMap<ResourceType, CoreRules> = new Map<ResourceType, CoreRules>([
  [resource.namespaces, { complete: completeNamespace, initialStatus: { phase: "Active" } }],
  [resource.services, { complete: completeService, check: checkService, initialStatus: { loadBalancer: {} } }],
  [resource.pods, { initialStatus: { phase: "Pending" } }],
  [resource.secrets, { complete: completeSecret, check: checkSecret }],
  [
    resource.configMaps,
    {
      check: (object, previous) => [
        ...checkDataKeys(object, ["data", "binaryData"]),
        ...checkImmutable(object, previous, ["data", "binaryData", "immutable"]),
      ],
    },
  ],
]);

const NO_RULES: CoreRules = {};

/** The rules of a kind; empty for custom resources. */
export function coreRules(type: ResourceType): CoreRules {
  return RULES.get(type) ?? NO_RULES;
}
