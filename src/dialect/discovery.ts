// Which objects are read at all, where the mesh chooses its namespaces.

import { selectsLabels } from "../model/label-selector.ts";
import type { Message } from "../model/message.ts";
import type { MeshSettings } from "../model/settings.ts";
import { quote } from "./diagnostics.ts";
import type { SourceObject } from "./object.ts";

const NONE: ReadonlySet<string> = new Set();

export function isNamespace({ origin }: SourceObject): boolean {
  return origin.kind === "Namespace" && origin.group === "";
}

/**
 * Namespaces whose objects are left alone. One whose labels nobody said is read, as files may hold objects without it; so are root namespaces,
 * where Istio wants them selected too: what is forbidden there for the whole mesh must not come undone by a label that is missing.
 */
export function unreadNamespaces(
  objects: readonly SourceObject[],
  { discovery, rootNamespaces }: MeshSettings,
): ReadonlySet<string> {
  if (discovery.length === 0) return NONE;
  return new Set(
    objects.flatMap((object) => {
      const { name } = object.origin;
      if (!isNamespace(object) || rootNamespaces.includes(name)) return [];
      return discovery.some((selector) => selectsLabels(selector, object.labels)) ? [] : [name];
    }),
  );
}

/** What is told to who writes a policy there. Services and Pods are there by the thousand, and nobody's mistake. */
export function notDiscovered(namespace: string): Message {
  return {
    code: "HED1422",
    severity: "info",
    message: `nobody reads this: discoverySelectors of the mesh do not select the namespace ${quote(namespace)}`,
    suggestion: "labels of the Namespace that one of them selects",
  };
}
