// The graph as a picture that scales to its card.

import { useMemo } from "react";
import type { Topology } from "../../../src/admin/api.ts";
import { curveOf } from "./curve.ts";
import { EdgePath } from "./edge-path.tsx";
import { GroupBox } from "./group-box.tsx";
import { layoutOf } from "./layout.ts";
import { NodeCard } from "./node-card.tsx";
import type { Selection } from "./selection.ts";

export interface GraphProps {
  readonly topology: Topology;
  readonly selection: Selection;
  readonly onSelect: (selection: Selection) => void;
}

/** What the places depend on; the figures change every second and must not move a box. */
function shapeOf({ nodes, edges }: Topology): string {
  return `${nodes.map(({ id, app, version }) => `${id} ${app} ${version}`).join("\n")}\n\n${edges.map(({ id }) => id).join("\n")}`;
}

export function Graph({ topology, selection, onSelect }: GraphProps) {
  const shape = shapeOf(topology);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape stands for the topology
  const layout = useMemo(() => layoutOf(topology), [shape]);
  const nodes = new Map(topology.nodes.map((node) => [node.id, node]));
  const sent = new Map<string, number>();
  for (const { from, signals } of topology.edges)
    sent.set(from, (sent.get(from) ?? 0) + signals.requestRate + signals.connectionRate);
  const toggle = (kind: "node" | "edge", id: string) =>
    onSelect(selection?.kind === kind && selection.id === id ? undefined : { kind, id });
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no fieldset
    <svg
      className={layout.narrow ? "graph narrow" : "graph"}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      style={{ maxWidth: layout.width * 1.3, minWidth: layout.width * 0.68 }}
      role="group"
      aria-label="Who calls whom"
      onKeyDown={(event) => {
        if (event.key === "Escape") onSelect(undefined);
      }}
    >
      {layout.groups.map((group) => (
        <GroupBox key={group.id} group={group} narrow={layout.narrow} />
      ))}
      {topology.edges.map((edge) => {
        const curve = curveOf(layout.routes.get(edge.id) ?? []);
        if (!curve) return null;
        return (
          <EdgePath
            key={edge.id}
            edge={edge}
            narrow={layout.narrow}
            curve={curve}
            ends={[nodes.get(edge.from)?.name ?? edge.from, nodes.get(edge.to)?.name ?? edge.to]}
            selected={selection?.kind === "edge" && selection.id === edge.id}
            onSelect={() => toggle("edge", edge.id)}
          />
        );
      })}
      {layout.groups.flatMap((group) =>
        group.nodes.map((placed) => {
          const node = nodes.get(placed.node.id) ?? placed.node;
          return (
            <NodeCard
              key={node.id}
              placed={{ ...placed, node }}
              width={layout.nodeWidth}
              narrow={layout.narrow}
              sentRate={sent.get(node.id) ?? 0}
              selected={selection?.kind === "node" && selection.id === node.id}
              onSelect={() => toggle("node", node.id)}
            />
          );
        }),
      )}
    </svg>
  );
}
