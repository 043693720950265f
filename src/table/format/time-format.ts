// %START_TIME(%Y/%m/%d %H:%M:%S.%3f)%: the conversions of strftime that Envoy's formats use, and its fractions of a second. UTC.

/** Fraction of a second with so many digits, or a conversion of strftime by its letter. */
export type TimePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "fraction"; readonly digits: number }
  | { readonly kind: "conversion"; readonly letter: string };

/** `iso` is Envoy's default, which the proxy keeps for requests of one millisecond. */
export type TimeFormat = { readonly kind: "iso" } | { readonly kind: "parts"; readonly parts: readonly TimePart[] };

export const ISO_TIME: TimeFormat = { kind: "iso" };
const ISO_TEXT = "%Y-%m-%dT%H:%M:%S.%3fZ";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

function pad(value: number, width: number, filler = "0"): string {
  return String(value).padStart(width, filler);
}

function twelve(hour: number): number {
  return hour % 12 === 0 ? 12 : hour % 12;
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

const CONVERSIONS: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getUTCFullYear()),
  y: (date) => pad(date.getUTCFullYear() % 100, 2),
  m: (date) => pad(date.getUTCMonth() + 1, 2),
  d: (date) => pad(date.getUTCDate(), 2),
  e: (date) => pad(date.getUTCDate(), 2, " "),
  H: (date) => pad(date.getUTCHours(), 2),
  I: (date) => pad(twelve(date.getUTCHours()), 2),
  M: (date) => pad(date.getUTCMinutes(), 2),
  S: (date) => pad(date.getUTCSeconds(), 2),
  s: (date) => String(Math.floor(date.getTime() / 1_000)),
  j: (date) => pad(dayOfYear(date), 3),
  a: (date) => (DAYS[date.getUTCDay()] ?? "").slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()] ?? "",
  b: (date) => (MONTHS[date.getUTCMonth()] ?? "").slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()] ?? "",
  p: (date) => (date.getUTCHours() < 12 ? "AM" : "PM"),
  Z: () => "UTC",
  z: () => "+0000",
  T: (date) => date.toISOString().slice(11, 19),
  R: (date) => date.toISOString().slice(11, 16),
  F: (date) => date.toISOString().slice(0, 10),
  D: (date) => `${pad(date.getUTCMonth() + 1, 2)}/${pad(date.getUTCDate(), 2)}/${pad(date.getUTCFullYear() % 100, 2)}`,
  n: () => "\n",
  t: () => "\t",
};

const PATTERN = /%(?:(%)|([1-9])?f|E([1-9])S|([A-Za-z]))/g;

/** Undefined when a conversion is none of those that are known. */
export function parseTimeFormat(source: string): TimeFormat | undefined {
  if (source === ISO_TEXT) return ISO_TIME;
  const parts: TimePart[] = [];
  const text = (value: string) => void (value !== "" && parts.push({ kind: "text", text: value }));
  let last = 0;
  for (const found of source.matchAll(PATTERN)) {
    const between = source.slice(last, found.index);
    if (between.includes("%")) return undefined;
    text(between);
    last = found.index + found[0].length;
    const [whole, percent, digits, seconds, letter] = found;
    if (percent) text("%");
    else if (seconds) parts.push({ kind: "conversion", letter: "S" }, { kind: "text", text: "." }, fraction(seconds));
    else if (whole.endsWith("f") && letter === undefined) parts.push(fraction(digits ?? "9"));
    else if (letter !== undefined && letter in CONVERSIONS) parts.push({ kind: "conversion", letter });
    else return undefined;
  }
  const rest = source.slice(last);
  if (rest.includes("%")) return undefined;
  text(rest);
  return { kind: "parts", parts };
}

function fraction(digits: string): TimePart {
  return { kind: "fraction", digits: Number(digits) };
}

/** @param epochMs milliseconds since 1970, with their fraction */
export function formatTime(parts: readonly TimePart[], epochMs: number): string {
  const date = new Date(Math.floor(epochMs));
  const nanoseconds = pad(Math.floor((epochMs % 1_000) * 1_000) * 1_000, 9);
  let text = "";
  for (const part of parts) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "fraction") text += nanoseconds.slice(0, part.digits);
    else text += CONVERSIONS[part.letter]?.(date) ?? "";
  }
  return text;
}
