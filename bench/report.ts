// The outcome of a case: as JSON for programs, as a table for people.

import { type Figure, tableOfFigures } from "./figure.ts";
import type { Machine } from "./machine.ts";
import { rounded } from "./statistics.ts";
import { formatVerdict, type Verdict } from "./target.ts";

export interface Result {
  readonly name: string;
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly rps: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Under load; of the largest process of the peer. */
  readonly residentBytes: number;
  /** The same without the pages that other processes of the program share. */
  readonly privateBytes: number;
  readonly errors: number;
  /** From the start of a proxy until /ready says LIVE. */
  readonly readyMs: number;
  /** Before the first request. */
  readonly idlePrivateBytes?: number;
  readonly oneConnection?: {
    readonly cpuUs: number;
    readonly rps: number;
    readonly p50Us: number;
    readonly p99Us: number;
  };
  /** At a rate that does not wait for answers. */
  readonly atRate?: {
    readonly rps: number;
    readonly p50Us: number;
    readonly p99Us: number;
  };
}

export interface Ratio {
  readonly cpu: number;
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
  /** Median latency over one connection. */
  readonly p50OneConnection?: number;
  /** At the constant rate. */
  readonly p99AtRate?: number;
}

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

function ratio(a: Result, b: Result): Ratio {
  const one =
    a.oneConnection && b.oneConnection
      ? { p50OneConnection: rounded(a.oneConnection.p50Us / b.oneConnection.p50Us) }
      : {};
  const rate = a.atRate && b.atRate ? { p99AtRate: rounded(a.atRate.p99Us / b.atRate.p99Us) } : {};
  return {
    cpu: rounded(a.cpuUs / b.cpuUs),
    rps: rounded(a.rps / b.rps),
    p50: rounded(a.p50Us / b.p50Us),
    p99: rounded(a.p99Us / b.p99Us),
    ...one,
    ...rate,
  };
}

export function ratiosOf(results: readonly Result[]): Record<string, Ratio> {
  const [first, ...others] = results;
  if (!first || first.errors > 0) return {};
  const sound = others.filter(({ errors }) => errors === 0);
  return Object.fromEntries(sound.map((other) => [`${first.name}/${other.name}`, ratio(first, other)]));
}

/** Every figure to three digits. */
export function roundedResult(result: Result): Result {
  return JSON.parse(
    JSON.stringify(result, (key, value) =>
      typeof value === "number" && !key.endsWith("Bytes") && key !== "errors" ? rounded(value) : value,
    ),
  );
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
