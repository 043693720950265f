// Gateways whose selectors have workloads in common: the same labels, or those of another and more.

import { SelectorIndex } from "../../model/label-index.ts";

type Labels = Readonly<Record<string, string>>;

/** Things of one selector, and some of all those that hold for some of its workloads, themselves among them. */
export interface Overlap<T> {
  readonly members: readonly T[];
  readonly rivals: readonly T[];
}

/** Thousands may overlap: of each other's they are held against these many. */
const MAX_RIVALS = 12;

export function overlapping<T>(things: readonly T[], selectorOf: (thing: T) => Labels): readonly Overlap<T>[] {
  const groups = [...Map.groupBy(things, (thing) => selectorText(selectorOf(thing))).values()].map((members) => ({
    members,
    selector: selectorOf(members[0]!),
    wider: [] as (readonly T[])[],
    narrower: [] as (readonly T[])[],
  }));
  const index = new SelectorIndex(groups, ({ selector }) => selector);
  for (const group of groups)
    for (const wider of index.matching(group.selector)) {
      if (wider === group) continue;
      if (group.wider.length < MAX_RIVALS) group.wider.push(wider.members);
      if (wider.narrower.length < MAX_RIVALS) wider.narrower.push(group.members);
    }
  return groups.map(({ members, wider, narrower }) => ({
    members,
    rivals: [members, ...wider, ...narrower].flatMap((each) => each.slice(0, MAX_RIVALS)),
  }));
}

/** Equal for selectors that say the same. */
export function selectorText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}
