// The outcome of a case: as JSON for programs, as a table for people.

import { type Figure, tableOfFigures } from "./figure.ts";
import type { Machine } from "./machine.ts";
import type { Ratio, Result } from "./result.ts";
import { formatVerdict, type Verdict } from "./target.ts";

export interface Report {
  readonly case: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  /** Of rounds of load on peers; a case has these or figures. */
  readonly results?: readonly Result[];
  /** The first peer over each other. A peer with errors has no result to divide by. */
  readonly ratios?: Readonly<Record<string, Ratio>>;
  readonly figures?: readonly Figure[];
  readonly verdicts: readonly Verdict[];
}

type Column = readonly [heading: string, cell: (result: Result) => string];

const number = (value: number, digits = 0): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const megabytes = (bytes: number): string => number(bytes / 1e6, 1);

const COLUMNS: readonly Column[] = [
  ["", ({ name }) => name],
  ["CPU µs", ({ cpuUs }) => number(cpuUs, 1)],
  ["user", ({ userUs }) => number(userUs, 1)],
  ["system", ({ systemUs }) => number(systemUs, 1)],
  ["requests/s", ({ rps }) => number(rps)],
  ["p50 µs", ({ p50Us }) => number(p50Us)],
  ["p99 µs", ({ p99Us }) => number(p99Us)],
  ["resident MB", ({ residentBytes }) => megabytes(residentBytes)],
  ["private MB", ({ privateBytes }) => megabytes(privateBytes)],
  ["ready ms", ({ readyMs }) => number(readyMs)],
  ["errors", ({ errors }) => number(errors)],
];

const ONE_CONNECTION: readonly Column[] = [
  ["p50 µs at 1", ({ oneConnection }) => number(oneConnection?.p50Us ?? Number.NaN)],
  ["p99 µs at 1", ({ oneConnection }) => number(oneConnection?.p99Us ?? Number.NaN)],
];
const AT_RATE: readonly Column[] = [
  ["at requests/s", ({ atRate }) => number(atRate?.rps ?? Number.NaN)],
  ["p50 µs", ({ atRate }) => number(atRate?.p50Us ?? Number.NaN)],
  ["p99 µs", ({ atRate }) => number(atRate?.p99Us ?? Number.NaN)],
];
const IDLE: Column = ["idle MB", ({ idlePrivateBytes }) => megabytes(idlePrivateBytes ?? Number.NaN)];

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
}

function table(results: readonly Result[]): string[] {
  const columns = [
    ...COLUMNS,
    ...(results.some(({ oneConnection }) => oneConnection) ? ONE_CONNECTION : []),
    ...(results.some(({ atRate }) => atRate) ? AT_RATE : []),
    ...(results.some(({ idlePrivateBytes }) => idlePrivateBytes !== undefined) ? [IDLE] : []),
  ];
  return align([
    columns.map(([heading]) => heading),
    ...results.map((result) => columns.map(([, cell]) => cell(result))),
  ]);
}

export function describeNoise({ noise }: Machine): string {
  const { noisy, takenByOthers, speedSpread } = noise;
  const facts = `others had up to ${number(takenByOthers * 100)} % of a core, speed varied by ${number((speedSpread - 1) * 100)} %`;
  return noisy ? `noisy machine: ${facts}; take the figures with care` : `quiet machine: ${facts}`;
}

/** For a terminal, without a final line break. */
export function formatReport(report: Report, describes: string): string {
  const { machine, versions, results = [], ratios = {}, figures, verdicts } = report;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const ratioLines = Object.entries(ratios).map(([pair, { cpu, rps, p50, p99, p50OneConnection, p99AtRate }]) => {
    const one = p50OneConnection === undefined ? "" : `, p50 at 1 connection ${p50OneConnection}`;
    const rate = p99AtRate === undefined ? "" : `, p99 at a constant rate ${p99AtRate}`;
    return `${pair}: CPU ${cpu}, requests/s ${rps}, p50 ${p50}, p99 ${p99}${one}${rate}`;
  });
  return [
    `${report.case}: ${describes}`,
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}; ${programs.join(", ")}`,
    describeNoise(machine),
    "",
    ...(figures ? align(tableOfFigures(figures)) : [...table(results), "", ...ratioLines]),
    ...results
      .filter(({ errors }) => errors > 0)
      .map(({ name, errors }) => `${name}: ${errors} errors: this is no result`),
    "",
    ...verdicts.map(formatVerdict),
  ].join("\n");
}
