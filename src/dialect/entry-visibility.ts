// The labels of namespaces by which the mesh says how far ServiceEntries are seen: settled before any entry is read.

import type { MeshSettings } from "../model/settings.ts";
import { isNamespace } from "./discovery.ts";
import type { SourceObject } from "./object.ts";

const known = new WeakMap<MeshSettings, { readonly key: string; readonly settings: MeshSettings }>();

/** The same object as long as the labels are the same: everything is remembered by it. */
export function withNamespaceLabels(settings: MeshSettings, objects: readonly SourceObject[]): MeshSettings {
  const { entryVisibility } = settings;
  if (!entryVisibility || entryVisibility.policies.length === 0) return settings;
  const labels = objects.flatMap((object) =>
    isNamespace(object) ? [[object.origin.name, object.labels] as const] : [],
  );
  const key = JSON.stringify(labels.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const before = known.get(settings);
  if (before?.key === key) return before.settings;
  const made = { ...settings, entryVisibility: { ...entryVisibility, labels: new Map(labels) } };
  known.set(settings, { key, settings: made });
  return made;
}
