// Which wildcards of a list cover a host, and which hosts a wildcard covers, those within a label (`*-a.example.com`) among them, without
// holding each against each.

import { compareText } from "./origin.ts";

export class Wildcards {
  readonly #hosts: readonly string[];
  /** Where the first wildcard with this behind its `*` stands. */
  readonly #firsts = new Map<string, number>();
  readonly #lengths: readonly number[];
  #backward: readonly string[] | undefined;

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts;
    for (const [position, host] of hosts.entries()) {
      const behind = host.slice(1);
      if (host.startsWith("*") && !this.#firsts.has(behind)) this.#firsts.set(behind, position);
    }
    this.#lengths = [...new Set([...this.#firsts.keys()].map(({ length }) => length))].sort((a, b) => a - b);
  }

  /** Positions of the wildcards that cover the host (hostMatches), the shortest first; of those that say the same the first. */
  *covering(host: string): Generator<number> {
    for (const length of this.#lengths) {
      if (length >= host.length) return;
      const position = this.#firsts.get(host.slice(host.length - length));
      if (position !== undefined) yield position;
    }
  }

  covers(host: string): boolean {
    return !this.covering(host).next().done;
  }

  /** Whether a wildcard covers one of the hosts. */
  isAbove(wildcard: string): boolean {
    this.#backward ??= [...this.#hosts].map(backward).sort(compareText);
    const start = backward(wildcard.slice(1));
    const sorted = this.#backward;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! <= start) low = middle + 1;
      else high = middle;
    }
    return sorted[low]?.startsWith(start) ?? false;
  }
}

function backward(text: string): string {
  return text.split("").reverse().join("");
}
