// Which locality of a priority a request goes to, where localities matter.

import type { LocalityPolicy } from "../../table/balancing.ts";
import type { Candidate } from "./candidate.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import { type HostSet, type LocalityHosts, type PrioritySet, sameLocality } from "./host-set.ts";

/** Gives a locality's index; undefined: localities do not matter now. */
export interface LocalityChoice {
  choose(): number | undefined;
}

export const NO_LOCALITY: LocalityChoice = { choose: () => undefined };

/** In turns by weight; less for a locality that lacks hosts (Envoy: HostSetImpl::effectiveLocalityWeight). */
export class WeightedLocalities implements LocalityChoice {
  readonly #indices: readonly number[];
  readonly #weights: readonly number[];
  readonly #scheduler: EdfScheduler | undefined;

  constructor(
    { localities, overprovisioningFactor }: HostSet<Candidate>,
    eligible: (locality: LocalityHosts<Candidate>) => number,
  ) {
    const weights = localities.map((locality) => {
      const count = locality.hosts.length - locality.excluded;
      const available = count === 0 ? 0 : eligible(locality) / count;
      return locality.weight * Math.min(1, (overprovisioningFactor / 100) * available);
    });
    this.#indices = [...weights.keys()].filter((i) => weights[i]! > 0);
    this.#weights = this.#indices.map((i) => weights[i]!);
    this.#scheduler = this.#indices.length === 0 ? undefined : new EdfScheduler(this.#weights);
    for (let turns = Math.floor(Math.random() * this.#indices.length); turns > 0; turns--) this.choose();
  }

  choose(): number | undefined {
    if (!this.#scheduler) return undefined;
    const { next } = this.#scheduler;
    this.#scheduler.advance(this.#weights[next]!);
    return this.#indices[next];
  }
}

type ZonePolicy = Pick<
  LocalityPolicy & { readonly kind: "zone-aware" },
  "minClusterSize" | "routingEnabled" | "forcedLocalHosts" | "basis"
>;

/** Of ten thousand. */
const WHOLE = 10_000;

/**
 * Keeps requests in the proxy's zone as far as that overloads nobody: a zone with a part of the callers no larger than its part of the hosts
 * takes all of them; else the rest goes to zones that have room (Envoy: ZoneAwareLoadBalancerBase).
 */
export class ZoneAware implements LocalityChoice {
  readonly #enabled: number;
  /** Of ten thousand requests, those that stay. */
  readonly #staying: number;
  /** Running sums of the room that other zones have. */
  readonly #room: readonly number[];

  private constructor(enabled: number, staying: number, room: readonly number[]) {
    this.#enabled = enabled;
    this.#staying = staying;
    this.#room = room;
  }

  /** `callers`: the proxy's own cluster, of which it is one. Undefined: zones cannot or need not be looked at. */
  static of(
    set: HostSet<Candidate>,
    callers: PrioritySet<Candidate>,
    policy: ZonePolicy,
    panicThreshold: number,
  ): ZoneAware | undefined {
    const own = callers.sets[0]!;
    if (set.localities.length < 2 || own.localities.length < 2) return undefined;
    if (!own.hasOwnLocality || set.healthy.length < policy.minClusterSize) return undefined;
    const counted = own.hosts.length - own.excluded.length;
    const available = own.healthy.length + own.degraded.length;
    if (counted === 0 || (100 * available) / counted < panicThreshold) return undefined;
    const size = policy.basis === "weights" ? weightOf : countOf;
    const upstream = set.localities.map(({ healthy }) => partOf(size(healthy), size(set.healthy)));
    const local = set.localities.map(({ locality, healthy }) => {
      const same = own.localities.find((one) => sameLocality(one.locality, locality));
      return healthy.length === 0 ? 0 : partOf(size(same?.healthy ?? []), size(own.healthy));
    });
    const hasOwn = set.hasOwnLocality;
    const isForced = hasOwn && set.localities[0]!.healthy.length >= policy.forcedLocalHosts;
    if (isForced || (hasOwn && upstream[0]! > 0 && upstream[0]! >= local[0]!))
      return new ZoneAware(policy.routingEnabled, WHOLE, []);
    const staying = hasOwn && local[0]! > 0 ? Math.floor((upstream[0]! * WHOLE) / local[0]!) : 0;
    let sum = 0;
    const room = upstream.map((part, i) => (sum += hasOwn && i === 0 ? 0 : Math.max(0, part - local[i]!)));
    return new ZoneAware(policy.routingEnabled, staying, room);
  }

  choose(): number | undefined {
    if (Math.random() * 100 >= this.#enabled) return undefined;
    if (this.#staying === WHOLE || Math.random() * WHOLE < this.#staying) return 0;
    const room = this.#room;
    const total = room[room.length - 1]!;
    // Rounding may leave no room at all.
    if (total === 0) return Math.floor(Math.random() * room.length);
    const point = Math.random() * total;
    return room.findIndex((upTo) => point < upTo);
  }
}

function countOf(hosts: readonly Candidate[]): number {
  return hosts.length;
}

function weightOf(hosts: readonly Candidate[]): number {
  return hosts.reduce((sum, { weight }) => sum + weight, 0);
}

function partOf(count: number, total: number): number {
  return total === 0 ? 0 : Math.floor((WHOLE * count) / total);
}
