// A user's mistake as data: collected by every stage that reads what a person wrote, reported by the command line, the API and the dashboard.

export type Severity = "error" | "warning" | "info";

import { textWidth } from "./text-width.ts";

/**
 * A place in a file. Lines and columns count from 1, in UTF-16 code units as editors count them; `length` is in those of `text`, the line that
 * holds the place.
 */
export interface SourceSpan {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly text: string;
  /** How much of a long line is left out before `text`, which then begins with `…` in its place. */
  readonly skipped?: number;
}

/** The object a diagnostic is about, in Kubernetes' terms. */
export interface ObjectReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * One finding. `code` is stable and documented (`HED1001`, `IST0101`); `message` says what is wrong with the value quoted,
 * `suggestion` what would be right.
 */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly span?: SourceSpan;
  readonly object?: ObjectReference;
  /** Path of the field in the object, as in `spec.http[0].route[1].weight`. */
  readonly path?: string;
  readonly suggestion?: string;
  readonly notes?: readonly string[];
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/**
 * The form people read in a terminal:
 *
 *     error[HED1004] vs.yaml:12:17: weight must be a whole number: "eighty"
 *       12 |         weight: eighty
 *          |                 ^^^^^^
 *       try: a number from 0 to 100
 */
export function renderDiagnostic(diagnostic: Diagnostic): string {
  const { span, object } = diagnostic;
  const place = span
    ? ` ${span.file}:${span.line}:${span.column}`
    : object
      ? ` ${object.kind} ${object.namespace}/${object.name}`
      : "";
  const head = `${diagnostic.severity}[${diagnostic.code}]${place}: ${diagnostic.message}`;
  return [head, ...renderPlace(diagnostic)].join("\n");
}

/** As wide as what stands before the place: a tab is as wide as the terminal has it. */
function indentOf(text: string, at: number): string {
  const before = text.slice(0, at).split("\t");
  return before.map((part) => " ".repeat(textWidth(part))).join("\t") + " ".repeat(Math.max(0, at - text.length));
}

function markOf({ text, column, length, skipped = 0 }: SourceSpan): string {
  const at = column - 1 - skipped + (skipped > 0 ? 1 : 0);
  // Of what is cut away nothing is marked.
  const width = textWidth(text.slice(at, at + length));
  return `${indentOf(text, at)}${"^".repeat(Math.max(1, width))}`;
}

/** What stands below the message: the line, what is meant in it, what would be right. */
export function renderPlace({ span, suggestion, notes = [] }: Diagnostic): readonly string[] {
  const lines: string[] = [];
  if (span && span.text !== "") {
    const gutter = String(span.line);
    lines.push(`  ${gutter} | ${span.text}`);
    lines.push(`  ${" ".repeat(gutter.length)} | ${markOf(span)}`);
  }
  if (suggestion) lines.push(`  try: ${suggestion}`);
  return [...lines, ...notes.map((note) => `  note: ${note}`)];
}
