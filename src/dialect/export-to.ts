// `exportTo`, which Istio's kinds have as a field and Kubernetes' Services as an annotation.

import { type DefaultVisibility, PUBLIC, type Visibility, visibilityIn } from "../model/visibility.ts";

/** `exportTo`: `*` is everybody and wins over the rest, `.` the object's own namespace, `~` nobody. Empty: the mesh's default. */
export function visibilityOf(
  exportTo: readonly string[] | undefined,
  namespace: string,
  byDefault: DefaultVisibility,
): Visibility {
  return visibilityIn(namespace, exportTo && exportTo.length > 0 ? defaultVisibilityOf(exportTo) : byDefault);
}

/** A list that is not empty, before it is known in which namespace. */
export function defaultVisibilityOf(exportTo: readonly string[]): DefaultVisibility {
  if (exportTo.includes("*")) return PUBLIC;
  const others = exportTo.filter((name) => name !== "~" && name !== ".");
  if (exportTo.includes(".")) return { kind: "own-namespace", others };
  return others.length === 0 ? { kind: "nobody" } : { kind: "namespaces", namespaces: [...new Set(others)].sort() };
}
