// google.protobuf.FieldMask on messages in JSON with the proto's names. Inside of an Any and of lists it goes on, as in Envoy's dumps.

/** Field → what of it; an empty tree is all of it. */
export type MaskTree = ReadonlyMap<string, MaskTree>;

type JsonObject = { readonly [key: string]: unknown };

export function parseMask(text: string): MaskTree {
  const root = new Map<string, MaskTree>();
  for (const path of text.split(",").filter((part) => part !== "")) {
    let at = root;
    const segments = path.split(".");
    for (const [i, segment] of segments.entries()) {
      const known = at.get(segment) as Map<string, MaskTree> | undefined;
      if (known?.size === 0) break; // all of it is asked for already
      const next = known ?? new Map<string, MaskTree>();
      if (i === segments.length - 1) next.clear();
      at.set(segment, next);
      at = next;
    }
  }
  return root;
}

/** True when every path begins with one of the fields. */
export function maskFits(mask: MaskTree, fields: readonly string[]): boolean {
  return mask.size > 0 && [...mask.keys()].every((name) => fields.includes(name));
}

function applyTo(value: unknown, mask: MaskTree): unknown {
  if (mask.size === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => applyTo(element, mask));
  return applyMask(value as JsonObject, mask);
}

export function applyMask(message: JsonObject, mask: MaskTree): JsonObject {
  if (mask.size === 0) return message;
  const kept = Object.entries(message).flatMap(([name, value]) => {
    if (name === "@type") return [[name, value] as const];
    const below = mask.get(name);
    return below ? [[name, applyTo(value, below)] as const] : [];
  });
  return Object.fromEntries(kept);
}
