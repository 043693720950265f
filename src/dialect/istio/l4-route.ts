// Entries of a VirtualService's `tls` and `tcp`.

import type { TcpMatch, TlsMatch } from "../../model/match.ts";
import type { TcpRule, TlsRule, WeightedBackend } from "../../model/route.ts";
import { readDestinations } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import { clientSelector } from "./http-match.ts";
import { type Placed, placesOf } from "./places.ts";
import type { Reading } from "./reading.ts";
import type { TcpRouteSpec, TlsRouteSpec } from "./virtual-service-schema.ts";

export type TlsDraft = Omit<TlsRule, "matches"> & { readonly matches: readonly Placed<TlsMatch>[] };
export type TcpDraft = Omit<TcpRule, "matches"> & { readonly matches: readonly Placed<TcpMatch>[] };

export function readTlsRoute(spec: TlsRouteSpec, i: number, reading: Reading): TlsDraft {
  const path = `spec.tls[${i}]`;
  if (spec.match.length === 0) reading.reporter.report(path, diagnostics.noTlsMatch());
  const matches = spec.match.map((block) => ({
    ...readL4Match(block, reading),
    sniHosts: block.sniHosts.map((host) => host.toLowerCase()),
  }));
  const backends = readBackends(spec, path, reading);
  return { rank: [i], origin: reading.origin, path, matches, backends };
}

export function readTcpRoute(spec: TcpRouteSpec, i: number, reading: Reading): TcpDraft {
  const path = `spec.tcp[${i}]`;
  const matches = (spec.match ?? []).map((block) => readL4Match(block, reading));
  const backends = readBackends(spec, path, reading);
  return { rank: [i], origin: reading.origin, path, matches, backends };
}

type L4MatchSpec = NonNullable<TcpRouteSpec["match"]>[number];

function readL4Match(spec: L4MatchSpec, { namespace }: Reading): Placed<TcpMatch> {
  return {
    destinations: spec.destinationSubnets ?? [],
    client: clientSelector(spec),
    port: spec.port || undefined,
    places: placesOf(spec.gateways, namespace),
  };
}

function readBackends(spec: TlsRouteSpec | TcpRouteSpec, path: string, reading: Reading): readonly WeightedBackend[] {
  if (spec.route.length > 0) return readDestinations(spec.route, `${path}.route`, reading).backends;
  reading.reporter.report(path, diagnostics.routeWithoutAction());
  return [];
}
