// The account as a person reads it.

import { BOUNDS, JUDGED_FROM_SECONDS, type Measure } from "./memory.ts";
import type { SoakReport } from "./soak.ts";

const MEBIBYTE = 1024 * 1024;
const MEASURED: Readonly<Record<Measure, readonly [what: string, unit: number, decimals: number]>> = {
  objects: ["thousand objects", 1_000, 1],
  cellBytes: ["their own bytes, MiB", MEBIBYTE, 2],
  extraBytes: ["code, buffers and text, MiB", MEBIBYTE, 1],
  privateBytes: ["private memory, MiB", MEBIBYTE, 1],
};
/** Of each rule: the rest is told by their number. */
const SHOWN_FINDINGS = 5;

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
}

function findings({ findings }: SoakReport): string[] {
  if (findings.length === 0) return ["all of it adds up"];
  const rules = new Map<string, string[]>();
  for (const { rule, detail } of findings) rules.set(rule, [...(rules.get(rule) ?? []), detail]);
  return [...rules].flatMap(([rule, details]) => [
    `${rule}: ${details.length}`,
    ...details.slice(0, SHOWN_FINDINGS).map((detail) => `  ${detail}`),
  ]);
}

export function formatReport(report: SoakReport): string {
  const { seconds, seed, entries, changes, memory, atRest } = report;
  const perSecond = (entries[0]?.[1] ?? 0) / seconds;
  const rest = Object.values(atRest)[0]?.before ?? {};
  return [
    `soak of ${seconds} s, seed ${seed}: ${perSecond.toFixed(0)} exchanges a second`,
    "",
    ...table(entries.map(([what, count]) => [what, String(count)])),
    "",
    ...table(Object.entries(changes).map(([what, count]) => [`changed: ${what}`, String(count)])),
    "",
    ...table([
      ["at rest, before and after", ...Object.keys(atRest)],
      ...Object.keys(rest).map((what) => [
        what,
        ...Object.values(atRest).map(({ before, after }) => `${before[what]} ${after[what]}`),
      ]),
    ]),
    "",
    ...table([
      ["after a collection", "", "after the warm-up", "at the end", "a request", "at most"],
      ...Object.entries(memory).flatMap(([name, growths]) =>
        growths.map(({ measure, first, last, perRequest }) => {
          const [what, unit, decimals] = MEASURED[measure];
          const [from, to] = [first, last].map((value) => (value / unit).toFixed(decimals));
          return [
            name,
            what,
            from!,
            to!,
            perRequest.toFixed(2),
            Number.isFinite(BOUNDS[measure]) ? String(BOUNDS[measure]) : "-",
          ];
        }),
      ),
    ]),
    ...(seconds >= JUDGED_FROM_SECONDS ? [] : [`not judged below ${JUDGED_FROM_SECONDS} s`]),
    "",
    ...findings(report),
  ].join("\n");
}
