// The remaining kinds of Kubernetes that a mesh uses, and the one place that says which kind has which schema.

import { type ResourceType, resource } from "../resources.ts";
import { flag, list, listMap, mapOf, object, open, type Schema, text, whole } from "../schema.ts";
import { conditions, kindSchema, objectReference } from "./meta.ts";
import { POD } from "./pod.ts";
import { ENDPOINT_SLICE, SERVICE } from "./service.ts";

const BASE64 = { format: "byte" } as const;

const NAMESPACE = kindSchema("A space for names, and a boundary for policies", {
  spec: object("What the namespace should be", { finalizers: list("Who must act before it is removed", text("")) }),
  status: object("What the namespace is", { phase: text("Active or Terminating"), conditions }),
});

const SERVICE_ACCOUNT = kindSchema("An identity for workloads", {
  secrets: listMap("Secrets that Pods of this account may use", ["name"], objectReference),
  imagePullSecrets: list("Secrets for pulling images", objectReference),
  automountServiceAccountToken: flag("Whether Pods of this account get a token"),
});

const SECRET = kindSchema("Bytes that must not be shown", {
  type: text("What the data is, as in kubernetes.io/tls", { default: "Opaque" }),
  data: mapOf("The data, in base64", text("", BASE64)),
  stringData: mapOf("Data as plain text; merged into data when written, never returned", text("")),
  immutable: flag("Whether the data may no longer change"),
});

const CONFIG_MAP = kindSchema("Configuration as keys and values", {
  data: mapOf("The data, as text", text("")),
  binaryData: mapOf("Data that is not UTF-8, in base64", text("", BASE64)),
  immutable: flag("Whether the data may no longer change"),
});

const LEASE = kindSchema("Who holds a role, and for how long", {
  spec: object("The current holder", {
    holderIdentity: text("Who holds the lease"),
    leaseDurationSeconds: whole("How long others wait after the last renewal", { minimum: 1 }),
    acquireTime: text("When the holder took it"),
    renewTime: text("When the holder last renewed it"),
    leaseTransitions: whole("How often the holder has changed", { minimum: 0 }),
    strategy: text("How the holder is chosen"),
    preferredHolder: text("Who should take it next"),
  }),
});

const DEFINITION = kindSchema("A kind that is served beside Kubernetes' own; here for reading only", {
  spec: open("Group, names, scope and versions of the kind"),
  status: open("Whether the kind is served"),
});

const SCHEMAS: ReadonlyMap<ResourceType, Schema> = new Map<ResourceType, Schema>([
  [resource.namespaces, NAMESPACE],
  [resource.services, SERVICE],
  [resource.pods, POD],
  [resource.serviceAccounts, SERVICE_ACCOUNT],
  [resource.secrets, SECRET],
  [resource.configMaps, CONFIG_MAP],
  [resource.endpointSlices, ENDPOINT_SLICE],
  [resource.leases, LEASE],
  [resource.customResourceDefinitions, DEFINITION],
]);

/** The schema of a kind that nobody has described: spec and status may hold anything. */
function undescribed(type: ResourceType): Schema {
  return kindSchema(`${type.kind} of ${type.group}`, {
    spec: open(`Desired state of the ${type.kind}`),
    status: open(`Observed state of the ${type.kind}`),
  });
}

/** Schemas of custom resources, as whoever understands them gives them: kind → the schema of its `spec`. */
export type SpecSchemas = ReadonlyMap<ResourceType, Schema>;

/** The schemas that one server goes by. */
export class Schemas {
  readonly #specs: SpecSchemas;
  readonly #documented: ReadonlyMap<ResourceType, Schema>;
  readonly #made = new Map<ResourceType, Schema>();

  /** `documented`: schemas of whole objects that are shown in the place of those that writes are held against. */
  constructor(specs: SpecSchemas = new Map(), documented: ReadonlyMap<ResourceType, Schema> = new Map()) {
    this.#specs = specs;
    this.#documented = documented;
  }

  /** What OpenAPI documents and definitions say of a kind. */
  documented(type: ResourceType): Schema {
    return this.#documented.get(type) ?? this.of(type);
  }

  /** The schema of a whole object of this kind. */
  of(type: ResourceType): Schema {
    const known = SCHEMAS.get(type) ?? this.#made.get(type);
    if (known) return known;
    const base = undescribed(type);
    const spec = this.#specs.get(type);
    const schema = spec ? { ...base, properties: { ...base.properties, spec } } : base;
    this.#made.set(type, schema);
    return schema;
  }
}
