// Objects of one kind of which one at most may hold for a workload: each is told of the others.

import type { Message } from "../../model/message.ts";
import type { MeshAnalyzer, Report } from "../analyzer.ts";
import { type Code, finding } from "../code.ts";
import { type Place, withPlaces } from "../rival-places.ts";
import type { Runnable } from "../runnable.ts";
import type { World } from "../world.ts";
import { type Selecting, selectedBy, selectingOf } from "./selecting.ts";

interface Exclusive {
  readonly kind: string;
  readonly plural: string;
  readonly selectorless: Code;
  /** Undefined: several may hold for one workload, and all do. */
  readonly selecting: Code | undefined;
}

const EXCLUSIVE: readonly Exclusive[] = [
  { kind: "Sidecar", plural: "Sidecars", selectorless: "IST0111", selecting: "IST0110" },
  { kind: "Telemetry", plural: "Telemetries", selectorless: "IST0160", selecting: "IST0159" },
  { kind: "PeerAuthentication", plural: "PeerAuthentications", selectorless: "KIA0002", selecting: "KIA0003" },
  { kind: "RequestAuthentication", plural: "RequestAuthentications", selectorless: "KIA0002", selecting: undefined },
];

/** Longer lists of names are cut. */
const MAX_NAMES = 5;

export const conflictingSelectors: MeshAnalyzer = {
  name: "selector.ConflictAnalyzer",
  about: "one Sidecar, Telemetry and PeerAuthentication holds for each workload",
  codes: ["IST0110", "IST0111", "IST0159", "IST0160", "KIA0002", "KIA0003"],
  scope: "mesh",
  analyze(world, report) {
    const all = selectingOf(world).filter(({ targeted }) => !targeted);
    for (const exclusive of EXCLUSIVE) {
      const ofKind = all.filter(({ object }) => object.origin.kind === exclusive.kind);
      tellSelectorless(ofKind, exclusive, report);
      tellOverlaps(ofKind, exclusive, world, report);
    }
  },
};

function tellSelectorless(
  all: readonly Selecting[],
  { plural, selectorless, selecting }: Exclusive,
  report: Report,
): void {
  const empty = all.filter(({ labels }) => Object.keys(labels).length === 0);
  for (const [namespace, members] of Map.groupBy(empty, (member) => member.namespace)) {
    if (members.length < 2) continue;
    const message = `The ${plural} ${namesOf(members)} in namespace "${namespace}" have no workload selector, which can lead to undefined behavior`;
    const told = finding(selectorless, message, "one of them, or selectors");
    const judged: Message = selecting === undefined ? { ...told, severity: "warning" } : told;
    for (const { object } of members) report(object, "", withPlaces(judged, object, placesOf(members)));
  }
}

/**
 * Selections that are held against each other have so many members together. Each is looked at as far as its share goes: of thousands of
 * selectors that select thousands of workloads two have one of the first in common.
 */
const MAX_PAIRS = 1_000_000;
const MIN_LOOKED_AT = 10;

/** Who selects a workload: the first few, and how many. */
interface Holders {
  readonly first: Selecting[];
  count: number;
}

/** Thousands may select the same thousands: neither their pairs nor their names are all held. */
function tellOverlaps(
  all: readonly Selecting[],
  { plural, selecting: code }: Exclusive,
  world: World,
  report: Report,
): void {
  if (code === undefined) return;
  const selecting = all.filter(({ labels }) => Object.keys(labels).length > 0);
  const groups = Map.groupBy(selecting, ({ namespace, labels }) => JSON.stringify([namespace, labels]));
  const most = Math.max(MIN_LOOKED_AT, Math.floor(MAX_PAIRS / groups.size));
  const selections = [...groups.values()].map((members) => ({
    members,
    selected: selectedBy(members[0]!, world).slice(0, most),
  }));
  const holders = new Map<Runnable, Holders>();
  for (const { members, selected } of selections)
    for (const runnable of selected) {
      const held = holders.get(runnable) ?? { first: [], count: 0 };
      held.first.push(...members.slice(0, Math.max(0, MAX_NAMES + 1 - held.first.length)));
      held.count += members.length;
      holders.set(runnable, held);
    }
  for (const { members, selected } of selections) {
    const shared = selected.find((runnable) => holders.get(runnable)!.count > 1);
    if (!shared) continue;
    const { first } = holders.get(shared)!;
    const message = `The ${plural} ${namesOf(first)} in namespace "${shared.namespace}" select the same workload pod "${shared.name}", which can lead to undefined behavior`;
    for (const { object, path } of members)
      report(object, path, withPlaces(finding(code, message, "selectors that exclude each other"), object, first));
  }
}

/** Of objects without a selector the whole object is the place. */
function placesOf(members: readonly Selecting[]): readonly Place[] {
  return members.map(({ object }) => ({ object, path: "" }));
}

function namesOf(members: readonly Selecting[]): string {
  const names = members.slice(0, MAX_NAMES).map(({ object }) => object.origin.name);
  return `[${names.join(" ")}${members.length > MAX_NAMES ? " …" : ""}]`;
}
