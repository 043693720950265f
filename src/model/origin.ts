// Where a part of the model was written: carried by everything, down to the xDS resources, so that each decision can name its object.

/** An object in Kubernetes' terms. `group` is the API group without the version (`networking.istio.io`, "" for core): a kind alone is ambiguous. */
export interface Origin {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Something a person wrote that competes with others of its kind: by age first (milliseconds since 1970, 0 when unknown). */
export interface Authored {
  readonly origin: Origin;
  readonly createdAt: number;
}

/** Unique text of an origin: `networking.istio.io/VirtualService/default/golden-signal`. */
export function originKey(origin: Origin): string {
  return `${origin.group}/${origin.kind}/${origin.namespace}/${origin.name}`;
}

/** Order of age: oldest first, ties by name, then by namespace, as Istio's sortConfigByCreationTime. */
export function byAge(a: Authored, b: Authored): number {
  return (
    a.createdAt - b.createdAt ||
    compareText(a.origin.name, b.origin.name) ||
    compareText(a.origin.namespace, b.origin.namespace)
  );
}

/** Order by UTF-16 code units: the same on every machine, which a locale's collation is not. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
