// Most of a mesh is the same to everybody. What is not is found here, so that it alone is compiled for each namespace: a hundred namespaces
// that each see ten thousand services must not make a million of them.

import type { ClientPolicy } from "../model/client-policy.ts";
import { hostMatches, isWithinLabel, patternsFor } from "../model/hosts.ts";
import { file } from "../model/label-index.ts";
import type { Client } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Route, targetsOfRoute } from "../model/route.ts";
import type { Visibility } from "../model/visibility.ts";
import type { Workload } from "../model/workload.ts";
import { domainsOf } from "./domains.ts";
import { selects } from "./http-rules.ts";
import { hostsOf, memberOf } from "./member.ts";
import { type CredentialHolder, namesCredentials } from "./origination.ts";
import { asksForPlace, labelsAskedFor, type Place, placeOf } from "./place.ts";

/** A client of no namespace, whom no selector chooses: what it sees is what all see, but for the hosts of `differing`. */
export const EVERYBODY: Client = { namespace: "", labels: {} };

const outlines = new WeakMap<Route, string>();

/** All that perspectives look at of a route: a change of weights or time-outs is none to them. */
export function outlineOf(route: Route): string {
  const known = outlines.get(route);
  if (known !== undefined) return known;
  const { kind, namespace, visibility, createdAt, hosts, origin } = route;
  const targets = targetsOfRoute(route).map(({ host }) => host);
  const outline = JSON.stringify([kind, namespace, visibility, createdAt, hosts, origin, targets, clientsOf(route)]);
  outlines.set(route, outline);
  return outline;
}

export class Perspectives {
  readonly #mesh: Mesh;
  /** By a client's namespace: hosts, or wildcards over hosts, that are not the same to it for certain. */
  readonly #patterns = new Map<string, string[]>();
  /** Routes with a rule for chosen clients. */
  readonly #choosing: readonly Route[];
  /** By host of a destination: hosts of the routes that lead there. */
  readonly #leading = new Map<string, string[]>();
  /** By a name or an address, with the port: the hosts that everybody sees and that claim it. */
  readonly #claimants = new Map<string, string[]>();

  /** Hosts, or wildcards over hosts, of which clients at different places are told different things. */
  readonly #placed: readonly string[];
  readonly #labelsAskedFor: readonly string[];
  /** Policies that name Secrets: whoever may have none has no way to their services. */
  readonly #originating: readonly ClientPolicy[];
  #hosts: ReadonlySet<string> | undefined;
  /** Hosts by the wildcards that cover them. */
  #byWildcard: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    const { client } = mesh.settings.defaults;
    const asking = mesh.clientPolicies.filter((policy) => asksForPlace(client, policy));
    // The mesh's own preference holds for services without a policy, too.
    const preferring = mesh.services.filter(({ prefers, nodeLocal }) => prefers || nodeLocal);
    const placed = [...asking, ...preferring].map(({ host }) => host);
    this.#placed = asksForPlace(client, undefined) ? ["*"] : [...new Set(placed)];
    const labels = [
      ...[undefined, ...asking].flatMap((policy) => labelsAskedFor(client, policy)),
      ...preferring.flatMap((service) => labelsAskedFor(client, undefined, service)),
    ];
    this.#labelsAskedFor = [...new Set(labels)].sort();
    this.#originating = mesh.clientPolicies.filter(namesCredentials);
    for (const { host, namespace, visibility, aliases } of mesh.services) {
      this.#note(namespace, visibility, [host]);
      for (const alias of aliases ?? []) file(this.#patterns, alias.namespace, host);
    }
    // A name with a route of its own has short names in its own namespace, also where it stands for no service.
    for (const { alias } of mesh.index.aliases.values())
      if (mesh.index.httpRoutes.has(alias.host)) file(this.#patterns, alias.namespace, alias.host);
    for (const { namespace, visibility, hosts } of mesh.routes)
      if (visibility.kind !== "public") this.#note(namespace, visibility, hosts);
    for (const { namespace, visibility, host } of mesh.clientPolicies) this.#note(namespace, visibility, [host]);
    this.#choosing = mesh.routes.filter((route) => clientsOf(route).length > 0);
    for (const route of mesh.routes)
      for (const { host } of targetsOfRoute(route)) for (const from of route.hosts) file(this.#leading, host, from);
    for (const host of hostsOf(mesh))
      for (const claim of this.#claims(EVERYBODY, host)) file(this.#claimants, claim, host);
  }

  /** Its own namespace sees short names and private things; others see what is exported to them by name. */
  #note(namespace: string, visibility: Visibility, hosts: readonly string[]): void {
    const others = visibility.kind === "namespaces" ? visibility.namespaces : [];
    for (const name of new Set([namespace, ...others])) for (const host of hosts) file(this.#patterns, name, host);
  }

  /** Undefined: nowhere in particular, or nobody asks. */
  placeOf(workload: Workload): Place | undefined {
    return this.#placed.length === 0 ? undefined : placeOf(workload, this.#labelsAskedFor);
  }

  /** Undefined: it may have no Secret, or nobody names one. */
  holderOf(workload: Workload, gateway: boolean): CredentialHolder | undefined {
    const { namespace } = workload;
    const isNamed = this.#originating.some(({ clients }) => (clients ? selects(clients, workload) : gateway));
    return isNamed ? { namespace, gateway } : undefined;
  }

  /** Hosts, as written in the mesh, that may mean to this client what they do not mean to everybody; sorted. */
  differing(
    client: Client & { readonly place?: Place | undefined; readonly holder?: CredentialHolder | undefined },
  ): readonly string[] {
    const found = new Set<string>();
    const placed = client.place ? this.#placed : [];
    const originating = client.holder ? this.#originating.map(({ host }) => host) : [];
    const own = this.#patterns.get(client.namespace) ?? [];
    const patterns = [...own, ...this.#chosenHosts(client), ...placed, ...originating];
    const queue: string[] = [];
    const asked = new Set<string>();
    // Thousands of policies may have one wildcard, and thousands of routes lead to one host.
    const ask = (pattern: string): void => {
      if (asked.has(pattern)) return;
      asked.add(pattern);
      for (const host of this.#covered(pattern)) queue.push(host);
    };
    for (const pattern of patterns) ask(pattern);
    for (let host = queue.pop(); host !== undefined; host = queue.pop()) {
      if (found.has(host)) continue;
      found.add(host);
      // Where a route leads depends on the ports and policies of its destinations.
      for (const from of this.#leading.get(host) ?? []) ask(from);
      for (const rival of this.#rivals(client, host)) queue.push(rival);
    }
    return [...found].sort();
  }

  #chosenHosts(client: Client): readonly string[] {
    return this.#choosing.flatMap((route) =>
      clientsOf(route).some((selector) => selects(selector, client)) ? route.hosts : [],
    );
  }

  #covered(pattern: string): readonly string[] {
    if (!pattern.startsWith("*")) return [pattern];
    const hosts = this.#hosts ?? hostsOf(this.#mesh);
    this.#hosts = hosts;
    if (isWithinLabel(pattern)) return [...hosts].filter((host) => host === pattern || hostMatches(pattern, host));
    this.#byWildcard ??= hostsByWildcard(hosts);
    return this.#byWildcard.get(pattern) ?? [];
  }

  /** Who claims a name that this host claims: of one name, one host has it. */
  #rivals(client: Client, host: string): readonly string[] {
    const claims = new Set([...this.#claims(EVERYBODY, host), ...this.#claims(client, host)]);
    return [...claims].flatMap((claim) => this.#claimants.get(claim) ?? []);
  }

  #claims(client: Client, host: string): readonly string[] {
    const member = memberOf(this.#mesh, client, host);
    if (!member) return [];
    const { service } = member;
    const names = domainsOf(service, client.namespace, this.#mesh.settings.clusterDomain);
    return service.ports.flatMap(({ number }) => names.map((name) => `${number}/${name}`));
  }
}

function hostsByWildcard(hosts: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const covered = new Map<string, string[]>();
  for (const host of hosts)
    for (const pattern of patternsFor(host)) if (pattern.startsWith("*")) file(covered, pattern, host);
  return covered;
}

function clientsOf(route: Route) {
  return route.rules.flatMap(({ matches }) => matches.flatMap(({ client }) => client ?? []));
}
