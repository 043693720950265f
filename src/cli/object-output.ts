// Objects as `heddle get` writes them, and what it is asked for.

import { stringify } from "yaml";
import type { KubeObject } from "../kube/object.ts";
import type { ResourceType } from "../kube/resources.ts";
import { shownName } from "./kinds.ts";

export const OUTPUTS = ["table", "wide", "json", "yaml", "name"] as const;
export type Output = (typeof OUTPUTS)[number];

/** `namespace` "" is all of them, `name` "" all objects. */
export interface Wanted {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly selector: string | undefined;
}

/** Without the record of who owns which field, which is longer than the object. */
export function readable(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

export function objectText(type: ResourceType, object: KubeObject, output: "json" | "yaml" | "name"): string {
  if (output === "name") return shownName(type, object.metadata.name);
  return output === "json" ? JSON.stringify(readable(object), null, 2) : stringify(readable(object)).trimEnd();
}
