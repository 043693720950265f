// Colour and columns for people; nothing of it where nobody looks (https://no-color.org).

import { Failure } from "../base/failure.ts";

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

function painter(code: number, on: boolean): (text: string) => string {
  return on ? (text) => `\x1b[${code}m${text}\x1b[0m` : (text) => text;
}

/** Colours for a stream: only on a terminal that can, and never when NO_COLOR is set to anything. */
export function styleOf(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Style {
  const on = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  return {
    bold: painter(1, on),
    dim: painter(2, on),
    red: painter(31, on),
    green: painter(32, on),
    yellow: painter(33, on),
    cyan: painter(36, on),
  };
}

/** Text without escape sequences, for measuring. */
function width(text: string): number {
  return Bun.stringWidth(text);
}

/** Columns as kubectl's: headings in capitals, three spaces between, nothing after the last. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return renderRows([headings.map((heading) => heading.toUpperCase()), ...rows]);
}

/** Of as many columns as the first row has. */
export function renderRows(rows: readonly (readonly string[])[]): string {
  const [first = []] = rows;
  const widths = first.map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ""))));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell + " ".repeat(widths[column]! - width(cell) + 3),
        )
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

/** As the shell tells of a process that SIGPIPE ended, which is how programs end whose reader has gone. */
const READER_GONE = 141;

/** Writes a line to standard output and waits until it has left the process, which may end right after. */
export async function print(text: string): Promise<void> {
  await printRaw(`${text}\n`);
}

/** The same without an end of the line. */
export async function printRaw(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EPIPE") process.exit(READER_GONE); // `… | head`
    throw new Failure(`cannot write to standard output: ${Failure.from(cause).message}`, { cause });
  }
}

/** The same to standard error. Where nobody reads it any more there is nobody to tell: the command's exit code still says what became of it. */
export async function printError(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stderr, `${text}\n`);
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EPIPE")) throw cause;
  }
}
