// Which hosts of a cluster a request may go to, by the hosts' metadata (Envoy: SubsetLoadBalancer).

/** Keys to values in JSON, as endpoints' `envoy.lb` metadata holds them. */
export type SubsetMatch = ReadonlyMap<string, string>;

export type SubsetFallback =
  | { readonly kind: "none" }
  | { readonly kind: "any" }
  | { readonly kind: "default" }
  /** Asked again with these keys alone. */
  | { readonly kind: "keys"; readonly keys: readonly string[] };

export interface SubsetSelector {
  /** Sorted. */
  readonly keys: readonly string[];
  /** Undefined takes the policy's. */
  readonly fallback: SubsetFallback | undefined;
  readonly singleHost: boolean;
}

export interface SubsetPolicy {
  readonly fallback: Exclude<SubsetFallback, { readonly kind: "keys" }>;
  readonly defaultSubset: SubsetMatch;
  readonly selectors: readonly SubsetSelector[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  /** Where the fallback leads to nobody, any host will do. */
  readonly panicModeAny: boolean;
  /** A list among a host's values stands for each of its elements. */
  readonly listAsAny: boolean;
  /** A request may bring several matches (`fallback_list`), of which the first that has a host counts. */
  readonly fallbackList: boolean;
  readonly allowRedundantKeys: boolean;
}

/** The values that a host has for a key, under `listAsAny`. */
function valuesOf(value: string, listAsAny: boolean): readonly string[] {
  if (!listAsAny || !value.startsWith("[")) return [value];
  return (JSON.parse(value) as readonly unknown[]).map((element) => JSON.stringify(element));
}

/** Whether a host's metadata has all of these. */
export function matchesSubset(metadata: SubsetMatch, wanted: SubsetMatch, listAsAny: boolean): boolean {
  for (const [key, value] of wanted) {
    const own = metadata.get(key);
    if (own === undefined || !valuesOf(own, listAsAny).includes(value)) return false;
  }
  return true;
}

/** One name for a match, whatever the order of its keys. */
export function subsetName(match: SubsetMatch): string {
  return JSON.stringify([...match].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The names of the subsets that a host is in by a selector; none when it lacks a key. */
export function subsetsOf(metadata: SubsetMatch, keys: readonly string[], listAsAny: boolean): readonly SubsetMatch[] {
  let matches: readonly SubsetMatch[] = [new Map()];
  for (const key of keys) {
    const own = metadata.get(key);
    if (own === undefined) return [];
    matches = matches.flatMap((match) => valuesOf(own, listAsAny).map((value) => new Map(match).set(key, value)));
  }
  return matches;
}

/** The selector whose keys are those of the match; undefined: nobody selects by them. */
export function selectorOf({ selectors }: SubsetPolicy, match: SubsetMatch): SubsetSelector | undefined {
  return selectors.find(({ keys }) => keys.length === match.size && keys.every((key) => match.has(key)));
}
