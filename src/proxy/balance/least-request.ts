// Of a few hosts drawn at random, the one with the fewest requests on their way (P2C: two draws are within a few per cent of the best, at a
// fixed cost). Where weights differ, turns by weight, which requests on their way lessen (Envoy: LeastRequestLoadBalancer).

import type { BalancerPolicy } from "../../table/balancing.ts";
import type { Candidate, Picker } from "./candidate.ts";
import { WeightedTurns } from "./weighted-turns.ts";

type Policy = BalancerPolicy & { readonly kind: "least-request" };

function weightOf({ weight, active }: Candidate, bias: number): number {
  if (bias === 0) return weight;
  return weight / (bias === 1 ? active + 1 : (active + 1) ** bias);
}

export class LeastRequest<C extends Candidate> implements Picker<C> {
  readonly #hosts: readonly C[];
  readonly #policy: Policy;
  readonly #turns: WeightedTurns<C> | undefined;

  constructor(hosts: readonly C[], policy: Policy) {
    this.#hosts = hosts;
    this.#policy = policy;
    this.#turns = WeightedTurns.of(hosts, policy.slowStart, (host) => weightOf(host, policy.activeRequestBias));
  }

  pick(): C {
    if (this.#turns) return this.#turns.pick();
    if (this.#hosts.length === 1) return this.#hosts[0]!;
    return this.#policy.fullScan ? this.#scan() : this.#draw();
  }

  #draw(): C {
    const hosts = this.#hosts;
    let best = hosts[Math.floor(Math.random() * hosts.length)]!;
    for (let i = 1; i < this.#policy.choices; i++) {
      const other = hosts[Math.floor(Math.random() * hosts.length)]!;
      if (other.active < best.active) best = other;
    }
    return best;
  }

  /** Any of those with the fewest, each as likely as the others. */
  #scan(): C {
    const hosts = this.#hosts;
    let best = hosts[0]!;
    let alike = 1;
    for (let i = 1; i < hosts.length; i++) {
      const other = hosts[i]!;
      if (other.active > best.active) continue;
      alike = other.active < best.active ? 1 : alike + 1;
      if (Math.random() * alike < 1) best = other;
    }
    return best;
  }
}
