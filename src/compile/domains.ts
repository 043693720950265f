// The names that clients call a service by, and who gets a name that two services claim.

import type { Service } from "../model/service.ts";

/**
 * Full name first. Short forms exist for services of the cluster domain: the bare name only for clients of the service's namespace.
 * Virtual IPs are names too, ranges are not.
 */
export function domainsOf(service: Service, clientNamespace: string, clusterDomain: string): readonly string[] {
  const { host, name, namespace } = service;
  const addresses = service.addresses
    .filter((address) => !address.includes("/"))
    .map((address) => (address.includes(":") ? `[${address}]` : address));
  if (host !== `${name}.${namespace}.svc.${clusterDomain}`)
    return [host, ...(host.startsWith("*") ? [] : [`${host}.`]), ...addresses];
  return [
    host,
    `${host}.`,
    ...(namespace === clientNamespace ? [name] : []),
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    ...addresses,
  ];
}

/**
 * Names of each claimant without those that another has: Envoy refuses a whole route configuration for one domain that is in it twice.
 * Full names go first, then the claimants in the order given.
 */
export function settleDomains(claims: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string>();
  for (const [claimant, [fullName]] of claims) if (fullName !== undefined) owners.set(fullName, claimant);
  for (const [claimant, names] of claims) for (const name of names) if (!owners.has(name)) owners.set(name, claimant);
  return new Map(
    [...claims].map(([claimant, names]) => [claimant, names.filter((name) => owners.get(name) === claimant)]),
  );
}

/** As a client writes them in a URL or a CONNECT: with the port, and without it when it is HTTP's. */
export function withPort(domains: readonly string[], port: number): readonly string[] {
  return domains.flatMap((domain) => (port === 80 ? [domain, `${domain}:80`] : [`${domain}:${port}`]));
}
