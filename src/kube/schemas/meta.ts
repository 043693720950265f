// The metadata that all objects share. Merge keys and list types are those of Kubernetes' own OpenAPI document.

import { atomic, flag, intOrString, list, listMap, mapOf, object, type Schema, setOf, text } from "../schema.ts";

const ownerReference = object(
  "An object that this one belongs to; it is removed with its last owner",
  {
    apiVersion: text("API version of the owner"),
    kind: text("Kind of the owner"),
    name: text("Name of the owner"),
    uid: text("UID of the owner"),
    controller: flag("Whether the owner is the managing controller"),
    blockOwnerDeletion: flag("Whether a foreground deletion of the owner waits for this object"),
  },
  ["apiVersion", "kind", "name", "uid"],
);

const managedFields = object("Who set which fields, for server-side apply", {
  manager: text("Name of the writer"),
  operation: text("Apply or Update"),
  apiVersion: text("Version that the writer used"),
  time: text("When the entry last changed"),
  fieldsType: text("FieldsV1"),
  fieldsV1: atomic("The fields, as a tree of path elements"),
  subresource: text("The subresource that was written, if any"),
});

export const OBJECT_META: Schema = object("Metadata that every object has", {
  name: text("Unique within a namespace and kind"),
  generateName: text("Prefix of a name that the server makes unique, used when name is empty"),
  namespace: text("The space in which the name is unique; empty for cluster-scoped kinds"),
  uid: text("Unique in time and space; set by the server"),
  resourceVersion: text("Changes with every write; opaque, for comparison and for resuming a watch"),
  generation: { type: "integer", format: "int64", description: "Counts the changes of the desired state" },
  creationTimestamp: text("When the object was created; set by the server"),
  deletionTimestamp: text("When the object will be deleted; set by the server"),
  deletionGracePeriodSeconds: { type: "integer", format: "int64", description: "Set by the server on deletion" },
  labels: mapOf("Key and value pairs that selectors look at", text("")),
  annotations: mapOf("Key and value pairs that tools keep and the server does not look at", text("")),
  finalizers: setOf("Names of those who must act before the object is removed", text("")),
  ownerReferences: listMap("Objects that this one belongs to", ["uid"], ownerReference),
  managedFields: list("Who set which fields", managedFields),
  selfLink: text("No longer set"),
});

/** `properties` plus what every kind has. */
export function kindSchema(description: string, properties: Readonly<Record<string, Schema>>): Schema {
  return object(description, {
    apiVersion: text("Version of the schema of this representation, as in networking.istio.io/v1"),
    kind: text("The kind of this object, in CamelCase"),
    metadata: OBJECT_META,
    ...properties,
  });
}

export const condition = object(
  "One aspect of an object's state, as last observed",
  {
    type: text("Name of the aspect, in CamelCase"),
    status: text("True, False or Unknown"),
    reason: text("A word in CamelCase that says why"),
    message: text("A sentence that says why"),
    observedGeneration: {
      type: "integer",
      format: "int64",
      description: "The generation that the observation is about",
    },
    lastTransitionTime: text("When the status last changed"),
    lastProbeTime: text("When it was last looked at"),
  },
  ["type", "status"],
);

export const conditions = listMap("The current state, aspect by aspect", ["type"], condition);

export const objectReference = atomic("Another object: apiVersion, kind, namespace, name, uid, fieldPath");

export const portName = intOrString("A port, by number or by the name it has in the Pod");
