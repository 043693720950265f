// Hosts divided by their metadata, and a balancer for each part (Envoy: SubsetLoadBalancer). Parts are found by the route's match object itself
// after the first request, so that no request spells its match out.

import {
  matchesSubset,
  type SubsetFallback,
  type SubsetMatch,
  type SubsetPolicy,
  type SubsetSelector,
  selectorOf,
  subsetName,
  subsetsOf,
} from "../../table/subset.ts";
import type { LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import type { Candidate } from "./candidate.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";
import type { LoadBalancer } from "./load-balancer.ts";

type Create<C extends Candidate> = (subset: PrioritySet<C>) => LoadBalancer<C>;

/** What a match leads to: a part that has hosts, or the fallback of its selector. */
interface Found<C extends Candidate> {
  readonly subset: LoadBalancer<C> | undefined;
  readonly selector: SubsetSelector | undefined;
}

export class SubsetBalancer<C extends Candidate> implements LoadBalancer<C> {
  readonly #all: PrioritySet<C>;
  readonly #policy: SubsetPolicy;
  readonly #create: Create<C>;
  readonly #parts: ReadonlyMap<string, ReadonlySet<C>>;
  readonly #balancers = new Map<string, LoadBalancer<C>>();
  readonly #found = new WeakMap<SubsetMatch, Found<C>>();
  readonly #reduced = new WeakMap<SubsetMatch, SubsetMatch>();
  #anybody: LoadBalancer<C> | undefined = undefined;
  #defaults: LoadBalancer<C> | undefined = undefined;

  constructor(all: PrioritySet<C>, policy: SubsetPolicy, create: Create<C>) {
    this.#all = all;
    this.#policy = policy;
    this.#create = create;
    this.#parts = partsOf(all, policy);
  }

  choose(context: LoadBalancerContext<C>): C | undefined {
    const matches = this.#policy.fallbackList ? context.metadataMatches : undefined;
    if (!matches) return this.#chooseBy(context.metadataMatch, context);
    for (const match of matches) {
      const host = this.#chooseBy(match, context);
      if (host) return host;
    }
    return undefined;
  }

  #chooseBy(match: SubsetMatch | undefined, context: LoadBalancerContext<C>): C | undefined {
    if (!match) return this.#fallBack(context);
    const { subset, selector } = this.#find(match);
    if (subset) return subset.choose(context);
    const fallback = selector?.fallback;
    return fallback ? this.#fallBackAs(fallback, match, context) : this.#fallBack(context);
  }

  /** The cluster's own fallback, and anybody at all where it leads nowhere and that is wanted. */
  #fallBack(context: LoadBalancerContext<C>): C | undefined {
    const { fallback, panicModeAny } = this.#policy;
    if (fallback.kind === "none") return undefined;
    const host = (fallback.kind === "any" ? this.#any() : this.#default()).choose(context);
    return host ?? (panicModeAny ? this.#any().choose(context) : undefined);
  }

  #fallBackAs(fallback: SubsetFallback, match: SubsetMatch, context: LoadBalancerContext<C>): C | undefined {
    switch (fallback.kind) {
      case "none":
        return undefined;
      case "any":
        return this.#any().choose(context);
      case "default":
        return this.#default().choose(context);
      case "keys": {
        let reduced = this.#reduced.get(match);
        if (!reduced) {
          reduced = new Map([...match].filter(([key]) => fallback.keys.includes(key)));
          this.#reduced.set(match, reduced);
        }
        return this.#chooseBy(reduced, context);
      }
    }
  }

  #find(match: SubsetMatch): Found<C> {
    let found = this.#found.get(match);
    if (!found) {
      const wanted = this.#policy.allowRedundantKeys ? withoutRedundant(this.#policy, match) : match;
      const selector = selectorOf(this.#policy, wanted);
      found = { selector, subset: selector && this.#subset(subsetName(wanted), selector) };
      this.#found.set(match, found);
    }
    return found;
  }

  #subset(name: string, selector: SubsetSelector): LoadBalancer<C> | undefined {
    const known = this.#balancers.get(name);
    if (known) return known;
    const part = this.#parts.get(name);
    if (!part) return undefined;
    const [first] = part;
    const subset = selector.singleHost ? { choose: () => first } : this.#create(this.#only((host) => part.has(host)));
    this.#balancers.set(name, subset);
    return subset;
  }

  #any(): LoadBalancer<C> {
    this.#anybody ??= this.#create(this.#only(() => true));
    return this.#anybody;
  }

  #default(): LoadBalancer<C> {
    const { defaultSubset, listAsAny } = this.#policy;
    this.#defaults ??= this.#create(
      this.#only(({ lbMetadata }) => matchesSubset(lbMetadata, defaultSubset, listAsAny)),
    );
    return this.#defaults;
  }

  #only(isIn: (host: C) => boolean): PrioritySet<C> {
    return { sets: this.#all.sets.map((set) => part(set, isIn, this.#policy)) };
  }
}

/** Which hosts there are for each match that selectors ask for. */
function partsOf<C extends Candidate>({ sets }: PrioritySet<C>, policy: SubsetPolicy): Map<string, Set<C>> {
  const parts = new Map<string, Set<C>>();
  for (const { hosts } of sets)
    for (const host of hosts)
      for (const { keys } of policy.selectors)
        for (const match of subsetsOf(host.lbMetadata, keys, policy.listAsAny)) {
          const name = subsetName(match);
          const known = parts.get(name);
          if (known) known.add(host);
          else parts.set(name, new Set([host]));
        }
  return parts;
}

function part<C extends Candidate>(set: HostSet<C>, isIn: (host: C) => boolean, policy: SubsetPolicy): HostSet<C> {
  return {
    ...set,
    hosts: set.hosts.filter(isIn),
    healthy: set.healthy.filter(isIn),
    degraded: set.degraded.filter(isIn),
    excluded: set.excluded.filter(isIn),
    localities: set.localities.map((locality) => {
      const hosts = locality.hosts.filter(isIn);
      const scale = policy.scaleLocalityWeight ? hosts.length / locality.hosts.length : 1;
      return {
        ...locality,
        weight: policy.localityWeightAware ? Math.round(locality.weight * scale) : 0,
        hosts,
        healthy: locality.healthy.filter(isIn),
        degraded: locality.degraded.filter(isIn),
        excluded: hosts.filter(({ isCounted }) => !isCounted).length,
      };
    }),
  };
}

/** The keys that the first selector asks for which the match has all of; the match itself where there is none. */
function withoutRedundant({ selectors }: SubsetPolicy, match: SubsetMatch): SubsetMatch {
  const selector = selectors.find(({ keys }) => keys.every((key) => match.has(key)));
  return selector ? new Map(selector.keys.map((key) => [key, match.get(key)!])) : match;
}
