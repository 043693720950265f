// `-o custom-columns=NAME:.metadata.name,HOSTS:.spec.hosts`: kubectl's table of chosen fields.

import { EXIT, Failure } from "../base/failure.ts";
import { type Path, parsePath, valuesAt } from "./json-path.ts";
import { renderRows } from "./terminal.ts";

export interface ObjectColumn {
  readonly heading: string;
  readonly path: Path;
}

/** Throws a Failure for what is no list of HEADING:PATH. */
export function parseColumns(text: string): readonly ObjectColumn[] {
  // A comma in brackets or quotes is the path's own.
  const parts = text.match(/(?:\[[^\]]*\]|"[^"]*"|'[^']*'|[^,[])+/g) ?? [];
  return parts.map((part) => {
    const [, heading, path] = /^([^:]+):(.+)$/s.exec(part.trim()) ?? [];
    if (heading !== undefined && path !== undefined) return { heading, path: parsePath(path) };
    throw new Failure(`not HEADING:PATH, as custom columns are: ${JSON.stringify(part)}`, {
      hint: "custom-columns=NAME:.metadata.name,HOSTS:.spec.hosts",
      exit: EXIT.usage,
    });
  });
}

export function columnsText(columns: readonly ObjectColumn[], objects: readonly unknown[], headings: boolean): string {
  const rows = objects.map((object) => columns.map(({ path }) => cellText(valuesAt(path, object))));
  return renderRows([...(headings ? [columns.map(({ heading }) => heading)] : []), ...rows]);
}

function cellText(values: readonly unknown[]): string {
  return values.length === 0 ? "<none>" : values.map(memberText).join(",");
}

/** As Go prints it, which scripts that read kubectl's columns expect. */
function memberText(value: unknown): string {
  if (value === null || value === undefined) return "<none>";
  if (Array.isArray(value)) return `[${value.map(memberText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([key, member]) => `${key}:${memberText(member)}`).join(" ")}]`;
}
