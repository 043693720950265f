// Entries of a VirtualService's `tls` and `tcp`.

import { parseAddress } from "../../base/cidr.ts";
import type { TcpMatch, TlsMatch } from "../../model/match.ts";
import type { TcpRule, TlsRule, WeightedBackend } from "../../model/route.ts";
import { Wildcards } from "../../model/wildcards.ts";
import { readDestinations } from "./destinations.ts";
import * as diagnostics from "./diagnostics.ts";
import { clientSelector } from "./http-match.ts";
import { type Placed, placesOf } from "./places.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import type { TcpRouteSpec, TlsRouteSpec } from "./virtual-service-schema.ts";

export type TlsDraft = Omit<TlsRule, "matches"> & { readonly matches: readonly Placed<TlsMatch>[] };
export type TcpDraft = Omit<TcpRule, "matches"> & { readonly matches: readonly Placed<TcpMatch>[] };

/** Of the VirtualService, as written and in full. */
export interface ServedHosts {
  readonly served: readonly string[];
  /** A name in small letters is one of them, or under one. */
  isServed(name: string): boolean;
}

export function servedHosts(hosts: readonly string[]): ServedHosts {
  const names = new Set(hosts.map((host) => host.toLowerCase()));
  const wildcards = new Wildcards([...names]);
  return { served: [...new Set(hosts)], isServed: (name) => names.has(name) || wildcards.covers(name) };
}

export function readTlsRoute(spec: TlsRouteSpec, i: number, hosts: ServedHosts, reading: Reading): TlsDraft {
  const path = `spec.tls[${i}]`;
  if (spec.match.length === 0) reading.reporter.report(path, diagnostics.noTlsMatch());
  for (const [j, { sniHosts }] of spec.match.entries())
    checkSni(sniHosts, hosts, `${path}.match[${j}].sniHosts`, reading);
  const matches = spec.match.map((block) => ({
    ...readL4Match(block, reading),
    sniHosts: block.sniHosts.map((host) => host.toLowerCase()),
  }));
  const backends = readBackends(spec, path, reading);
  return { rank: [i], origin: reading.origin, path, matches, backends };
}

function checkSni(sniHosts: readonly string[], hosts: ServedHosts, path: string, { reporter }: Reading): void {
  for (const [i, sniHost] of sniHosts.entries()) {
    const name = sniHost.toLowerCase();
    if (parseAddress(name)) reporter.report(`${path}[${i}]`, refusals.addressAsSni(sniHost));
    else if (hosts.isServed(name)) continue;
    else if (reporter.isFull) reporter.fail();
    else reporter.report(`${path}[${i}]`, refusals.sniOutside(sniHost, hosts.served));
  }
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
