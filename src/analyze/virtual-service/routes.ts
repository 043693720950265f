// The destinations of a VirtualService, wherever they stand, with their paths.

import type { VirtualServiceValue } from "../kinds.ts";

type Spec = VirtualServiceValue["spec"];
export type HttpRouteValue = NonNullable<Spec["http"]>[number];
export type Destination = NonNullable<HttpRouteValue["mirror"]>;

export interface PlacedDestination {
  readonly destination: Destination;
  readonly path: string;
}

export function destinationsOf(spec: Spec): readonly PlacedDestination[] {
  const routes = [
    ...(spec.http ?? []).map((route, i) => ({ route: route.route, path: `spec.http[${i}]` })),
    ...(spec.tls ?? []).map((route, i) => ({ route: route.route, path: `spec.tls[${i}]` })),
    ...(spec.tcp ?? []).map((route, i) => ({ route: route.route, path: `spec.tcp[${i}]` })),
  ];
  const forwarded = routes.flatMap(({ route = [], path }) =>
    route.map(({ destination }, j) => ({ destination, path: `${path}.route[${j}].destination` })),
  );
  return [...forwarded, ...(spec.http ?? []).flatMap((route, i) => mirrorsOf(route, `spec.http[${i}]`))];
}

function mirrorsOf({ mirror, mirrors = [] }: HttpRouteValue, path: string): readonly PlacedDestination[] {
  const many = mirrors.map(({ destination }, i) => ({ destination, path: `${path}.mirrors[${i}].destination` }));
  return mirror ? [{ destination: mirror, path: `${path}.mirror` }, ...many] : many;
}

/** Gateways of the whole, or of a match, with their paths; without any it is the sidecars'. */
export function gatewaysOf(spec: Spec): readonly { readonly gateway: string; readonly path: string }[] {
  const lists: { readonly gateways: readonly string[]; readonly path: string }[] = [
    { gateways: spec.gateways ?? [], path: "spec.gateways" },
  ];
  for (const kind of ["http", "tls", "tcp"] as const) {
    (spec[kind] ?? []).forEach((route, i) => {
      (route.match ?? []).forEach((match, j) => {
        lists.push({ gateways: match.gateways ?? [], path: `spec.${kind}[${i}].match[${j}].gateways` });
      });
    });
  }
  return lists.flatMap(({ gateways, path }) => gateways.map((gateway, i) => ({ gateway, path: `${path}[${i}]` })));
}
