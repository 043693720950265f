// Who may see a service, a route or a policy. Every dialect's export rule reduces to a set of client namespaces.

export type Visibility =
  | { readonly kind: "public" }
  | { readonly kind: "namespaces"; readonly namespaces: readonly string[] }
  | { readonly kind: "nobody" };

export const PUBLIC: Visibility = { kind: "public" };

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
