// `exportTo`, which Istio's kinds have as a field and Kubernetes' Services as an annotation.

import { PUBLIC, type Visibility } from "../model/visibility.ts";

/** `exportTo`: `*` is everybody and wins over the rest, `.` the object's own namespace, `~` nobody. Empty: the mesh's default. */
export function visibilityOf(
  exportTo: readonly string[] | undefined,
  namespace: string,
  byDefault: Visibility,
): Visibility {
  if (!exportTo || exportTo.length === 0) return byDefault;
  if (exportTo.includes("*")) return PUBLIC;
  const namespaces = exportTo.filter((name) => name !== "~").map((name) => (name === "." ? namespace : name));
  return namespaces.length === 0
    ? { kind: "nobody" }
    : { kind: "namespaces", namespaces: [...new Set(namespaces)].sort() };
}
