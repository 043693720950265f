// The four golden signals over time, their cursors moving together.

import type { History, HistorySeries } from "../../../src/admin/api.ts";
import { count, milliseconds } from "../format.ts";
import { versionColour } from "../palette.ts";
import { Chart, type ChartSeries } from "./chart.tsx";

type Column = "requestRate" | "failureRate" | "inFlight";

const QUANTILES = [
  { name: "p50", colour: "var(--series-3)" },
  { name: "p95", colour: "var(--series-2)" },
  { name: "p99", colour: "var(--series-1)" },
] as const;

const PER_SECOND = (value: number) => `${count(value)}/s`;

/** Of what rounding leaves over. */
const LEAST_RATE = 0.01;

/** Requests to the service that reached no workload are no version's: a fault, a refusal, no healthy endpoint. */
function unreachedOf(
  whole: HistorySeries,
  versions: readonly HistorySeries[],
  column: "requestRate" | "failureRate",
): (number | null)[] {
  return whole[column].map((all, i) => {
    const reached = versions.reduce((sum, series) => sum + (series[column][i] ?? 0), 0);
    return all === null ? null : Math.max(0, all - reached);
  });
}

export function Charts({
  history,
  version,
  theme,
}: {
  history: History | undefined;
  version: string;
  theme: "light" | "dark";
}) {
  const all = history?.series ?? [];
  const whole = all.find((series) => series.version === version);
  const versions = all.slice(1);
  const byVersion = (column: Column): ChartSeries[] =>
    versions.flatMap((series, index) =>
      version === "" || series.version === version
        ? [{ label: series.version, colour: versionColour(index), values: series[column] }]
        : [],
    );
  const withUnreached = (column: "requestRate" | "failureRate"): ChartSeries[] => {
    const unreached = version === "" && whole ? unreachedOf(whole, versions, column) : [];
    const isSeen = unreached.some((rate) => rate !== null && rate >= LEAST_RATE);
    return [...byVersion(column), ...(isSeen ? [{ label: "unreached", colour: "var(--bad)", values: unreached }] : [])];
  };
  const latency = (series: HistorySeries | undefined): ChartSeries[] =>
    QUANTILES.map(({ name, colour }) => ({ label: name, colour, values: series?.[name] ?? [] }));
  const shared = { at: history?.at ?? [], theme };
  return (
    <div className="charts">
      <Chart
        title="Traffic"
        unit="requests/s"
        series={withUnreached("requestRate")}
        format={PER_SECOND}
        floor={1}
        {...shared}
      />
      <Chart
        title="Errors"
        unit="failures/s"
        series={withUnreached("failureRate")}
        format={PER_SECOND}
        floor={1}
        {...shared}
      />
      <Chart title="Latency" unit={version} series={latency(whole)} format={milliseconds} floor={1} {...shared} />
      <Chart
        title="Saturation"
        unit="requests in flight"
        series={byVersion("inFlight")}
        format={count}
        floor={0.1}
        {...shared}
      />
    </div>
  );
}
