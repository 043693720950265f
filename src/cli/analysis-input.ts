// What is analyzed: objects of files, objects in force, or the one on top of the other.

import type { Finding } from "../analyze/code.ts";
import type { TextFile } from "../dialect/load.ts";
import { readObjects, type SourceObject, sourceObject } from "../dialect/object.ts";
import type { KubeClient } from "../kube/client/client.ts";
import { RESOURCES, type ResourceType, resourceByKind } from "../kube/resources.ts";
import { hasReason } from "../kube/status.ts";
import { originKey } from "../model/origin.ts";
import { aged } from "./written-age.ts";

export interface FileObjects {
  readonly objects: readonly SourceObject[];
  /** Of what is no object. */
  readonly unreadable: readonly Finding[];
}

/** Objects without a namespace get `namespace`. */
export function objectsOfFiles(files: readonly TextFile[], namespace: string): FileObjects {
  const read = files.map(({ name, content }) => readObjects(name, content));
  return {
    objects: read.flatMap(({ objects }) => objects.map((object) => placed(object, namespace))),
    unreadable: read.flatMap(({ diagnostics }) => diagnostics),
  };
}

function placed(object: SourceObject, namespace: string): SourceObject {
  const { origin, value } = object;
  const { metadata } = value as { readonly metadata: Readonly<Record<string, unknown>> };
  if (metadata.namespace || resourceByKind(origin.group, origin.kind)?.namespaced === false) return object;
  const place = { ...origin, namespace };
  return { ...object, key: originKey(place), value: { ...value, metadata: { ...metadata, namespace } }, origin: place };
}

/** Definitions and leases say nothing about a mesh. */
const WITHOUT_MEANING = ["CustomResourceDefinition", "Lease"];

/** Everything that the API holds. A server that does not know a kind has none of it. */
export async function objectsHeld(client: KubeClient): Promise<readonly SourceObject[]> {
  const types = RESOURCES.filter(({ kind, verbs }) => verbs.includes("list") && !WITHOUT_MEANING.includes(kind));
  const lists = await Promise.all(types.map((type) => listed(client, type)));
  return lists.flat();
}

async function listed(client: KubeClient, type: ResourceType): Promise<readonly SourceObject[]> {
  try {
    const { objects } = await client.list(type);
    return objects.flatMap((object) => {
      const read = sourceObject(object);
      return read.kind === "object" ? [read.object] : [];
    });
  } catch (thrown) {
    if (hasReason(thrown, "NotFound")) return [];
    throw thrown;
  }
}

/** `written` in the place of what is held under the same names. */
export function onTop(written: readonly SourceObject[], held: readonly SourceObject[]): readonly SourceObject[] {
  const replaced = new Set(written.map(({ key }) => key));
  return [...aged(written, held), ...held.filter(({ key }) => !replaced.has(key))];
}
