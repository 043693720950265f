// One workload in the graph: what it is, how many proxies are in sync, and what arrives.

import type { TopologyNode } from "../../../src/admin/api.ts";
import { count, milliseconds, percent } from "../format.ts";
import { HEALTH_TEXT, healthOf } from "../health.ts";
import { NODE_HEIGHT, type PlacedNode } from "./layout.ts";
import { shortened } from "./shortened.ts";

const KIND_TEXT: Readonly<Record<TopologyNode["kind"], string>> = {
  workload: "",
  service: "no workload reached",
  external: "outside the mesh",
  unknown: "",
};

function detailOf({ kind, signals }: TopologyNode, sentRate: number, narrow: boolean): string {
  if (KIND_TEXT[kind] !== "") return KIND_TEXT[kind];
  if (!signals)
    return sentRate > 0 ? `sends ${count(sentRate)}/s${kind === "unknown" ? " in plaintext" : ""}` : "no traffic";
  if (signals.successRate === null) return `${count(signals.connectionRate)} conn/s`;
  const success = narrow ? "" : ` · ${percent(signals.successRate)}`;
  return `${count(signals.requestRate)}/s${success} · p99 ${milliseconds(signals.latencyMs?.p99)}`;
}

/** The box around it has the application's name already. */
function titleOf({ kind, name, app, version }: TopologyNode): string {
  if (kind === "unknown") return "no proxy";
  return kind === "workload" && name === `${app}-${version}` ? version : name;
}

export interface NodeCardProps {
  readonly placed: PlacedNode;
  readonly width: number;
  /** Little room: without the success rate, which the edges have. */
  readonly narrow: boolean;
  /** Requests and connections a second that it sends. */
  readonly sentRate: number;
  readonly selected: boolean;
  readonly onSelect: () => void;
}

export function NodeCard({ placed, width, narrow, sentRate, selected, onSelect }: NodeCardProps) {
  const { node, x, y } = placed;
  const health = healthOf(node.signals);
  const detail = detailOf(node, sentRate, narrow);
  const title = titleOf(node);
  const { total, ready } = node.proxies;
  const proxies = total === 0 ? "" : `${ready}/${total}`;
  const description = `${node.kind === "unknown" ? "callers without a proxy" : node.name}: ${detail}, ${HEALTH_TEXT[health]}${proxies && `, ${ready} of ${total} proxies in sync`}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      className={`node ${node.kind} ${health}${selected ? " selected" : ""}`}
      transform={`translate(${x},${y})`}
      role="button"
      tabIndex={0}
      aria-pressed={selected}
      aria-label={description}
      onClick={onSelect}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onSelect();
      }}
    >
      <title>{`${node.namespace}/${node.name}`}</title>
      <rect className="node-box" width={width} height={NODE_HEIGHT} rx={8} />
      <rect className="node-bar" width={4} height={NODE_HEIGHT - 16} x={8} y={8} rx={2} />
      <text className="node-title" x={20} y={22}>
        {shortened(title, Math.floor((width - 58) / 7.2))}
      </text>
      {proxies && (
        <text
          className={ready === total ? "node-proxies" : "node-proxies behind"}
          x={width - 10}
          y={22}
          textAnchor="end"
        >
          {proxies}
        </text>
      )}
      <text className="node-detail" x={20} y={41}>
        {shortened(detail, Math.floor((width - 26) / (narrow ? 6 : 5.4)))}
      </text>
    </g>
  );
}
