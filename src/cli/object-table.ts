// The API's tables: the server knows the columns of each kind (metav1.Table), so that this side need not.

import { Failure } from "../base/failure.ts";
import type { KubeConnection } from "../kube/client/connection.ts";
import { isJsonObject } from "../kube/json.ts";
import type { KubeObject } from "../kube/object.ts";
import { type Status, StatusFailure } from "../kube/status.ts";
import { pathOf } from "./kinds.ts";
import type { Wanted } from "./object-output.ts";
import { renderTable } from "./terminal.ts";

export interface Table {
  readonly kind: "Table";
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly {
    readonly cells: readonly unknown[];
    readonly object?: Pick<KubeObject, "metadata">;
  }[];
}

export const TABLE_TYPE = "application/json;as=Table;v=v1;g=meta.k8s.io";

/** The path of what is wanted, with the query that selects it. */
export function queryOf(
  { type, namespace, name, selector }: Wanted,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({ ...(selector === undefined ? {} : { labelSelector: selector }), ...more });
  return `${pathOf(type, namespace, name)}${query.size > 0 ? `?${query}` : ""}`;
}

export async function fetchTable(connection: KubeConnection, wanted: Wanted): Promise<Table> {
  const request = { headers: { accept: TABLE_TYPE }, signal: AbortSignal.timeout(60_000), tls: connection.tls };
  const response = await connection.fetch(`${connection.server}${queryOf(wanted)}`, request);
  return tableOf(await response.json());
}

/** Throws a StatusFailure for the answer of an API that refuses. */
export function tableOf(body: unknown): Table {
  if (isJsonObject(body) && body.kind === "Table") return body as unknown as Table;
  if (isJsonObject(body) && body.kind === "Status") throw new StatusFailure(body as unknown as Status);
  throw new Failure("the server's answer is not a table", { hint: "is --server a Kubernetes API?" });
}

export interface TableForm {
  readonly wide: boolean;
  /** With a column for the namespace. */
  readonly namespaces: boolean;
}

/** The table as text; `headings` false for further rows of the same table. */
export function tableText(
  { columnDefinitions, rows }: Table,
  { wide, namespaces }: TableForm,
  headings = true,
): string {
  const columns = columnDefinitions
    .map(({ priority }, index) => ({ priority, index }))
    .filter(({ priority }) => wide || priority === 0);
  const names = columns.map(({ index }) => columnDefinitions[index]!.name);
  const cells = rows.map((row) => [
    ...(namespaces ? [row.object?.metadata.namespace ?? ""] : []),
    ...columns.map(({ index }) => cellText(row.cells[index])),
  ]);
  const text = renderTable([...(namespaces ? ["namespace"] : []), ...names], cells);
  return headings ? text : text.slice(text.indexOf("\n") + 1);
}

function cellText(value: unknown): string {
  if (value === undefined || value === null || value === "") return "<none>";
  return typeof value === "string" ? value : JSON.stringify(value);
}
