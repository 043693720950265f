// How far ServiceEntries may be seen, whatever they say themselves: the mesh's word on it, by the labels of their namespace.

import { type LabelSelector, selectsLabels } from "./label-selector.ts";
import { type Visibility, visibleTo } from "./visibility.ts";

export type EntryScope = "public" | "own-namespace" | "nobody";

type Labels = Readonly<Record<string, string>>;

export interface EntryVisibility {
  readonly byDefault: EntryScope;
  /** The first that applies: all of its selectors select the namespace. */
  readonly policies: readonly { readonly scope: EntryScope; readonly selectors: readonly LabelSelector[] }[];
  /** Of namespaces that somebody said labels of. */
  readonly labels: ReadonlyMap<string, Labels>;
}

/** Kubernetes gives it to every namespace. */
const NAME = "kubernetes.io/metadata.name";

function scopeOf({ byDefault, policies, labels }: EntryVisibility, namespace: string): EntryScope {
  const known = { ...labels.get(namespace), [NAME]: namespace };
  const policy = policies.find(({ selectors }) => selectors.every((selector) => selectsLabels(selector, known)));
  return policy?.scope ?? byDefault;
}

/** It narrows what the entry says, and never widens it. */
export function entryVisibility(mesh: EntryVisibility | undefined, said: Visibility, namespace: string): Visibility {
  if (!mesh) return said;
  switch (scopeOf(mesh, namespace)) {
    case "public":
      return said;
    case "own-namespace":
      return visibleTo(said, namespace) ? { kind: "namespaces", namespaces: [namespace] } : { kind: "nobody" };
    case "nobody":
      return { kind: "nobody" };
  }
}
