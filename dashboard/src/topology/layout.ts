// From columns to places: boxes, and the points that each edge passes.

import type { Topology, TopologyNode } from "../../../src/admin/api.ts";
import { type Item, laneId, layersOf } from "./layers.ts";

export const NODE_HEIGHT = 54;
const NODE_GAP = 10;
const GROUP_PADDING = 10;
const GROUP_TITLE = 26;
const LANE_HEIGHT = 14;
const ITEM_GAP = 26;
const MARGIN = 16;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedNode extends Point {
  readonly node: TopologyNode;
}

/** An application with its versions; `x`, `y` is the upper left corner. */
export interface PlacedGroup extends Point {
  readonly id: string;
  readonly title: string;
  readonly namespace: string;
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
}

/** Widths in the picture's units, in which text is 11 to 15 high. */
interface Scale {
  readonly nodeWidth: number;
  /** Room for an edge and its label. */
  readonly gap: number;
}

/** Up to three columns have room for words; a longer chain of calls is drawn narrower, with units left out. */
const WIDE: Scale = { nodeWidth: 206, gap: 220 };
const NARROW: Scale = { nodeWidth: 176, gap: 150 };
const WIDE_COLUMNS = 3;

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodeWidth: number;
  readonly narrow: boolean;
  readonly groups: readonly PlacedGroup[];
  /** By edge id: the points it passes, in pairs; between the pairs it bends, within a pair it runs level. */
  readonly routes: ReadonlyMap<string, readonly Point[]>;
}

function heightOf(item: Item): number {
  return item.kind === "lane"
    ? LANE_HEIGHT
    : GROUP_TITLE + GROUP_PADDING + item.nodes.length * (NODE_HEIGHT + NODE_GAP) - NODE_GAP;
}

function placeGroup(id: string, nodes: readonly TopologyNode[], { x, y }: Point, nodeWidth: number): PlacedGroup {
  const [first] = nodes;
  const known = first?.kind !== "unknown";
  return {
    id,
    title: known ? (first?.app ?? "") : "outside the mesh",
    namespace: known ? (first?.namespace ?? "") : "",
    x,
    y,
    width: nodeWidth + 2 * GROUP_PADDING,
    height: heightOf({ kind: "group", id, nodes }),
    nodes: nodes
      .toSorted((a, b) => (a.version + a.name < b.version + b.name ? -1 : 1))
      .map((node, index) => ({ node, x: x + GROUP_PADDING, y: y + GROUP_TITLE + index * (NODE_HEIGHT + NODE_GAP) })),
  };
}

/** Places the topology. The same topology gives the same picture; figures do not move anything. */
export function layoutOf(topology: Topology): Layout {
  const columns = layersOf(topology);
  const narrow = columns.length > WIDE_COLUMNS;
  const { nodeWidth, gap } = narrow ? NARROW : WIDE;
  const columnWidth = nodeWidth + 2 * GROUP_PADDING;
  const heights = columns.map((column) => column.reduce((sum, item) => sum + heightOf(item) + ITEM_GAP, -ITEM_GAP));
  const height = Math.max(0, ...heights);

  const groups: PlacedGroup[] = [];
  const lanes = new Map<string, Point>();
  columns.forEach((column, index) => {
    const x = MARGIN + index * (columnWidth + gap);
    let y = MARGIN + (height - (heights[index] ?? 0)) / 2;
    for (const item of column) {
      if (item.kind === "lane") lanes.set(item.id, { x, y: y + LANE_HEIGHT / 2 });
      else groups.push(placeGroup(item.id, item.nodes, { x, y }, nodeWidth));
      y += heightOf(item) + ITEM_GAP;
    }
  });

  const nodes = new Map(groups.flatMap((group) => group.nodes.map((placed) => [placed.node.id, placed] as const)));
  const routes = new Map<string, Point[]>();
  for (const { id, from, to } of topology.edges) {
    const source = nodes.get(from);
    const target = nodes.get(to);
    if (!source || !target) continue;
    const passed = columns.flatMap((_, column) => lanes.get(laneId(id, column)) ?? []);
    routes.set(id, [
      { x: source.x + nodeWidth, y: source.y + NODE_HEIGHT / 2 },
      ...passed.flatMap(({ x, y }) => [
        { x, y },
        { x: x + columnWidth, y },
      ]),
      { x: target.x, y: target.y + NODE_HEIGHT / 2 },
    ]);
  }
  const width = Math.max(0, columns.length * (columnWidth + gap) - gap) + 2 * MARGIN;
  return { width, height: height + 2 * MARGIN, nodeWidth, narrow, groups, routes };
}
