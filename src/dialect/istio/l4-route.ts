// Entries of a VirtualService's `tls` and `tcp`.

import type { TcpMatch, TlsMatch } from "../../model/match.ts";
import type { TcpRule, TlsRule, WeightedBackend } from "../../model/route.ts";
import { readDestinations } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import { clientSelector, isForSidecars } from "./http-match.ts";
import type { Reading } from "./reading.ts";
import type { TcpRouteSpec, TlsRouteSpec } from "./virtual-service-schema.ts";

/** Undefined when it is for other gateways alone. */
export function readTlsRoute(spec: TlsRouteSpec, i: number, reading: Reading): TlsRule | undefined {
  const path = `spec.tls[${i}]`;
  if (spec.match.length === 0) reading.reporter.report(path, diagnostics.noTlsMatch());
  const matches = spec.match.flatMap((block, j): readonly TlsMatch[] => {
    const match = readL4Match(block, `${path}.match[${j}]`, reading);
    return match ? [{ ...match, sniHosts: block.sniHosts.map((host) => host.toLowerCase()) }] : [];
  });
  const backends = readBackends(spec, path, reading);
  return matches.length === 0 ? undefined : { rank: [i], origin: reading.origin, path, matches, backends };
}

/** Undefined when it is for other gateways alone. */
export function readTcpRoute(spec: TcpRouteSpec, i: number, reading: Reading): TcpRule | undefined {
  const path = `spec.tcp[${i}]`;
  const blocks = spec.match ?? [];
  const matches = blocks.flatMap((block, j) => readL4Match(block, `${path}.match[${j}]`, reading) ?? []);
  const backends = readBackends(spec, path, reading);
  return blocks.length > 0 && matches.length === 0
    ? undefined
    : { rank: [i], origin: reading.origin, path, matches, backends };
}

type L4MatchSpec = NonNullable<TcpRouteSpec["match"]>[number];

function readL4Match(spec: L4MatchSpec, path: string, reading: Reading): TcpMatch | undefined {
  if (!isForSidecars(spec.gateways, `${path}.gateways`, reading)) return undefined;
  return { destinations: spec.destinationSubnets ?? [], client: clientSelector(spec), port: spec.port };
}

function readBackends(spec: TlsRouteSpec | TcpRouteSpec, path: string, reading: Reading): readonly WeightedBackend[] {
  if (spec.route.length > 0) return readDestinations(spec.route, `${path}.route`, reading).backends;
  reading.reporter.report(path, diagnostics.routeWithoutAction());
  return [];
}
