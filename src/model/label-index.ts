// Selectors against labels, without comparing everything with everything: things are filed under one `key=value` each.

import { labelsMatch } from "./workload.ts";

type Labels = Readonly<Record<string, string>>;

/** Finds the things whose labels satisfy a selector. Cost: the size of the smallest list among the selector's labels. */
export class LabelIndex<T extends { readonly labels: Labels }> {
  readonly things: readonly T[];
  readonly #byLabel = new Map<string, T[]>();

  constructor(things: readonly T[]) {
    this.things = things;
    for (const thing of things)
      for (const key in thing.labels) file(this.#byLabel, labelText(key, thing.labels[key]!), thing);
  }

  select(wanted: Labels): readonly T[] {
    return this.#candidates(wanted).filter((thing) => labelsMatch(wanted, thing.labels));
  }

  /** The first of them. */
  first(wanted: Labels): T | undefined {
    return this.#candidates(wanted).find((thing) => labelsMatch(wanted, thing.labels));
  }

  #candidates(wanted: Labels): readonly T[] {
    let candidates = this.things;
    for (const key in wanted) {
      const list = this.#byLabel.get(labelText(key, wanted[key]!));
      if (!list) return [];
      if (list.length < candidates.length) candidates = list;
    }
    return candidates;
  }
}

/** The reverse: finds the selectors that some labels satisfy, in the order they were given. Cost: the lists of those labels. */
export class SelectorIndex<T> {
  readonly #everything: number[] = [];
  readonly #byLabel = new Map<string, number[]>();
  readonly #entries: readonly { readonly thing: T; readonly selector: Labels }[];

  constructor(things: readonly T[], selectorOf: (thing: T) => Labels) {
    this.#entries = things.map((thing) => ({ thing, selector: selectorOf(thing) }));
    const uses = new Map<string, number>();
    const textsOf = (selector: Labels) => Object.keys(selector).map((key) => labelText(key, selector[key]!));
    for (const { selector } of this.#entries)
      for (const text of textsOf(selector)) uses.set(text, (uses.get(text) ?? 0) + 1);
    for (const [position, { selector }] of this.#entries.entries()) {
      // By the one that fewest selectors have: what all of them ask for tells nothing.
      const [first, ...others] = textsOf(selector);
      if (first === undefined) this.#everything.push(position);
      else
        file(
          this.#byLabel,
          others.reduce((a, b) => (uses.get(b)! < uses.get(a)! ? b : a), first),
          position,
        );
    }
  }

  /** The first that the labels satisfy: those behind it are not looked at. */
  first(labels: Labels): T | undefined {
    let best = this.#everything[0] ?? this.#entries.length;
    for (const key in labels)
      for (const position of this.#byLabel.get(labelText(key, labels[key]!)) ?? []) {
        if (position >= best) break;
        if (labelsMatch(this.#entries[position]!.selector, labels)) best = position;
      }
    return this.#entries[best]?.thing;
  }

  matching(labels: Labels): readonly T[] {
    const positions = [...this.#everything];
    for (const key in labels) positions.push(...(this.#byLabel.get(labelText(key, labels[key]!)) ?? []));
    return positions
      .sort((a, b) => a - b)
      .map((position) => this.#entries[position]!)
      .filter(({ selector }) => labelsMatch(selector, labels))
      .map(({ thing }) => thing);
  }
}

function labelText(key: string, value: string): string {
  return `${key}=${value}`;
}

/** Adds `item` to the list under `key`. */
export function file<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
