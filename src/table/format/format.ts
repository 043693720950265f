// Envoy's command operators (`%PROTOCOL%`, `%REQ(X)%`), parsed when the configuration comes. The proxy evaluates them.

import { parseOperator } from "./operator.ts";
import type { Format, FormatPart } from "./part.ts";

export type Parsed<T> = { readonly format: T } | { readonly error: string };

/** UTF-8 as one character a byte. */
export function binaryText(text: string): string {
  return Buffer.from(text, "utf8").latin1Slice();
}

/**
 * Parses a format; `%%` is a percent sign. `%ENVIRONMENT(X)%` is resolved here, from `environment`: it cannot change while the
 * process runs. Returns the reason when an operator is unknown or malformed.
 */
export function parseFormat(source: string, environment: Readonly<Record<string, string | undefined>>): Parsed<Format> {
  const parts: FormatPart[] = [];
  let text = "";
  const pattern = /%(?:%|([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%)/g;
  let unread = "";
  let last = 0;
  for (const found of source.matchAll(pattern)) {
    const between = source.slice(last, found.index);
    unread += between;
    text += between;
    last = found.index + found[0].length;
    const [whole, name, argument, length] = found;
    if (name === undefined) {
      text += "%";
      continue;
    }
    const maxLength = length === undefined ? 0 : Number(length);
    if (name === "ENVIRONMENT") {
      const value = (argument === undefined ? undefined : environment[argument]) || "-";
      text += maxLength > 0 ? value.slice(0, maxLength) : value;
      continue;
    }
    const part = parseOperator({ name, argument, maxLength });
    if (typeof part === "string") return { error: `${part} ${whole}` };
    if (text !== "") parts.push({ kind: "text", text: binaryText(text) });
    text = "";
    parts.push(part);
  }
  text += source.slice(last);
  // What the pattern matched is no longer a percent sign: an escaped one, or a value of the environment, may hold one.
  if (unread.includes("%") || source.slice(last).includes("%"))
    return { error: `unfinished operator in ${JSON.stringify(source)}; write %% for a percent sign` };
  if (text !== "") parts.push({ kind: "text", text: binaryText(text) });
  return { format: parts };
}
