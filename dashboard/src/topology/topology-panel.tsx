// The graph with what is chosen in it, or the same as a table.

import { useState } from "react";
import type { Service, Topology } from "../../../src/admin/api.ts";
import { EdgeDetails } from "./edge-details.tsx";
import { EdgeTable } from "./edge-table.tsx";
import { Graph } from "./graph.tsx";
import { IdentityList } from "./identity-list.tsx";
import { NodeDetails } from "./node-details.tsx";
import type { Selection } from "./selection.ts";

export interface TopologyPanelProps {
  readonly topology: Topology;
  readonly services: readonly Service[];
  readonly onService: (host: string) => void;
}

function Details({ topology, services, onService, selection }: TopologyPanelProps & { readonly selection: Selection }) {
  const edge = selection?.kind === "edge" ? topology.edges.find(({ id }) => id === selection.id) : undefined;
  const node = selection?.kind === "node" ? topology.nodes.find(({ id }) => id === selection.id) : undefined;
  const nameOf = (id: string) => topology.nodes.find((one) => one.id === id)?.name ?? id;
  if (edge) return <EdgeDetails edge={edge} from={nameOf(edge.from)} to={nameOf(edge.to)} />;
  if (!node) return <IdentityList topology={topology} />;
  const answered = services.filter(({ versions }) =>
    versions.some(({ namespace, workload }) => namespace === node.namespace && workload === node.name),
  );
  return <NodeDetails node={node} services={answered} onService={onService} />;
}

export function TopologyPanel(props: TopologyPanelProps) {
  const [view, setView] = useState<"graph" | "table">("graph");
  const [selection, setSelection] = useState<Selection>();
  const { topology } = props;
  return (
    <section className="card topology" aria-labelledby="topology-title">
      <div className="card-head">
        <h2 id="topology-title">Topology</h2>
        <fieldset className="segments">
          <legend className="visually-hidden">Show as</legend>
          {(["graph", "table"] as const).map((one) => (
            <button key={one} type="button" aria-pressed={view === one} onClick={() => setView(one)}>
              {one === "graph" ? "Graph" : "Table"}
            </button>
          ))}
        </fieldset>
      </div>
      {topology.nodes.length === 0 ? (
        <p className="empty muted">
          Nobody is in the mesh yet. Start a program with a sidecar:{" "}
          <code className="command">heddle run --name app --version v1 --port 8080 -- command</code>
        </p>
      ) : view === "graph" ? (
        <>
          <div className="graph-frame">
            <Graph topology={topology} selection={selection} onSelect={setSelection} />
          </div>
          <Details {...props} selection={selection} />
        </>
      ) : (
        <EdgeTable topology={topology} />
      )}
    </section>
  );
}
