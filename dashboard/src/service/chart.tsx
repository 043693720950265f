// One chart: uPlot for the lines, the legend in HTML with the figures under the cursor, or the latest.

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { clock, clockMinutes } from "../format.ts";
import { resolveColour } from "../palette.ts";

export interface ChartSeries {
  readonly label: string;
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly unit: string;
  /** Times in ms. */
  readonly at: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly format: (value: number) => string;
  /** The axis reaches at least this far, so that a flat zero does not look like noise. */
  readonly floor: number;
  readonly theme: "light" | "dark";
}

const HEIGHT = 116;
/** Seconds between labels, from a minute to a quarter of a day. */
const TIME_STEPS = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600];

function optionsOf(
  { series, format, floor }: ChartProps,
  width: number,
  onCursor: (index: number | null | undefined) => void,
): uPlot.Options {
  const axis = { stroke: resolveColour("var(--muted)"), font: "11px system-ui", ticks: { show: false } };
  const grid = { stroke: resolveColour("var(--grid)"), width: 1 };
  return {
    width,
    height: HEIGHT,
    padding: [6, 14, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: "golden-signals" },
      points: { size: 6 },
      y: false,
      drag: { setScale: false, x: false, y: false },
    },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(floor, (max ?? 0) * 1.1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 8,
        space: 46,
        incrs: TIME_STEPS,
        values: (_, times) => times.map((time) => clockMinutes(time * 1_000)),
      },
      {
        ...axis,
        grid,
        size: 50,
        space: 28,
        values: (_, values) => values.map((value) => (value === 0 ? "0" : format(value))),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour }) => ({
        label,
        stroke: resolveColour(colour),
        width: 1.6,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { setCursor: [(chart) => onCursor(chart.cursor.idx)] },
  };
}

function dataOf({ at, series }: ChartProps): uPlot.AlignedData {
  return [at.map((ms) => ms / 1_000), ...series.map(({ values }) => [...values])];
}

export function Chart(props: ChartProps) {
  const { title, unit, series, format, at, theme } = props;
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>();
  const shape = `${theme} ${series.map(({ label, colour }) => `${label} ${colour}`).join()}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new shape needs a new chart; data and width are set on the one there is
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const made = new uPlot(optionsOf(latest.current, element.clientWidth, setCursor), dataOf(latest.current), element);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    chart.current?.setData(dataOf({ ...latest.current, at, series }));
  }, [at, series]);

  const index = cursor ?? at.length - 1;
  const textOf = ({ values }: ChartSeries) => {
    const value = values[index];
    return value === null || value === undefined ? "–" : format(value);
  };
  const time = at[index];
  return (
    <figure className="chart">
      <figcaption>
        <strong>{title}</strong>{" "}
        <span className="muted">{cursor !== null && cursor !== undefined && time ? clock(time) : unit}</span>
        <span className="legend">
          {series.map((one) => (
            <span key={one.label}>
              <span className="swatch" style={{ background: one.colour }} aria-hidden="true" />
              {one.label} <b>{textOf(one)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div
        ref={holder}
        className="chart-canvas"
        role="img"
        aria-label={`${title} over time, latest: ${series.map((one) => `${one.label} ${textOf(one)}`).join(", ") || "no data"}`}
      />
    </figure>
  );
}
