// What differs between two snapshots of one proxy, found once for all proxies that share it.

import { type Changes, changedNames } from "../xds/snapshot.ts";
import { SEND_ORDER } from "../xds/type-urls.ts";
import type { ProxySnapshot } from "./proxy-snapshot.ts";
import type { ResourceSet } from "./resource-set.ts";

const NOTHING: ReadonlySet<string> = new Set();

const known = new WeakMap<ResourceSet, WeakMap<ResourceSet, ReadonlySet<string>>>();

function between(before: ResourceSet, after: ResourceSet): ReadonlySet<string> {
  if (before === after) return NOTHING;
  const found = known.get(before)?.get(after);
  if (found) return found;
  const names = changedNames(before.resources, after.resources);
  for (const name of before.hidden) if (!after.hidden.has(name)) names.add(name);
  for (const name of after.hidden) if (!before.hidden.has(name)) names.add(name);
  const byAfter = known.get(before) ?? new WeakMap<ResourceSet, ReadonlySet<string>>();
  byAfter.set(after, names);
  known.set(before, byAfter);
  return names;
}

/** Names that were added, changed or removed, by kind. */
export function changesBetween(before: ProxySnapshot, after: ProxySnapshot): Changes {
  const changes: { -readonly [Kind in keyof Changes]: Changes[Kind] } = {};
  for (const kind of SEND_ORDER) {
    const old = before.layers[kind] ?? [];
    const now = after.layers[kind] ?? [];
    const names = new Set<string>();
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      const a = old[i];
      const b = now[i];
      const differing = a && b ? between(a, b) : (a ?? b)?.resources.keys();
      for (const name of differing ?? []) names.add(name);
    }
    if (names.size > 0) changes[kind] = names;
  }
  return changes;
}
