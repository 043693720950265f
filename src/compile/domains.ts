// The names that clients call a service by, and who gets a name that two services claim.

import type { Service } from "../model/service.ts";

/** Names that clients may call a service by. */
export interface Names {
  /** Its own, the full one first. */
  readonly own: readonly string[];
  /** Those that stand for it. */
  readonly others: readonly string[];
}

/** Virtual IPs are names too, ranges are not. What stands for a service has no addresses but the service's. */
export function namesOf(service: Service, clientNamespace: string, clusterDomain: string): Names {
  const { addresses, aliases = [] } = service;
  const literals = addresses
    .filter((address) => !address.includes("/"))
    .map((address) => (address.includes(":") ? `[${address}]` : address));
  return {
    own: [...formsOf(service, clientNamespace, clusterDomain), ...literals],
    others: aliases.flatMap((alias) => formsOf(alias, clientNamespace, clusterDomain)),
  };
}

/** As a client's hello names them: without the root's dot, without addresses. */
export function serverNamesOf(service: Service, clientNamespace: string, clusterDomain: string): readonly string[] {
  const { others } = namesOf(service, clientNamespace, clusterDomain);
  return [service.host, ...others.filter((name) => !name.endsWith("."))];
}

export function domainsOf(service: Service, clientNamespace: string, clusterDomain: string): readonly string[] {
  const { own, others } = namesOf(service, clientNamespace, clusterDomain);
  return others.length === 0 ? own : [...own, ...others];
}

/** Full name first. Short forms exist for names of the cluster domain: the bare one only for clients of its namespace. */
export function formsOf(
  { host, name, namespace }: Pick<Service, "host" | "name" | "namespace">,
  clientNamespace: string,
  clusterDomain: string,
): readonly string[] {
  if (host !== `${name}.${namespace}.svc.${clusterDomain}`)
    return [host, ...(host.startsWith("*") ? [] : [`${host}.`])];
  return [
    host,
    `${host}.`,
    ...(namespace === clientNamespace ? [name] : []),
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
  ];
}

/**
 * Names of each claimant without those that another has: Envoy refuses a whole route configuration for one domain that is in it twice.
 * Full names go first, then names of their own of the claimants in the order given, then those that stand for them.
 */
export function settleDomains(claims: ReadonlyMap<string, Names>): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string>();
  for (const [claimant, { own }] of claims) if (own[0] !== undefined) owners.set(own[0], claimant);
  for (const kind of ["own", "others"] as const)
    for (const [claimant, names] of claims)
      for (const name of names[kind]) if (!owners.has(name)) owners.set(name, claimant);
  return new Map(
    [...claims].map(([claimant, { own, others }]) => [
      claimant,
      [...own, ...others].filter((name) => owners.get(name) === claimant),
    ]),
  );
}

/** As a client writes them in a URL or a CONNECT: with the port, and without it when it is HTTP's. */
export function withPort(domains: readonly string[], port: number): readonly string[] {
  return domains.flatMap((domain) => (port === 80 ? [domain, `${domain}:80`] : [`${domain}:${port}`]));
}
