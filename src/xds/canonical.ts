// Maps in the order of their keys. protobuf writes them in the order in which they were filled, and two messages that mean the same must
// have the same bytes: the bytes make the version, and a version that changes for nothing makes Envoy drain listeners and connections.

type Fields = Readonly<Record<string, unknown>>;

function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, index) => index === 0 || keys[index - 1]! < key);
}

function canonicalFields(fields: Fields): Fields {
  let result: Record<string, unknown> | undefined;
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (typeof value !== "object" || value === null) continue;
    const canonicalValue = canonical(value);
    if (canonicalValue !== value) {
      result ??= { ...fields };
      result[key] = canonicalValue;
    }
  }
  const current = result ?? fields;
  // A message's own fields are written by number; every other object is a map, a Struct, or a oneof, whose `case` sorts before `value`.
  if ("$typeName" in fields) return current;
  const keys = Object.keys(current);
  if (isSorted(keys)) return current;
  return Object.fromEntries(keys.sort().map((key) => [key, current[key]]));
}

/** `value` with every map in it sorted by key; `value` itself when all are. */
export function canonical<T>(value: T): T {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return canonicalFields(value as Fields) as T;
  let items: unknown[] | undefined;
  for (let i = 0; i < value.length; i++) {
    const item = canonical(value[i]);
    if (item === value[i]) continue;
    items ??= [...value];
    items[i] = item;
  }
  return (items as T | undefined) ?? value;
}
