// Which fields of two messages differ, in lines that a person reads: `route.timeout: "0s" → "1s"`.

const MAX_FIELDS = 6;
const MAX_VALUE = 80;

/** Of two JSON texts of objects; none where they are no objects. Of more than six the last line says how many are left out. */
export function fieldDifferences(before: string, after: string): readonly string[] {
  const [was, is] = [objectOf(before), objectOf(after)];
  if (!was || !is) return [];
  const all = [...differences(was, is, "")];
  if (all.length <= MAX_FIELDS) return all;
  return [...all.slice(0, MAX_FIELDS - 1), `and ${all.length - MAX_FIELDS + 1} fields more`];
}

function objectOf(text: string): object | undefined {
  const value: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function* differences(was: unknown, is: unknown, path: string): Generator<string> {
  const areLists = Array.isArray(was) && Array.isArray(is) && was.length === is.length;
  if (areLists || (isPlain(was) && isPlain(is))) {
    const [before, after] = [was, is] as readonly Readonly<Record<string, unknown>>[];
    for (const key of new Set([...Object.keys(before!), ...Object.keys(after!)]))
      yield* differences(before![key], after![key], joined(path, key, areLists));
  } else if (JSON.stringify(was) !== JSON.stringify(is)) yield `${path}: ${valueText(was)} → ${valueText(is)}`;
}

function isPlain(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value);
}

function joined(path: string, key: string, isIndex: boolean): string {
  if (isIndex) return `${path}[${key}]`;
  if (!/^@?\w+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

function valueText(value: unknown): string {
  const text = value === undefined ? "none" : JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}
