// The rules that hold for the metadata of every object, in the wording of Kubernetes' validation.

import { duplicate, type FieldError, forbidden, invalid, required, tooLong } from "../field-error.ts";
import {
  configKey,
  dns1035Name,
  labelName,
  labelValue,
  type NameRule,
  qualifiedName,
  subdomainName,
} from "../names.ts";
import type { KubeObject, ObjectMeta } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";

/** Of all keys and values of an object's annotations together. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

function nameRule(type: ResourceType): NameRule {
  if (type === resource.services) return dns1035Name;
  return type === resource.namespaces ? labelName : subdomainName;
}

function each(field: string, value: unknown, problems: readonly string[]): readonly FieldError[] {
  return problems.map((problem) => invalid(field, value, problem));
}

function checkNames(metadata: ObjectMeta, type: ResourceType): readonly FieldError[] {
  if (metadata.name === "") return [required("metadata.name", "name or generateName is required")];
  // A name that is a path segment could not be asked for.
  return each("metadata.name", metadata.name, nameRule(type)(metadata.name));
}

function checkLabels(labels: Readonly<Record<string, string>>): readonly FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...each("metadata.labels", key, qualifiedName(key)),
    ...each("metadata.labels", value, labelValue(value)),
  ]);
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): readonly FieldError[] {
  const entries = Object.entries(annotations);
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return [
    ...entries.flatMap(([key]) => each("metadata.annotations", key, qualifiedName(key.toLowerCase()))),
    ...(bytes > MAX_ANNOTATIONS_BYTES ? [tooLong("metadata.annotations", MAX_ANNOTATIONS_BYTES)] : []),
  ];
}

function checkOwners(metadata: ObjectMeta): readonly FieldError[] {
  const owners = metadata.ownerReferences ?? [];
  const empty = owners.flatMap((owner, index) =>
    (["apiVersion", "kind", "name", "uid"] as const)
      .filter((field) => owner[field] === "")
      .map((field) => invalid(`metadata.ownerReferences[${index}].${field}`, "", "must not be empty")),
  );
  const controllers = owners.filter(({ controller }) => controller);
  return controllers.length > 1
    ? [...empty, invalid("metadata.ownerReferences", owners, "Only one reference can have Controller set to true")]
    : empty;
}

/** Needs metadata of the right types: run after the schema has passed. */
export function checkMetadata(object: KubeObject, type: ResourceType): readonly FieldError[] {
  const { metadata } = object;
  return [
    ...checkNames(metadata, type),
    ...each(
      "metadata.namespace",
      metadata.namespace,
      metadata.namespace === undefined ? [] : labelName(metadata.namespace),
    ),
    ...checkLabels(metadata.labels ?? {}),
    ...checkAnnotations(metadata.annotations ?? {}),
    ...(metadata.finalizers ?? []).flatMap((name) => each("metadata.finalizers", name, qualifiedName(name))),
    ...checkOwners(metadata),
  ];
}

/** What an update may not do to metadata. */
export function checkMetadataChange(next: KubeObject, previous: KubeObject): readonly FieldError[] {
  if (previous.metadata.deletionTimestamp === undefined) return [];
  const before = previous.metadata.finalizers ?? [];
  const added = (next.metadata.finalizers ?? []).filter((name) => !before.includes(name));
  if (added.length === 0) return [];
  const names = added.map((name) => JSON.stringify(name)).join(", ");
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`;
  return [forbidden("metadata.finalizers", detail)];
}

/** Keys of a ConfigMap's or Secret's data, over all the fields that hold such keys. */
export function checkDataKeys(object: KubeObject, fields: readonly string[]): readonly FieldError[] {
  const seen = new Set<string>();
  return fields.flatMap((field) =>
    Object.keys((object[field] ?? {}) as object).flatMap((key) => {
      const again = seen.has(key) ? [duplicate(`${field}[${key}]`, key)] : [];
      seen.add(key);
      return [...each(`${field}[${key}]`, key, configKey(key)), ...again];
    }),
  );
}
