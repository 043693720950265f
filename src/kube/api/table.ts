// Objects as rows, for `kubectl get`: the server knows the columns, so that the client need not know the kinds.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables

import type { JsonObject } from "../json.ts";
import { isJsonArray, isJsonObject, valueAt } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { type ResourceType, resource } from "../resources.ts";
import { badRequest } from "../status.ts";
import { AGE, type Cell, type ComputedColumn, coreColumns } from "./table-core.ts";

/** How much of each object travels with its row. */
export type RowObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly type: ResourceType;
  /** Of the Table itself: v1 or v1beta1. */
  readonly version: string;
  readonly rowObject: RowObject;
  readonly now: Date;
}

/** The query parameter includeObject; throws 400. */
export function readRowObject(text: string): RowObject {
  if (text === "") return "Metadata";
  if (text === "None" || text === "Metadata" || text === "Object") return text;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`);
}

/** A value as Kubernetes prints it in a column of a custom resource: lists and objects as JSON, nothing as nothing. */
function pathCell(value: unknown): Cell {
  if (value === undefined || value === null) return "";
  if (isJsonArray(value) || isJsonObject(value)) return JSON.stringify(value);
  return typeof value === "number" ? value : String(value);
}

function columnsOf(type: ResourceType): readonly ComputedColumn[] {
  const computed = coreColumns(type);
  if (computed) return computed;
  const columns = type.columns.map(
    ({ name, description, path, priority = 0 }): ComputedColumn => ({
      name,
      type: "string",
      description,
      priority,
      cell: (object) => pathCell(valueAt(object, path)),
    }),
  );
  return type === resource.customResourceDefinitions ? columns : [...columns, AGE];
}

function definitions(type: ResourceType): readonly JsonObject[] {
  const name = {
    name: "Name",
    type: "string",
    format: "name",
    description: "Name of the object, unique in its namespace",
    priority: 0,
  };
  return [
    name,
    ...columnsOf(type).map(({ name: heading, type: kind, description, priority = 0 }) => ({
      name: heading,
      type: kind,
      format: "",
      description,
      priority,
    })),
  ];
}

/** The object with its metadata alone. */
export function partialObject(object: KubeObject, version: string): JsonObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata as unknown as JsonObject,
  };
}

function row(object: KubeObject, { type, version, rowObject, now }: TableOptions): JsonObject {
  const cells = [object.metadata.name, ...columnsOf(type).map(({ cell }) => cell(object, now))];
  if (rowObject === "None") return { cells };
  return { cells, object: rowObject === "Object" ? (object as unknown as JsonObject) : partialObject(object, version) };
}

/** `metadata` is that of the list, or of the one object. `headed`: a watch sends the columns once. */
export function table(
  objects: readonly KubeObject[],
  metadata: JsonObject,
  options: TableOptions,
  headed = true,
): JsonObject {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: headed ? definitions(options.type) : [],
    rows: objects.map((object) => row(object, options)),
  };
}
