// Which column each application stands in and in which order: callers to the left of what they call. Sugiyama's layered method in its
// simplest form; a mesh's page shows tens of boxes, not thousands.

import type { Topology, TopologyNode } from "../../../src/admin/api.ts";

export type Item =
  /** An application with its versions. */
  | { readonly kind: "group"; readonly id: string; readonly nodes: readonly TopologyNode[] }
  /** Room for an edge that passes this column on its way to a later one. */
  | { readonly kind: "lane"; readonly id: string };

type Links = ReadonlyMap<string, ReadonlySet<string>>;

export function groupId({ namespace, app }: TopologyNode): string {
  return `${namespace}/${app}`;
}

export function laneId(edgeId: string, column: number): string {
  return `${edgeId}@${column}`;
}

function groupsOf(nodes: readonly TopologyNode[]): Map<string, TopologyNode[]> {
  const groups = new Map<string, TopologyNode[]>();
  for (const node of nodes) {
    const id = groupId(node);
    groups.set(id, [...(groups.get(id) ?? []), node]);
  }
  return groups;
}

function link(links: Map<string, Set<string>>, from: string, to: string): void {
  const known = links.get(from);
  if (known) known.add(to);
  else links.set(from, new Set([to]));
}

/**
 * Longest way from a caller that nobody calls. A call back to somebody on the way (a cycle) does not count. Linear: callers are finished
 * before what they call, in the reverse of the order in which a depth-first walk leaves them.
 */
function columnsOf(ids: readonly string[], calls: Links): Map<string, number> {
  const called = new Set([...calls.values()].flatMap((callees) => [...callees]));
  const forward = new Map<string, Set<string>>();
  const state = new Map<string, "entered" | "left">();
  const leaving: string[] = [];
  const visit = (id: string) => {
    state.set(id, "entered");
    for (const callee of calls.get(id) ?? []) {
      if (state.get(callee) === "entered") continue;
      link(forward, id, callee);
      if (!state.has(callee)) visit(callee);
    }
    state.set(id, "left");
    leaving.push(id);
  };
  // A cycle without an entrance is entered at its first member.
  for (const id of [...ids.filter((one) => !called.has(one)), ...ids]) if (!state.has(id)) visit(id);

  const columns = new Map(ids.map((id) => [id, 0]));
  for (const id of leaving.toReversed()) {
    const next = (columns.get(id) ?? 0) + 1;
    for (const callee of forward.get(id) ?? []) columns.set(callee, Math.max(next, columns.get(callee) ?? 0));
  }
  return columns;
}

/** Orders each column by the mean place of its callers, so that edges cross little. Ties keep the order of ids. */
function ordered(columns: readonly (readonly Item[])[], links: Links): Item[][] {
  const place = new Map<string, number>();
  return columns.map((column) => {
    const weightOf = (id: string) => {
      const places = [...place].filter(([caller]) => links.get(caller)?.has(id)).map(([, at]) => at);
      return places.length === 0 ? 0.5 : places.reduce((sum, at) => sum + at, 0) / places.length;
    };
    const weighed = column.map((item) => ({ item, weight: weightOf(item.id) }));
    weighed.sort((a, b) => a.weight - b.weight || (a.item.id < b.item.id ? -1 : 1));
    weighed.forEach(({ item }, index) => {
      place.set(item.id, (index + 0.5) / weighed.length);
    });
    return weighed.map(({ item }) => item);
  });
}

/** The columns from left to right, each from top to bottom. */
export function layersOf({ nodes, edges }: Topology): Item[][] {
  const groups = groupsOf(nodes);
  const ids = [...groups.keys()].sort();
  const home = new Map(nodes.map((node) => [node.id, groupId(node)]));
  const calls = new Map<string, Set<string>>();
  const sorted = edges.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const between = sorted.flatMap(({ id, from, to }) => {
    const caller = home.get(from);
    const callee = home.get(to);
    return caller === undefined || callee === undefined || caller === callee ? [] : [{ id, caller, callee }];
  });
  for (const { caller, callee } of between) link(calls, caller, callee);
  const columnOf = columnsOf(ids, calls);
  const columns: Item[][] = [];
  const put = (column: number, item: Item) => {
    while (columns.length <= column) columns.push([]);
    columns[column]?.push(item);
  };
  for (const id of ids) put(columnOf.get(id) ?? 0, { kind: "group", id, nodes: groups.get(id) ?? [] });
  const links = new Map<string, Set<string>>();
  for (const { id, caller, callee } of between) {
    let previous = caller;
    const end = columnOf.get(callee) ?? 0;
    for (let column = (columnOf.get(caller) ?? 0) + 1; column < end; column++) {
      const lane = laneId(id, column);
      put(column, { kind: "lane", id: lane });
      link(links, previous, lane);
      previous = lane;
    }
    link(links, previous, callee);
  }
  return ordered(columns, links);
}
