// One edge: as wide as its traffic, in the colour of its health, moving at the pace of its requests.

import type { TopologyEdge } from "../../../src/admin/api.ts";
import { count, percent } from "../format.ts";
import { HEALTH_TEXT, healthOf } from "../health.ts";
import type { Curve } from "./curve.ts";

export interface EdgePathProps {
  readonly edge: TopologyEdge;
  /** Little room for the label: without the unit. */
  readonly narrow: boolean;
  readonly curve: Curve;
  /** Names of the two ends, for those who do not see the picture. */
  readonly ends: readonly [string, string];
  readonly selected: boolean;
  readonly onSelect: () => void;
}

/** 1.5 px for a trickle, a pixel more for each factor of three. */
function widthOf(rate: number): number {
  return Math.min(8, 1.5 + Math.log(1 + rate) / Math.log(3));
}

/** A dash passes in this long: 2.4 s at a request a second, 0.4 s from a thousand on. */
function paceOf(rate: number): string {
  return `${Math.max(0.4, 2.4 - 0.29 * Math.log(1 + rate)).toFixed(2)}s`;
}

function rateText({ protocol, signals }: TopologyEdge, narrow: boolean): string {
  if (protocol === "tcp") return `${count(signals.connectionRate)} ${narrow ? "c" : "conn"}/s`;
  return `${count(signals.requestRate)}${narrow ? "" : " req"}/s`;
}

const LOCK = "M-3.2,-0.6 v-2 a3.2,3.2 0 0 1 6.4,0 v2 M-4.4,-0.6 h8.8 v6.2 h-8.8 z";
const OPEN_LOCK = "M-3.2,-0.6 v-2.4 a3.2,3.2 0 0 1 6,-1.5 M-4.4,-0.6 h8.8 v6.2 h-8.8 z";

function mtlsText(share: number | null): string {
  if (share === null) return "mutual TLS not reported";
  return share === 1 ? "mutual TLS" : share === 0 ? "plaintext" : `${percent(share)} mutual TLS`;
}

export function EdgePath({ edge, narrow, curve, ends, selected, onSelect }: EdgePathProps) {
  const { path, label } = curve;
  const { signals, mtlsShare } = edge;
  const health = healthOf(signals);
  const rate = edge.protocol === "tcp" ? signals.connectionRate : signals.requestRate;
  const shown = rateText(edge, narrow);
  const text = edge.protocol === "tcp" ? shown : `${shown} · ${percent(signals.successRate)}`;
  const pillWidth = text.length * (narrow ? 7.2 : 6.3) + (mtlsShare === null ? 20 : 38);
  const description = `${ends[0]} to ${ends[1]}: ${text}, ${mtlsText(mtlsShare)}, ${HEALTH_TEXT[health]}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      className={`edge ${health}${selected ? " selected" : ""}`}
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
      <path className="edge-hit" d={path} />
      <path className="edge-base" d={path} strokeWidth={widthOf(rate)} />
      {rate > 0 && (
        <path
          className="edge-flow"
          d={path}
          strokeWidth={Math.max(1.5, widthOf(rate) - 1)}
          style={{ animationDuration: paceOf(rate) }}
        />
      )}
      <g transform={`translate(${label.x},${label.y})`}>
        <rect className="edge-pill" x={-pillWidth / 2} y={-11} width={pillWidth} height={22} rx={11} />
        {mtlsShare !== null && (
          <path
            className={mtlsShare === 1 ? "lock" : "lock open"}
            d={mtlsShare === 1 ? LOCK : OPEN_LOCK}
            transform={`translate(${-pillWidth / 2 + 15},-0.5)`}
          />
        )}
        <text className="edge-text" x={mtlsShare === null ? 0 : 9} y={4} textAnchor="middle">
          {text}
        </text>
      </g>
    </g>
  );
}
