// Which endpoints a client prefers by where they are.

import type { Locality } from "./workload.ts";

/** `*` in a place of it is anything. */
export type LocalityPattern = Locality;

/** How clients at some place share their requests out: in percent of all; what nothing is given to gets none. */
export interface LocalityShares {
  readonly from: LocalityPattern;
  readonly to: readonly { readonly locality: LocalityPattern; readonly weight: number }[];
}

/** Preferred are endpoints with the client's value of the label, or with `value`. */
export interface FailoverLabel {
  readonly name: string;
  readonly value?: string | undefined;
}

export type LocalityPreference =
  | { readonly kind: "none" }
  /** Of several that fit the client the first counts; where none does, all localities are alike. */
  | { readonly kind: "shares"; readonly rules: readonly LocalityShares[] }
  /**
   * Of one rank, proxies that know their own cluster keep to their zone as far as that overloads nobody. Ranks are by labels, then by
   * region: the client's own, where `regions` leads from there, the others.
   */
  | {
      readonly kind: "zones";
      readonly labels: readonly FailoverLabel[];
      readonly regions: readonly { readonly from: string; readonly to: string }[];
      /** With fewer healthy endpoints zones do not count. */
      readonly minClusterSize: number;
    }
  /**
   * The nearest first, and others as those fail. Of labels the first counts most, and they count more than places, which beside them
   * count only where regions are said.
   */
  | {
      readonly kind: "failover";
      readonly labels: readonly FailoverLabel[];
      /** Where to go from a region, before all others. */
      readonly regions: readonly { readonly from: string; readonly to: string }[];
      /** Also where no endpoint is ever found to fail: others are for when there is none left. */
      readonly always?: true | undefined;
    };

/** Subzone, zone, region, anywhere. */
export const NEAREST_FIRST: LocalityPreference = { kind: "failover", labels: [], regions: [] };

export function matchesLocality(pattern: LocalityPattern, { region, zone, subzone }: Locality): boolean {
  return (
    (pattern.region === "*" || pattern.region === region) &&
    (pattern.zone === "*" || pattern.zone === zone) &&
    (pattern.subzone === "*" || pattern.subzone === subzone)
  );
}
