/** An SVG text does not wrap or cut itself. `length`: characters; less than two leave nothing. */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  return length < 2 ? "" : `${text.slice(0, length - 1)}…`;
}
