// Objects as dialects read them: Kubernetes' envelope checked, the rest as it was written.

import type { Diagnostic } from "../base/diagnostic.ts";
import { diagnose, type Message } from "../model/message.ts";
import { type Origin, originKey } from "../model/origin.ts";
import type { SpanFinder } from "../model/source-map.ts";
import * as diagnostics from "./diagnostics.ts";
import { READ_LIMITS, type ReadLimits } from "./limits.ts";
import { joinPath } from "./path.ts";
import { readYaml } from "./yaml.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** One object, from a file (with places) or from the API (without). Never changed: a changed object is another one. */
export interface SourceObject {
  readonly origin: Origin;
  /** `originKey(origin)`: what it is found by. */
  readonly key: string;
  readonly version: string;
  /** Milliseconds since 1970; 0 when it has no creationTimestamp. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The whole object, metadata included. */
  readonly value: JsonObject;
  readonly spans?: SpanFinder | undefined;
}

export interface ObjectFile {
  readonly objects: readonly SourceObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The objects of a YAML or JSON file; lists (`kind: List`) are taken apart. Never throws. */
export function readObjects(file: string, content: string | Uint8Array, limits: ReadLimits = READ_LIMITS): ObjectFile {
  const { documents, diagnostics: found } = readYaml(file, content, limits);
  const objects: SourceObject[] = [];
  const all = [...found];
  let refused = 0;
  for (const { value, spans } of documents) {
    for (const item of itemsOf(value, spans)) {
      if (refused === limits.refusedObjects) break; // a place costs more than what is no object
      const read = sourceObject(item.value, item.spans);
      if (read.kind === "object") objects.push(read.object);
      else {
        refused++;
        all.push(...read.diagnostics);
      }
    }
  }
  return { objects, diagnostics: all };
}

/** `kubectl get -o yaml` writes a List whose items are objects. */
function itemsOf(
  value: unknown,
  spans: SpanFinder,
): readonly { readonly value: unknown; readonly spans: SpanFinder }[] {
  if (!isObject(value) || !Array.isArray(value.items) || typeof value.kind !== "string" || !value.kind.endsWith("List"))
    return [{ value, spans }];
  const { apiVersion, kind } = value;
  return value.items.flatMap((item: unknown, i) =>
    itemsOf(completed(item, apiVersion, kind.slice(0, -"List".length)), (path, part) =>
      spans(path === "" ? `items[${i}]` : `items[${i}].${path}`, part),
    ),
  );
}

/** The API's own lists (`ServiceList`) say once what all their items are. */
function completed(item: unknown, apiVersion: unknown, kind: string): unknown {
  if (kind === "" || !isObject(item) || item.kind !== undefined || item.apiVersion !== undefined) return item;
  return { apiVersion, kind, ...item };
}

export type SourceObjectResult =
  | { readonly kind: "object"; readonly object: SourceObject }
  | { readonly kind: "invalid"; readonly diagnostics: readonly Diagnostic[] };

/** Groups of tools' own files, which stand beside objects and need no names: kustomize's, and what Istio, kubeadm and kind install by. */
const TOOLS: ReadonlySet<string> = new Set([
  "kustomize.config.k8s.io",
  "install.istio.io",
  "kubeadm.k8s.io",
  "kind.x-k8s.io",
]);

/** Checks the envelope. An object without a namespace is in `default`; for cluster-scoped kinds that does not matter. */
export function sourceObject(value: unknown, spans?: SpanFinder): SourceObjectResult {
  if (!isObject(value)) return refused([["", diagnostics.notAnObject(value)]], UNNAMED, spans);
  const metadata = isObject(value.metadata) ? value.metadata : {};
  const apiVersion = typeof value.apiVersion === "string" ? value.apiVersion : "";
  const slash = apiVersion.indexOf("/");
  const origin: Origin = {
    group: slash === -1 ? "" : apiVersion.slice(0, slash),
    kind: typeof value.kind === "string" ? value.kind : "",
    namespace: typeof metadata.namespace === "string" && metadata.namespace !== "" ? metadata.namespace : "default",
    name: typeof metadata.name === "string" ? metadata.name : "",
  };
  const problems: [string, Message][] = [];
  if (apiVersion === "") problems.push(missing(value, "", "apiVersion", "networking.istio.io/v1"));
  if (origin.kind === "") problems.push(missing(value, "", "kind", "VirtualService"));
  if (origin.name === "") problems.push(withoutName(value.metadata));
  else if (!isObjectName(origin.name)) problems.push(["metadata.name", diagnostics.badName("name", origin.name)]);
  if (!isTextOrUnset(metadata.namespace)) problems.push(missing(metadata, "metadata", "namespace", ""));
  if (!isObjectName(origin.namespace))
    problems.push(["metadata.namespace", diagnostics.badName("namespace", origin.namespace)]);
  problems.push(...stringMapProblems(metadata, "labels"), ...stringMapProblems(metadata, "annotations"));
  if (origin.name === "" && TOOLS.has(origin.group)) {
    const told: [string, Message] = ["kind", diagnostics.foreignKind(apiVersion, origin.kind)];
    return refused([told], origin, spans);
  }
  if (problems.length > 0) return refused(problems, origin, spans);
  const created = typeof metadata.creationTimestamp === "string" ? Date.parse(metadata.creationTimestamp) : 0;
  return {
    kind: "object",
    object: {
      origin,
      key: originKey(origin),
      version: apiVersion.slice(slash + 1),
      createdAt: Number.isFinite(created) ? created : 0,
      labels: (metadata.labels ?? {}) as Readonly<Record<string, string>>,
      annotations: (metadata.annotations ?? {}) as Readonly<Record<string, string>>,
      value,
      spans,
    },
  };
}

function isTextOrUnset(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "string";
}

/** A field of the envelope that is not there, or no text: YAML takes `off` and `123` for none. */
function missing(parent: JsonObject, path: string, field: string, example: string): [string, Message] {
  const value = parent[field];
  const at = joinPath(path, field);
  if (value === undefined || value === null || value === "") return [path, diagnostics.missingField(at, example)];
  const isScalar = typeof value === "number" || typeof value === "boolean";
  return [at, diagnostics.wrongType(field, "a string", value, isScalar ? diagnostics.IN_QUOTES : undefined)];
}

const GENERATED = "generateName makes one in the API alone (kubectl create)";

function withoutName(metadata: unknown): [string, Message] {
  if (typeof metadata === "string")
    return ["metadata", diagnostics.wrongType("metadata", "an object", metadata, "a space after the colon")];
  const fields = isObject(metadata) ? metadata : {};
  if (typeof fields.generateName === "string" && fields.name === undefined)
    return ["metadata.generateName", diagnostics.missingField("metadata.name", `${fields.generateName}a`, GENERATED)];
  return missing(fields, "metadata", "name", "my-object");
}

/** Of a document that is no object at all. */
const UNNAMED: Origin = { group: "", kind: "", namespace: "", name: "" };

function refused(
  problems: readonly (readonly [string, Message])[],
  origin: Origin,
  spans?: SpanFinder,
): SourceObjectResult {
  const isNamed = origin.kind !== "" && origin.name !== "";
  return {
    kind: "invalid",
    diagnostics: problems.map(([path, message]) => {
      const found = diagnose(message, origin, path, spans);
      const { object: _, ...unnamed } = found;
      return isNamed ? found : unnamed;
    }),
  };
}

function stringMapProblems(metadata: JsonObject, field: "labels" | "annotations"): [string, Message][] {
  const map = metadata[field];
  if (map === undefined || map === null) return [];
  const path = `metadata.${field}`;
  if (!isObject(map)) return [[path, diagnostics.wrongType(field, "a map of strings", map)]];
  return Object.entries(map)
    .filter(([, value]) => typeof value !== "string")
    .map(([key, value]) => [joinPath(path, key), diagnostics.wrongType(key, "a string", value, diagnostics.IN_QUOTES)]);
}

/** Kubernetes' DNS-1123 subdomain. */
export function isObjectName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
