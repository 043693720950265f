// The frame around an application's versions, under its name.

import type { PlacedGroup } from "./layout.ts";
import { shortened } from "./shortened.ts";

const INDENT = 12;
const GAP = 6;
/** Units of a character of usual width, by the sizes of topology.css. */
const WIDE = { title: 7.2, namespace: 5.8 };
const NARROW = { title: 8.3, namespace: 6.6 };

export function GroupBox({ group, narrow }: { readonly group: PlacedGroup; readonly narrow: boolean }) {
  const { x, y, width, height } = group;
  const character = narrow ? NARROW : WIDE;
  const room = width - 2 * INDENT;
  const title = shortened(group.title, Math.floor(room / character.title));
  const left = room - title.length * character.title - GAP;
  return (
    <g>
      <title>{group.namespace === "" ? group.title : `${group.namespace}/${group.title}`}</title>
      <rect className="group-box" x={x} y={y} width={width} height={height} rx={12} />
      <text className="group-title" x={x + INDENT} y={y + 18}>
        {title}
        <tspan className="group-namespace" dx={GAP}>
          {shortened(group.namespace, Math.floor(left / character.namespace))}
        </tspan>
      </text>
    </g>
  );
}
