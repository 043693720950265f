// A field that its record does not have, and another record of the same kind nearby does: `timeout` beside a destination, `principals` in `from`.

import { joinPath, parsePath, type Step } from "./path.ts";
import type { RecordSchema, Schema } from "./schema.ts";

/** Names up from where the field stands, and down from there: farther away a field of that name is another one. */
const FARTHEST = 3;

interface Place {
  readonly schema: Schema;
  readonly path: string;
  /** Of the way to where the field stands, what is left of it; undefined off the way. */
  readonly left: readonly Step[] | undefined;
  readonly distance: number;
}

const names = (steps: readonly Step[]) => steps.filter((step) => typeof step === "string").length;

function below(place: Place, name: string, child: Schema): Place {
  const { path, left, distance } = place;
  const isOnWay = left !== undefined && left[0] === name;
  if (isOnWay) return { schema: child, path: joinPath(path, name), left: left.slice(1), distance: 0 };
  const up = left === undefined ? distance : names(left);
  return { schema: child, path: joinPath(path, name), left: undefined, distance: up + 1 };
}

function item(place: Place, schema: Schema): Place {
  const [step, ...rest] = place.left ?? [];
  if (typeof step === "number") return { ...place, schema, path: joinPath(place.path, step), left: rest };
  return { ...place, schema, path: `${place.path}[]`, left: undefined };
}

/** Of a map only what the way leads through: other keys are the user's. */
function entry(place: Place, schema: Schema): Place | undefined {
  const [step, ...rest] = place.left ?? [];
  if (step === undefined) return undefined;
  return { ...place, schema, path: joinPath(place.path, String(step)), left: rest };
}

function* records(place: Place): Generator<Place & { readonly schema: RecordSchema }> {
  const { schema, left } = place;
  if (left === undefined && place.distance > FARTHEST) return;
  if (schema.type === "list") yield* records(item(place, schema.items));
  else if (schema.type === "map") {
    const next = entry(place, schema.values);
    if (next) yield* records(next);
  } else if (schema.type === "record") {
    yield { ...place, schema, distance: left === undefined ? place.distance : names(left) };
    for (const [name, child] of Object.entries(schema.fields)) yield* records(below(place, name, child));
  }
}

/** The path that a field of that name has nearest to `path`, the record that does not have it; `[]` is any item of a list. */
export function placeElsewhere(root: Schema, path: string, field: string): string | undefined {
  let nearest: Place | undefined;
  for (const place of records({ schema: root, path: "", left: parsePath(path), distance: 0 })) {
    if (!Object.hasOwn(place.schema.fields, field) || place.distance > FARTHEST) continue;
    if (nearest === undefined || place.distance < nearest.distance) nearest = place;
  }
  return nearest && joinPath(nearest.path, field);
}
