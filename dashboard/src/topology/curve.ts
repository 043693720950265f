// The line of an edge and the place of its label.

import type { Point } from "./layout.ts";

export interface Curve {
  readonly path: string;
  readonly label: Point;
}

/** How far along its first bend an edge carries its label: where the edges of one caller have parted. */
const LABEL_AT = 0.62;

function pointAlong(from: Point, to: Point, t: number): Point {
  const s = 1 - t;
  const bend = (to.x - from.x) / 2;
  const mix = (a: number, b: number, c: number, d: number) =>
    s ** 3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t ** 3 * d;
  return { x: mix(from.x, from.x + bend, to.x - bend, to.x), y: mix(from.y, from.y, to.y, to.y) };
}

function bendTo(from: Point, to: Point): string {
  const bend = (to.x - from.x) / 2;
  return `C${from.x + bend},${from.y} ${to.x - bend},${to.y} ${to.x},${to.y}`;
}

/** Through the points of a route, bending between columns; a call back to an earlier column bows out below both ends. */
export function curveOf(route: readonly Point[]): Curve | undefined {
  const [from, next] = route;
  const to = route.at(-1);
  if (!from || !next || !to) return undefined;
  if (to.x <= from.x) {
    const below = Math.max(from.y, to.y) + 70;
    return {
      path: `M${from.x},${from.y} C${from.x + 90},${below} ${to.x - 90},${below} ${to.x},${to.y}`,
      label: { x: (from.x + to.x) / 2, y: below - 12 },
    };
  }
  let path = `M${from.x},${from.y}`;
  for (let i = 1; i < route.length; i++) {
    const a = route[i - 1]!;
    const b = route[i]!;
    path += i % 2 === 1 ? bendTo(a, b) : `L${b.x},${b.y}`;
  }
  return { path, label: pointAlong(from, next, LABEL_AT) };
}
