// Findings as people and programs read them: istioctl's line with the place below it, columns, JSON and YAML.

import { stringify } from "yaml";
import { CODES, type Code, documentationOf, type Finding } from "../analyze/code.ts";
import { type Diagnostic, renderPlace, type Severity } from "../base/diagnostic.ts";
import { renderTable, type Style } from "./terminal.ts";

export const ANALYSIS_OUTPUTS = ["log", "table", "json", "yaml"] as const;
export type AnalysisOutput = (typeof ANALYSIS_OUTPUTS)[number];

/** The order in which they are shown, and of the thresholds. */
export const LEVELS = ["error", "warning", "info"] as const satisfies readonly Severity[];

const LEVEL_NAMES: Readonly<Record<Severity, string>> = { error: "Error", warning: "Warning", info: "Info" };

/** Worst first, then as they stand in the files; what is in no file by its name. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const place = ({ span }: Finding) => ({
    file: span?.file ?? "\uffff",
    line: span?.line ?? 0,
    column: span?.column ?? 0,
  });
  return findings
    .map((found) => ({ found, level: LEVELS.indexOf(found.severity), ...place(found) }))
    .sort(
      (a, b) =>
        a.level - b.level || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
    )
    .map(({ found }) => found);
}

export function findingsText(findings: readonly Finding[], output: AnalysisOutput, style: Style): string {
  switch (output) {
    case "log":
      return findings.map((found) => logText(found, style)).join("\n");
    case "table":
      return renderTable(["level", "code", "object", "place", "message"], findings.map(rowOf));
    case "json":
      return JSON.stringify(findings.map(findingShape), null, 2);
    case "yaml":
      return stringify(findings.map(findingShape), { lineWidth: 0 }).trimEnd();
  }
}

function logText(found: Finding, style: Style): string {
  const paint = { error: style.red, warning: style.yellow, info: style.dim } as const;
  const who = [originText(found.object), referenceText(found)].filter((text) => text !== "").join(" ");
  const level = LEVEL_NAMES[found.severity];
  const head = `${paint[found.severity](`${level} [${found.code}]`)}${who === "" ? "" : ` (${who})`} ${found.message}`;
  return [head, ...renderPlace(found)].join("\n");
}

/** A Namespace is in none. */
export function originText(object: Diagnostic["object"]): string {
  if (!object) return "";
  const { kind, namespace, name } = object;
  return kind === "Namespace" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function referenceText({ span }: Finding): string {
  return span ? `${span.file}:${span.line}:${span.column}` : "";
}

function rowOf(found: Finding): readonly string[] {
  return [LEVEL_NAMES[found.severity], found.code, originText(found.object), referenceText(found), found.message];
}

/** istioctl's fields first; what else is known of the finding after them. */
export function findingShape(found: Finding) {
  const { code, severity, message, object, span, path, suggestion, notes, also } = found;
  const documentationUrl = documentationOf(code);
  return {
    code,
    ...(documentationUrl === undefined ? {} : { documentationUrl }),
    level: LEVEL_NAMES[severity],
    message,
    ...(object ? { origin: originText(object) } : {}),
    ...(span ? { reference: `${span.file}:${span.line}` } : {}),
    ...(Object.hasOwn(CODES, code) ? { name: CODES[code as Code].name } : {}),
    ...(path === undefined ? {} : { path }),
    ...(span ? { file: span.file, line: span.line, column: span.column, source: span.text } : {}),
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(notes === undefined ? {} : { notes }),
    ...(also === undefined ? {} : { also }),
  };
}

/** `2 errors, 1 warning`; undefined without findings. */
export function summaryText(findings: readonly Finding[]): string | undefined {
  const counts = LEVELS.flatMap((level) => {
    const count = findings.filter(({ severity }) => severity === level).length;
    const noun = level === "info" ? "note" : level;
    return count === 0 ? [] : [`${count} ${noun}${count === 1 ? "" : "s"}`];
  });
  return counts.length === 0 ? undefined : counts.join(", ");
}
