import { describe, expect, test } from "bun:test";
import type { Topology, TopologyEdge, TopologyNode } from "../../../src/admin/api.ts";
import { curveOf } from "./curve.ts";
import { layersOf } from "./layers.ts";
import { layoutOf, type PlacedGroup } from "./layout.ts";

function node(id: string): TopologyNode {
  const [app = "", version = "v1"] = id.split("-");
  return {
    id,
    kind: "workload",
    namespace: "default",
    name: id,
    app,
    version,
    signals: null,
    proxies: { total: 1, ready: 1 },
  };
}

/** `"a>b a>c"` with every workload that it names. */
function topology(calls: string, ...idle: string[]): Topology {
  const pairs = calls
    .split(" ")
    .filter((call) => call !== "")
    .map((call) => call.split(">") as [string, string]);
  const ids = [...new Set([...pairs.flat(), ...idle])];
  const edges = pairs.map(([from, to]) => ({ id: `${from}>${to}`, from, to }) as TopologyEdge);
  return { nodes: ids.map(node), edges };
}

function columnsOf(graph: Topology): string[][] {
  return layersOf(graph).map((column) => column.map(({ id }) => id.replace("default/", "")));
}

function overlap(a: PlacedGroup, b: PlacedGroup): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe("layersOf", () => {
  test("puts callers left of what they call, by the longest way", () => {
    expect(columnsOf(topology("a>b b>c a>c"))).toEqual([["a"], ["b", "a>c@1"].sort(), ["c"]].map((column) => column));
  });

  test("keeps versions of one application together", () => {
    expect(columnsOf(topology("client>app-v1 client>app-v2"))).toEqual([["client"], ["app"]]);
  });

  test("terminates on cycles, with and without an entrance, and on calls to oneself", () => {
    expect(columnsOf(topology("a>b b>a")).flat().sort()).toEqual(["a", "b"]);
    expect(columnsOf(topology("x>a a>b b>c c>a"))).toEqual([["x"], ["a"], ["b"], ["c"]]);
    expect(columnsOf(topology("app-v1>app-v2"))).toEqual([["app"]]);
  });

  test("shows those nobody talks to", () => {
    expect(columnsOf(topology("", "lonely"))).toEqual([["lonely"]]);
    expect(columnsOf(topology(""))).toEqual([]);
  });

  test("orders a column by its callers", () => {
    expect(columnsOf(topology("a>z b>y"))).toEqual([
      ["a", "b"],
      ["z", "y"],
    ]);
  });
});

describe("layoutOf", () => {
  const graph = topology(
    "client>web-v1 client>web-v2 web-v1>db web-v2>orders orders>db client>db db>audit audit>web-v1",
    "idle",
  );

  test("lets no two boxes overlap and keeps all inside the picture", () => {
    const { groups, width, height } = layoutOf(graph);
    for (const group of groups) {
      expect(group.x).toBeGreaterThanOrEqual(0);
      expect(group.x + group.width).toBeLessThanOrEqual(width);
      expect(group.y + group.height).toBeLessThanOrEqual(height);
      for (const other of groups) if (other !== group) expect(overlap(group, other)).toBe(false);
    }
  });

  test("leads long edges around the boxes between", () => {
    const { groups, routes } = layoutOf(topology("client>web web>orders orders>db client>db"));
    const route = routes.get("client>db")!;
    expect(route.length).toBeGreaterThan(2);
    for (let i = 1; i + 1 < route.length; i += 2) {
      const [enter, leave] = [route[i]!, route[i + 1]!];
      expect(enter.y).toBe(leave.y);
      const crossed = groups.filter(
        ({ x, y, width, height }) => x < leave.x && x + width > enter.x && y < enter.y && enter.y < y + height,
      );
      expect(crossed).toEqual([]);
    }
  });

  test("has a line for every edge, backwards too", () => {
    const { routes } = layoutOf(graph);
    for (const { id } of graph.edges) expect(curveOf(routes.get(id) ?? [])?.path).toMatch(/^M[\d.-]+,[\d.-]+ ?C/);
  });

  test("is the same for the same topology, however its members are ordered", () => {
    const shuffled = { nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
    expect(
      layoutOf(shuffled)
        .groups.map(({ id, x, y }) => `${id} ${x} ${y}`)
        .sort(),
    ).toEqual(
      layoutOf(graph)
        .groups.map(({ id, x, y }) => `${id} ${x} ${y}`)
        .sort(),
    );
  });

  test("of a lattice with a million ways through it does not walk them all", () => {
    const calls = Array.from({ length: 40 }, (_, i) => [
      `a${i}>a${i + 1}`,
      `a${i}>b${i + 1}`,
      `b${i}>a${i + 1}`,
      `b${i}>b${i + 1}`,
    ]).flat();
    expect(columnsOf(topology(calls.join(" "))).length).toBe(41);
  });

  test("of a hundred services with cycles has a place for each", () => {
    const calls = Array.from({ length: 300 }, (_, i) => `s${i % 100}>s${(i * 37 + 11) % 100}`).join(" ");
    expect(layoutOf(topology(calls)).groups.length).toBe(100);
  });
});
