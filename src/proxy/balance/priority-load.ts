// What part of the requests each priority gets, in per cent, and which priorities are in panic (Envoy: LoadBalancerBase). A priority whose
// health, with overprovisioning, is below 100 % leaves the rest to the next ones.

import type { Candidate } from "./candidate.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";

export interface PriorityLoad {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** Health is ignored: too few hosts have it. */
  readonly panic: readonly boolean[];
}

interface Availability {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const weigh = (hosts: readonly Candidate[]) => hosts.reduce((total, { weight }) => total + weight, 0);

/** Whole per cent, up to 100, as Envoy reckons in integers. */
function availabilityOf<C extends Candidate>(hosts: readonly C[], set: HostSet<C>): number {
  const count = set.weightedPriorityHealth ? weigh : ({ length }: readonly C[]) => length;
  const total = count(set.hosts) - count(set.excluded);
  return total === 0 ? 0 : Math.min(100, Math.floor((set.overprovisioningFactor * count(hosts)) / total));
}

function distribute(availability: readonly number[], load: number, totalAvailability: number): number[] {
  let left = load;
  return availability.map((available) => {
    const part = Math.min(left, Math.floor((available * 100) / totalAvailability));
    left -= part;
    return part;
  });
}

/** 100 % over the priorities: first to those with healthy hosts, then to those with degraded ones. Undefined: nobody is available. */
function distributeAll({ healthy, degraded }: Availability): { healthy: number[]; degraded: number[] } | undefined {
  const total = Math.min(100, sum(healthy) + sum(degraded));
  if (total === 0) return undefined;
  const toHealthy = distribute(healthy, 100, total);
  const toDegraded = distribute(degraded, 100 - sum(toHealthy), total);
  // What rounding left over.
  const left = 100 - sum(toHealthy) - sum(toDegraded);
  const firstHealthy = healthy.findIndex((available) => available > 0);
  const firstDegraded = degraded.findIndex((available) => available > 0);
  if (firstHealthy !== -1) toHealthy[firstHealthy]! += left;
  else toDegraded[firstDegraded]! += left;
  return { healthy: toHealthy, degraded: toDegraded };
}

function isInPanic<C>({ hosts, excluded, healthy, degraded }: HostSet<C>, threshold: number): boolean {
  const count = hosts.length - excluded.length;
  const available = healthy.length + degraded.length;
  return (count === 0 ? 0 : (100 * available) / count) < threshold;
}

/** In total panic, requests go by the number of hosts, whatever their health. */
function loadInTotalPanic<C>(sets: readonly HostSet<C>[]): number[] {
  const total = sum(sets.map(({ hosts }) => hosts.length));
  if (total === 0) return sets.map((_, i) => (i === 0 ? 100 : 0));
  const load = sets.map(({ hosts }) => Math.floor((100 * hosts.length) / total));
  load[sets.findIndex(({ hosts }) => hosts.length > 0)]! += 100 - sum(load);
  return load;
}

/** `panicThreshold` in per cent. `without`: priorities that are to be avoided as long as others are available. */
export function priorityLoad<C extends Candidate>(
  { sets }: PrioritySet<C>,
  panicThreshold: number,
  without?: ReadonlySet<number>,
): PriorityLoad {
  const known: Availability = {
    healthy: sets.map((set) => availabilityOf(set.healthy, set)),
    degraded: sets.map((set) => availabilityOf(set.degraded, set)),
  };
  const none = sets.map(() => 0);
  const calm = sets.map(() => false);
  const total = Math.min(100, sum(known.healthy) + sum(known.degraded));
  if (panicThreshold === 0 && total === 0)
    return { healthy: none.map((_, i) => (i === 0 ? 100 : 0)), degraded: none, panic: calm };
  const panic = total === 100 ? calm : sets.map((set) => isInPanic(set, panicThreshold));
  const avoiding = without && avoid(known, without);
  if (avoiding) return { ...avoiding, panic };
  if (panic.every((one) => one)) return { healthy: loadInTotalPanic(sets), degraded: none, panic };
  return { ...(distributeAll(known) ?? { healthy: none, degraded: none }), panic };
}

function avoid(known: Availability, without: ReadonlySet<number>) {
  const left = (values: readonly number[]) => values.map((value, i) => (without.has(i) ? 0 : value));
  return distributeAll({ healthy: left(known.healthy), degraded: left(known.degraded) });
}

export interface PriorityChoice {
  readonly priority: number;
  readonly degraded: boolean;
}

/** `point`: from 0 to 99. */
export function choosePriority({ healthy, degraded }: PriorityLoad, point: number): PriorityChoice {
  let upTo = 0;
  for (let priority = 0; priority < healthy.length; priority++) {
    upTo += healthy[priority]!;
    if (point < upTo) return { priority, degraded: false };
  }
  for (let priority = 0; priority < degraded.length; priority++) {
    upTo += degraded[priority]!;
    if (point < upTo) return { priority, degraded: true };
  }
  return { priority: 0, degraded: false };
}
