// Who may see a service, a route or a policy. Every dialect's export rule reduces to a set of client namespaces.

export type Visibility =
  | { readonly kind: "public" }
  | { readonly kind: "namespaces"; readonly namespaces: readonly string[] }
  | { readonly kind: "nobody" };

export const PUBLIC: Visibility = { kind: "public" };

/** Of objects that say nothing themselves. `own-namespace`: an object's own, and the others. */
export type DefaultVisibility = Visibility | { readonly kind: "own-namespace"; readonly others: readonly string[] };

export function visibilityIn(namespace: string, byDefault: DefaultVisibility): Visibility {
  if (byDefault.kind !== "own-namespace") return byDefault;
  return { kind: "namespaces", namespaces: [...new Set([namespace, ...byDefault.others])].sort() };
}

export function visibleTo(visibility: Visibility, namespace: string): boolean {
  return (
    visibility.kind === "public" || (visibility.kind === "namespaces" && visibility.namespaces.includes(namespace))
  );
}

/** Seen by its own namespace alone, as Istio's `exportTo: ["."]`. */
export function isPrivate(visibility: Visibility, ownNamespace: string): boolean {
  return (
    visibility.kind === "namespaces" && visibility.namespaces.length === 1 && visibility.namespaces[0] === ownNamespace
  );
}
