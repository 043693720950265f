// ServiceEntries that define one host and port: what one of them says of it, another says otherwise or again.

import { file } from "../../model/label-index.ts";
import { byAge } from "../../model/origin.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { finding } from "../code.ts";
import { kinds } from "../kinds.ts";
import { withPlaces } from "../rival-places.ts";
import { nameOf, type ViewOf } from "../view.ts";
import type { World } from "../world.ts";

interface Claim {
  readonly entry: ViewOf<typeof kinds.serviceEntry>;
  readonly path: string;
  readonly protocol: string;
  /** `host number`. */
  readonly place: string;
}

/** Those of each protocol that come first. */
type Firsts = ReadonlyMap<string, Claim>;

const EVERYWHERE = "*";

export const entryConflicts: MeshAnalyzer = {
  name: "serviceentry.ConflictAnalyzer",
  about: "each host and port is defined once, with one protocol",
  codes: ["KIA1211", "IST0177"],
  scope: "mesh",
  analyze(world, report) {
    for (const scopes of claimsOf(world).values()) {
      if ([...scopes.values()].every((claims) => claims.length < 2) && scopes.size < 2) continue;
      const told = new Set<Claim>();
      const all = firstsOf([...scopes.values()].flat());
      const shared = firstsOf(scopes.get(EVERYWHERE) ?? []);
      for (const [scope, claims] of scopes) {
        const seen = scope === EVERYWHERE ? [all] : [firstsOf(claims), shared];
        tellProtocols(claims, seen, told, report);
        tellTwice(claims, told, report);
      }
    }
  },
};

/** By host and port, and by who sees it: a namespace, or all. */
function claimsOf(world: World): ReadonlyMap<string, ReadonlyMap<string, readonly Claim[]>> {
  const places = new Map<string, Map<string, Claim[]>>();
  for (const entry of world.views(kinds.serviceEntry)) {
    const { hosts, ports = [], exportTo = [EVERYWHERE] } = entry.value.spec;
    const scopes = exportTo.includes(EVERYWHERE)
      ? [EVERYWHERE]
      : new Set(exportTo.map((to) => (to === "." ? entry.namespace : to)));
    for (const host of new Set(hosts.map((each) => world.host(each, entry.namespace))))
      for (const [i, { number, protocol = "" }] of ports.entries()) {
        const place = `${host} ${number}`;
        const claim = { entry, path: `spec.ports[${i}]`, protocol: protocol.toUpperCase() || "TCP", place };
        const byScope = places.get(place) ?? new Map<string, Claim[]>();
        places.set(place, byScope);
        for (const scope of scopes) file(byScope, scope, claim);
      }
  }
  return places;
}

function firstsOf(claims: readonly Claim[]): Firsts {
  const firsts = new Map<string, Claim>();
  for (const claim of claims) if (!firsts.has(claim.protocol)) firsts.set(claim.protocol, claim);
  return firsts;
}

/** What is for all is seen in every namespace as well (Istio's ConflictingServiceEntryProtocolAnalyzer). */
function tellProtocols(claims: readonly Claim[], seen: readonly Firsts[], told: Set<Claim>, report: Report): void {
  const protocols = new Set(seen.flatMap((firsts) => [...firsts.keys()]));
  if (protocols.size < 2) return;
  for (const claim of claims) {
    const rival = seen
      .flatMap((firsts) => [...firsts.values()])
      .find(({ protocol, entry }) => protocol !== claim.protocol && entry !== claim.entry);
    if (!rival || told.has(claim)) continue;
    told.add(claim);
    const [host, number] = claim.place.split(" ");
    const message = `${nameOf(rival.entry.object)} gives port ${number} of host ${host} another protocol: ${[...protocols].join(", ")}`;
    tell(claim, rival, finding("IST0177", message, "one protocol in both"), report);
  }
}

function tellTwice(claims: readonly Claim[], told: Set<Claim>, report: Report): void {
  const sorted = [...claims].sort((a, b) => byAge(a.entry.object, b.entry.object));
  const [first] = sorted;
  const second = sorted.find(({ entry }) => entry !== first?.entry);
  if (!first || !second) return;
  for (const claim of sorted) {
    if (told.has(claim)) continue;
    told.add(claim);
    const rival = claim.entry === first.entry ? second : first;
    const [host, number] = claim.place.split(" ");
    const message = `${nameOf(rival.entry.object)} defines port ${number} of host ${host} as well`;
    tell(claim, rival, finding("KIA1211", message, "one of the two"), report);
  }
}

function tell(claim: Claim, rival: Claim, message: Parameters<typeof withPlaces>[0], report: Report): void {
  const { object } = claim.entry;
  report(object, claim.path, withPlaces(message, object, [{ object: rival.entry.object, path: rival.path }]));
}
