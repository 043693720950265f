// Reads Prometheus' text format 0.0.4 and OpenMetrics 1.0, as applications and proxies write them. The input is another process's: every
// size is bounded, and a line that a scraper would refuse is an error here too, never a guess.

export interface ExpositionLimits {
  /** Characters of the whole text. */
  readonly maxLength: number;
  readonly maxSamples: number;
  readonly maxLineLength: number;
}

/** Prometheus itself has no limit by default; 64 MiB is the exposition of a thousand busy edges. */
export const DEFAULT_LIMITS: ExpositionLimits = {
  maxLength: 64 * 1024 * 1024,
  maxSamples: 500_000,
  maxLineLength: 64 * 1024,
};

export type ExpositionLine =
  | { readonly kind: "help" | "type" | "unit"; readonly family: string; readonly text: string }
  /** `series` is the name and labels as written; `tail` what follows the value: a timestamp, an exemplar. */
  | { readonly kind: "sample"; readonly series: string; readonly value: number; readonly tail: string }
  | { readonly kind: "eof" }
  | { readonly kind: "error"; readonly line: number; readonly message: string };

export interface Series {
  readonly name: string;
  /** As written between the braces. */
  readonly labelText: string;
  readonly labels: ReadonlyMap<string, string>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|$)/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)$/;

function parseValue(text: string): number | undefined {
  if (NUMBER.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case "+inf":
    case "inf":
      return Number.POSITIVE_INFINITY;
    case "-inf":
      return Number.NEGATIVE_INFINITY;
    case "nan":
      return Number.NaN;
    default:
      return undefined;
  }
}

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

/** Position after the closing brace of the labels that open at `open`, or -1. Quotes and backslashes inside values are respected. */
function endOfLabels(line: string, open: number): number {
  for (let i = open + 1; i < line.length; i++) {
    const character = line[i];
    if (character === "}") return i + 1;
    if (character !== '"') continue;
    for (i++; i < line.length && line[i] !== '"'; i++) if (line[i] === "\\") i++;
  }
  return -1;
}

function readSample(line: string, number: number): ExpositionLine {
  const open = line.indexOf("{");
  const space = line.search(/[ \t]/);
  const labelled = open !== -1 && (space === -1 || open <= space || line.slice(space, open).trim() === "");
  // Without an exemplar the last brace closes the labels, which saves a walk over some 800 characters of Istio's labels.
  const end = !labelled ? space : line.includes(" # ") ? endOfLabels(line, open) : line.lastIndexOf("}") + 1;
  if (end <= 0)
    return {
      kind: "error",
      line: number,
      message: labelled ? "labels without a closing brace" : "sample without a value",
    };
  const rest = line.slice(end).trimStart();
  const valueEnd = rest.search(/[ \t]/);
  const valueText = valueEnd === -1 ? rest : rest.slice(0, valueEnd);
  const value = parseValue(valueText);
  if (value === undefined) return { kind: "error", line: number, message: `not a number: "${valueText.slice(0, 40)}"` };
  return {
    kind: "sample",
    series: line.slice(0, end).trim(),
    value,
    tail: valueEnd === -1 ? "" : rest.slice(valueEnd).trim(),
  };
}

function readLine(line: string, number: number): ExpositionLine | undefined {
  if (line.charCodeAt(0) !== 0x23) return line.trim() === "" ? undefined : readSample(line, number);
  if (line === "# EOF") return { kind: "eof" };
  const header = /^#[ \t]+(HELP|TYPE|UNIT)[ \t]+([^ \t]+)[ \t]?(.*)$/.exec(line);
  if (!header) return undefined; // any other comment
  if (!NAME.test(header[2]!))
    return { kind: "error", line: number, message: `not a metric name: "${header[2]!.slice(0, 40)}"` };
  const kind = header[1]!.toLowerCase() as "help" | "type" | "unit";
  return { kind, family: header[2]!, text: kind === "help" ? unescaped(header[3]!) : header[3]!.trim() };
}

/**
 * The lines of an exposition that carry something, in order. Stops after the first error, at `# EOF`, and at a limit (an error too).
 * Labels are not looked into: `parseSeries` does, for those who have not seen the series before.
 */
export function* readExposition(text: string, limits: ExpositionLimits = DEFAULT_LIMITS): Generator<ExpositionLine> {
  if (text.length > limits.maxLength) {
    yield {
      kind: "error",
      line: 0,
      message: `exposition of ${text.length} characters, at most ${limits.maxLength} are read`,
    };
    return;
  }
  let samples = 0;
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    number++;
    if (end - start > limits.maxLineLength) {
      yield {
        kind: "error",
        line: number,
        message: `line of ${end - start} characters, at most ${limits.maxLineLength} are read`,
      };
      return;
    }
    const line = readLine(text.slice(start, text[end - 1] === "\r" ? end - 1 : end), number);
    start = end + 1;
    if (line === undefined) continue;
    if (line.kind === "sample" && ++samples > limits.maxSamples) {
      yield { kind: "error", line: number, message: `more than ${limits.maxSamples} samples` };
      return;
    }
    yield line;
    if (line.kind === "error" || line.kind === "eof") return;
  }
}

/** Name and labels of a series as written, or undefined when a scraper would refuse it (bad name, bad syntax, a label twice). */
export function parseSeries(series: string): Series | undefined {
  const open = series.indexOf("{");
  const name = open === -1 ? series : series.slice(0, open).trimEnd();
  if (!NAME.test(name)) return undefined;
  const labels = new Map<string, string>();
  if (open === -1) return { name, labelText: "", labels };
  if (!series.endsWith("}")) return undefined;
  const labelText = series.slice(open + 1, -1);
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labelText.length) {
    const at = LABEL.lastIndex;
    const match = LABEL.exec(labelText);
    if (!match) return labelText.slice(at).trim() === "" ? { name, labelText, labels } : undefined;
    if (labels.has(match[1]!)) return undefined;
    labels.set(match[1]!, unescaped(match[2]!));
  }
  return { name, labelText, labels };
}
