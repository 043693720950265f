// Which of many texts a pattern of policies fits: `*` at its beginning or end, or nowhere (Istio's StringMatch of rules). Without holding
// each pattern against each text.

import { compareText } from "../model/origin.ts";

export class TextPatterns {
  readonly #texts: ReadonlySet<string>;
  #forward: readonly string[] | undefined;
  #backward: readonly string[] | undefined;

  constructor(texts: Iterable<string>) {
    this.#texts = new Set(texts);
  }

  /** Whether one of the texts fits. */
  fits(pattern: string): boolean {
    if (pattern.startsWith("*")) {
      this.#backward ??= [...this.#texts].map(reversed).sort(compareText);
      return beginsOne(this.#backward, reversed(pattern.slice(1)));
    }
    if (!pattern.endsWith("*")) return this.#texts.has(pattern);
    this.#forward ??= [...this.#texts].sort(compareText);
    return beginsOne(this.#forward, pattern.slice(0, -1));
  }
}

/** By UTF-16 units: only whether two texts end alike is asked. */
function reversed(text: string): string {
  return text.split("").reverse().join("");
}

function beginsOne(sorted: readonly string[], start: string): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return sorted[low]?.startsWith(start) ?? false;
}
