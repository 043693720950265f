// Figures that are no rounds of load: one value of one subject each, shown as a table of subjects by values.

export interface Figure {
  /** A proxy, or a proxy in a state: `heddle`, `2 processes`. */
  readonly subject: string;
  readonly name: string;
  readonly value: number;
  readonly unit: "MB" | "KB" | "ms" | "µs" | "requests/s" | "handshakes/s" | "%" | "";
}

export function figure(subject: string, name: string, value: number, unit: Figure["unit"]): Figure {
  return { subject, name, value: Number(value.toPrecision(4)), unit };
}

const heading = ({ name, unit }: Figure): string => (unit === "" ? name : `${name} ${unit}`);

/** A row for each subject, a column for each value, both in the order in which they appear; "-" for what a subject does not have. */
export function tableOfFigures(figures: readonly Figure[]): string[][] {
  const columns = [...new Set(figures.map(heading))];
  const subjects = [...new Set(figures.map(({ subject }) => subject))];
  const cell = (subject: string, column: string): string =>
    figures
      .find((figure) => figure.subject === subject && heading(figure) === column)
      ?.value.toLocaleString("en", { maximumFractionDigits: 2 }) ?? "-";
  return [["", ...columns], ...subjects.map((subject) => [subject, ...columns.map((column) => cell(subject, column))])];
}
