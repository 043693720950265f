// What EnvoyFilters and WasmPlugins make of a resource is Envoy's to say: it is named, and everything is decided as it is without them.

import type { Source } from "../compile/provenance.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import type { Stage } from "./explanation.ts";
import type { ProxyTables } from "./proxy-tables.ts";
import type { Story } from "./story.ts";

/** Each object once, at the first of its changes. */
export function tellPatches(story: Story, tables: ProxyTables, stage: Stage, kind: ResourceKind, name: string): void {
  if (tables.isTakenAway(kind, name))
    story.tell(stage, `${name} is taken away by an EnvoyFilter: what follows is told without that`);
  const told = new Set<Source["origin"]>();
  for (const by of tables.patchedBy(kind, name)) {
    if (told.has(by.origin)) continue;
    told.add(by.origin);
    const { kind: object, namespace, name: written } = by.origin;
    story.tell(stage, `${name} is changed by ${object} ${namespace}/${written}: what follows is told without that`, by);
  }
}
