// Objects of the folder that the control plane watches, as its API would show them: with what it says of them for a status, which is written nowhere.

import type { ObjectConditions } from "../admin/api.ts";
import type { JsonObject } from "../dialect/object.ts";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { matches, parseLabelSelector } from "../kube/selector.ts";
import { compareText, originKey } from "../model/origin.ts";
import type { ApiOptions } from "./api-client.ts";
import { fetchAdmin, type MeshOptions } from "./mesh-status.ts";
import { digestOf } from "./object-digest.ts";
import type { Wanted } from "./object-output.ts";
import { type Table, tableOf } from "./object-table.ts";
import { objectsWatched } from "./objects-in-force.ts";

/** None where another's API is asked, and where the control plane watches no folder. */
export async function watchedObjects(
  { type, namespace, name, selector = "" }: Wanted,
  options: ApiOptions & MeshOptions,
): Promise<readonly KubeObject[]> {
  const labels = parseLabelSelector(selector);
  if (labels.kind === "error") return []; // the API says so
  const found = objectsWatched(options).filter(
    ({ origin }) =>
      origin.group === type.group &&
      origin.kind === type.kind &&
      (namespace === "" || origin.namespace === namespace) &&
      (name === "" || origin.name === name),
  );
  if (found.length === 0) return [];
  const conditions = await conditionsInForce(options);
  return found
    .map(({ value, key }) => withConditions(value as unknown as KubeObject, conditions.get(key)))
    .filter((object) => matches(object, { labels: labels.value, fields: [] }));
}

/** By originKey. */
export async function conditionsInForce(options: MeshOptions): Promise<ReadonlyMap<string, ObjectConditions>> {
  const all = (await fetchAdmin(options, "/api/v1/conditions")) as readonly ObjectConditions[];
  return new Map(all.map((each) => [originKey(each), each]));
}

/** Nothing, where what was said is of the file as it was before. */
function withConditions(object: KubeObject, said: ObjectConditions | undefined): KubeObject {
  if (!said || said.digest !== digestOf(object as unknown as JsonObject)) return object;
  return { ...object, status: { conditions: said.conditions.map((condition) => ({ ...condition })) } };
}

/** By namespace and name. What the API holds under the name of a file is shown as it is held: its status says that the file counts. */
export function together(held: readonly KubeObject[], watched: readonly KubeObject[]): readonly KubeObject[] {
  const known = new Set(held.map(keyOf));
  return sorted([...held, ...watched.filter((object) => !known.has(keyOf(object)))], keyOf);
}

export function keyOf({ metadata }: Pick<KubeObject, "metadata">): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function sorted<T>(members: readonly T[], key: (member: T) => string): readonly T[] {
  return members.toSorted((a, b) => compareText(key(a), key(b)));
}

/** `held` undefined: the API has none of it. */
export async function tableWith(
  held: Table | undefined,
  watched: readonly KubeObject[],
  type: ResourceType,
): Promise<Table> {
  if (held && watched.length === 0) return held;
  // The server's own; most meshes have no such folder.
  const { table } = await import("../kube/api/table.ts");
  const options = { type, version: "v1", rowObject: "Metadata", now: new Date() } as const;
  const made = tableOf(table(watched, {}, options));
  if (!held) return made;
  const nameOf = ({ object, cells }: Table["rows"][number]) => (object ? keyOf(object) : String(cells[0]));
  const known = new Set(held.rows.map(nameOf));
  return { ...held, rows: sorted([...held.rows, ...made.rows.filter((row) => !known.has(nameOf(row)))], nameOf) };
}
