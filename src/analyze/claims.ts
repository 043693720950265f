// What an object claims for itself, where one object of a kind at most can have it: two that make the same claim conflict, and both are told.

import { resolveGateway, resolveHost } from "../dialect/istio/names.ts";
import type { SourceObject } from "../dialect/object.ts";
import { file } from "../model/label-index.ts";
import { byAge } from "../model/origin.ts";
import type { MeshSettings } from "../model/settings.ts";
import { kinds, type VirtualServiceValue } from "./kinds.ts";
import { nameOf, type View, type ViewOf, viewAs } from "./view.ts";

export interface Claim {
  /** Who may not have it as well: the text, and to whom it holds. */
  readonly key: string;
  /** In a sentence: `host reviews.shop.svc.cluster.local in the mesh`. */
  readonly text: string;
}

export interface Conflict {
  readonly text: string;
  /** As `VirtualService shop/web`; the oldest first, never the object itself. */
  readonly others: readonly string[];
  /** The oldest of those that claim it: it counts. */
  readonly counts: boolean;
}

/** An object is read once: a changed object is another one. */
const known = new WeakMap<SourceObject, { readonly domain: string; readonly claims: readonly Claim[] }>();

function claimsOf(object: SourceObject, { clusterDomain: domain }: MeshSettings): readonly Claim[] {
  const before = known.get(object);
  if (before?.domain === domain) return before.claims;
  const claims = readClaims(object, domain);
  known.set(object, { domain, claims });
  return claims;
}

/** Of objects that are in force, by key. Objects without a conflict are left out. */
export function conflictsAmong(
  objects: Iterable<SourceObject>,
  settings: MeshSettings,
): ReadonlyMap<string, readonly Conflict[]> {
  const claimants = new Map<string, { readonly text: string; readonly objects: SourceObject[] }>();
  for (const object of objects) {
    for (const { key, text } of claimsOf(object, settings)) {
      const entry = claimants.get(key);
      if (!entry) claimants.set(key, { text, objects: [object] });
      else if (entry.objects.at(-1) !== object) entry.objects.push(object);
    }
  }
  const conflicts = new Map<string, Conflict[]>();
  for (const { text, objects: all } of claimants.values()) {
    if (all.length < 2) continue;
    const sorted = [...all].sort(byAge);
    // Thousands may claim one thing: each hears of a few.
    const named = sorted.slice(0, MAX_NAMED + 1);
    for (const object of all) {
      const others = named.filter((other) => other !== object).slice(0, MAX_NAMED);
      file(conflicts, object.key, { text, others: others.map(nameOf), counts: object === sorted[0] });
    }
  }
  return conflicts;
}

const MAX_NAMED = 5;

function readClaims(object: SourceObject, domain: string): readonly Claim[] {
  switch (object.origin.kind) {
    case "VirtualService":
      return read(object, viewAs(kinds.virtualService, object), (view) => hostClaims(view, domain));
    case "DestinationRule":
      return read(object, viewAs(kinds.destinationRule, object), (view) => policyClaims(view, domain));
    case "Gateway":
      return read(object, viewAs(kinds.gateway, object), serverClaims);
    case "ServiceEntry":
      return read(object, viewAs(kinds.serviceEntry, object), entryClaims);
    case "PeerAuthentication":
      return read(object, viewAs(kinds.peerAuthentication, object), ({ namespace, value }) =>
        scopeClaim("PeerAuthentication", namespace, value.spec?.selector?.matchLabels),
      );
    case "Sidecar":
      return read(object, viewAs(kinds.sidecar, object), ({ namespace, value }) =>
        scopeClaim("Sidecar", namespace, value.spec?.workloadSelector?.labels),
      );
    default:
      return [];
  }
}

function read<V>(object: SourceObject, view: V | undefined, claims: (view: V) => readonly Claim[]): readonly Claim[] {
  if (view === undefined) return [];
  return claims(view).map(({ key, text }) => ({ key: `${object.origin.kind} ${key}`, text }));
}

function claim(parts: readonly unknown[], text: string): Claim {
  return { key: JSON.stringify(parts), text };
}

/**
 * Sidecars know one VirtualService for a host, to whoever sees it: a private one beats a public one on purpose. Gateways put the rules of
 * several behind each other, so there two conflict where a rule of each matches the very same requests.
 */
function hostClaims({ namespace, value }: View<VirtualServiceValue>, domain: string): readonly Claim[] {
  const { hosts = [], gateways = ["mesh"], exportTo = ["*"], http = [], tls = [], tcp = [] } = value.spec;
  const visible = exportTo.includes("*") ? ["*"] : exportTo.map((to) => (to === "." ? namespace : to)).sort();
  const protocols = Object.entries({ http, tls, tcp }).filter(([, rules]) => rules.length > 0);
  const matches = [...new Set(http.flatMap(({ match }) => match ?? [{}]).map((match) => JSON.stringify(match)))];
  const found: Claim[] = [];
  for (const written of new Set(hosts)) {
    const host = resolveHost(written, namespace, domain);
    for (const gateway of gateways) {
      const door = resolveGateway(gateway, namespace);
      if (gateway === "mesh")
        for (const [protocol] of protocols) found.push(claim([protocol, host, visible], `host ${host} in the mesh`));
      else
        for (const match of matches) {
          if (found.length >= MAX_CLAIMS) return found;
          const text = match === "{}" ? "" : ` for ${match}`;
          found.push(claim([door, host, match], `host ${host} at gateway ${door}${text}`));
        }
    }
  }
  return found;
}

/** Hosts, gateways and matches of one object are multiplied: of very many the first are held against others. */
const MAX_CLAIMS = 10_000;

/** DestinationRules of a host are put together, but for what two of them say: of that the oldest's counts. */
function policyClaims({ namespace, value }: ViewOf<typeof kinds.destinationRule>, domain: string): readonly Claim[] {
  const { host: written, trafficPolicy, subsets = [], workloadSelector } = value.spec;
  const host = resolveHost(written, namespace, domain);
  const clients = sortedText(workloadSelector?.matchLabels);
  return [
    ...(trafficPolicy ? [claim([namespace, host, clients, "policy"], `the trafficPolicy of host ${host}`)] : []),
    ...subsets.map(({ name }) => claim([namespace, host, clients, "subset", name], `subset ${name} of host ${host}`)),
  ];
}

function serverClaims({ value }: ViewOf<typeof kinds.gateway>): readonly Claim[] {
  const { selector, servers = [] } = value.spec ?? {};
  return servers.flatMap(({ port, hosts = [], bind = "" }) => {
    if (port?.number === undefined) return [];
    const { number } = port;
    return hosts.map((host) =>
      claim([sortedText(selector), bind, number, host.toLowerCase()], `port ${number} for host ${host}`),
    );
  });
}

function entryClaims({ namespace, value }: ViewOf<typeof kinds.serviceEntry>): readonly Claim[] {
  return (value.spec.hosts ?? []).map((host) => claim([namespace, host], `the service of host ${host}`));
}

function scopeClaim(
  kind: string,
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
): readonly Claim[] {
  const selector = sortedText(labels);
  const whose = selector === "" ? `the ${kind} of namespace ${namespace}` : `the ${kind} of workloads ${selector}`;
  return [claim([namespace, selector], whose)];
}

function sortedText(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}
