// Labels as they stand between the braces of an exposition. A series keeps this text, so that a scrape concatenates and never renders.

/** SPIFFE caps an id at 2,048 bytes, the longest legitimate value; a client-chosen Host header must not grow every scrape. */
const MAX_VALUE_LENGTH = 2_048;
const NEEDS_CARE = /[\\"\p{Cc}]/u;

function escaped(character: string): string {
  if (character === "\\") return "\\\\";
  if (character === '"') return '\\"';
  if (character === "\n") return "\\n";
  // Prometheus' lexer ends its input at NUL; the other control characters only spoil terminals.
  return "\ufffd";
}

function escapeValue(value: string): string {
  const bounded = value.length > MAX_VALUE_LENGTH ? value.slice(0, MAX_VALUE_LENGTH) : value;
  return NEEDS_CARE.test(bounded) ? bounded.replace(/[\\"\p{Cc}]/gu, escaped) : bounded;
}

/** `a="1",b="x\"y"`; empty when there are no labels. `names` and `values` have the same length. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  let text = "";
  for (let i = 0; i < names.length; i++) text += `${i === 0 ? "" : ","}${names[i]}="${escapeValue(values[i]!)}"`;
  return text;
}

/** HELP text on one line. OpenMetrics also wants quotes escaped, which the older format would show as a backslash. */
export function helpText(help: string, escapeQuotes: boolean): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return escapeQuotes ? text.replaceAll('"', '\\"') : text;
}
