// Names that a view's captured clients look up: of all services that it sees, with the table of them.

import { sameContent } from "../model/equality.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { type Service, serviceKey } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import { headlessAddresses, instancesOf, isHeadless } from "./headless.ts";
import type { Member } from "./member.ts";
import type { Memo } from "./memo.ts";
import { type NamedService, nameTable } from "./name-table.ts";
import type { OutboundContext } from "./outbound-clusters.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import type { View } from "./visibility.ts";

export type NamedByHost = ReadonlyMap<string, NamedService>;

const NO_NAMES: NamedByHost = new Map();

/** Headless services are named by their endpoints. */
export function namesOfAll({ mesh, cache }: OutboundContext, view: View, members: readonly Member[]): NamedByHost {
  if (!view.captures) return NO_NAMES;
  const headless = cache.references.get(`headless-members/${view.key}`, [members], () =>
    members.filter(({ service }) => isHeadless(service)),
  );
  const endpoints = headless.map(({ service }) => mesh.index.endpoints.get(serviceKey(service)));
  return cache.references.get(
    `named/${view.key}`,
    [members, ...endpoints],
    () => new Map(members.flatMap(({ service }) => [...namesOf(mesh, service)])),
  );
}

function namesOf(mesh: Mesh, service: Service): readonly (readonly [string, NamedService])[] {
  if (!isHeadless(service))
    return service.addresses.length === 0 ? [] : [[service.host, { service, addresses: service.addresses }]];
  const addresses = headlessAddresses(mesh, service);
  return addresses.length === 0 ? [] : [[service.host, { service, addresses, instances: instancesOf(mesh, service) }]];
}

/** Undefined when the common one has the same names. */
export function nameTableOf(
  mesh: Mesh,
  memo: Memo,
  view: View,
  hosts: readonly string[],
  named: NamedByHost,
  common: NamedByHost | undefined,
): Compiled | undefined {
  if (common && hosts.every((host) => sameContent(named.get(host), common.get(host)))) return undefined;
  const replaced = new Set(common ? hosts : []);
  const kept = [...(common ?? [])].filter(([host]) => !replaced.has(host));
  const all = [...kept, ...named].sort(([a], [b]) => compareText(a, b)).map(([, entry]) => entry);
  const { clusterDomain } = mesh.settings;
  return memo.get(`names/${view.key}`, [all, clusterDomain], () => ({
    resource: encodeResource("nds", nameTable(all, clusterDomain)),
    sources: all.flatMap(({ service: { origin, aliases = [] } }): readonly Source[] => [
      wholeObject(origin),
      ...aliases.map(({ origin: of, path }) => ({ origin: of, path })),
    ]),
  }));
}
