// Where a VirtualService holds: at the clients' sidecars (`mesh`), or at Gateways that it names; each of its matches may be for some of them.

import { MESH_GATEWAY, resolveGateway } from "./names.ts";

/** `mesh`, or a Gateway as `namespace/name`. */
export type Place = string;

/** A match with the places that it is for; undefined: all of its VirtualService's. */
export type Placed<Match> = Match & { readonly places?: readonly Place[] | undefined };

/** Undefined when none is named. */
export function placesOf(gateways: readonly string[] | undefined, namespace: string): readonly Place[] | undefined {
  if (!gateways || gateways.length === 0) return undefined;
  return [...new Set(gateways.map((gateway) => resolveGateway(gateway, namespace)))];
}

/** The rule as it holds at a place; undefined when every match is for others: none at all would match everything. */
export function ruleAt<Match extends object, Rule extends { readonly matches: readonly Placed<Match>[] }>(
  rule: Rule,
  place: Place,
): (Omit<Rule, "matches"> & { readonly matches: readonly Match[] }) | undefined {
  const here = rule.matches.filter(({ places }) => !places || places.includes(place));
  if (here.length === 0 && rule.matches.length > 0) return undefined;
  return { ...rule, matches: here.map(({ places: _, ...match }) => match as unknown as Match) };
}

/** Undefined at sidecars. */
export function gatewayAt(place: Place): string | undefined {
  return place === MESH_GATEWAY ? undefined : place;
}
