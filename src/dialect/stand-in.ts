// What is read in the place of a field that is wrong, so that what the others say together can be judged all the same. One value would have
// consequences of its own; of several, in rounds, those that all of them have do not come from it (partial.ts).

import { MAX_INT32 } from "./diagnostics.ts";
import type { JsonObject } from "./object.ts";
import type { Format, MapSchema, RecordSchema, Schema } from "./schema.ts";

/** Values of the right form. */
export const SAMPLES: Readonly<Record<Format, readonly string[]>> = {
  address: ["10.0.0.1", "::1"],
  base64: ["aGk=", "YQ=="],
  cidr: ["10.0.0.0/8", "10.0.0.1"],
  "dns-label": ["a", "V1"],
  "header-name": ["x-a", "X-A", "host"],
  "header-word": ["x-a", "X_A"],
  host: ["a", "a.default", "a.default.svc.cluster.local"],
  "host-or-address": ["a", "b.example.com", "10.0.0.1"],
  "label-value": ["v1", "a"],
  regex: ["/a", "a+"],
  "regex-or-any": ["*", "a.*"],
  "wildcard-host": ["a", "*.example.com", "a.default.svc.cluster.local"],
};

const HOUR_MS = 3_600_000;

/** As they are once read: durations are milliseconds. Without any: what is not acted on. `above`: tables around this one. */
function samplesOf(schema: Schema, above: readonly Schema[] = []): readonly unknown[] {
  switch (schema.type) {
    case "text":
      return schema.format ? SAMPLES[schema.format] : ["a", "b"];
    case "choice":
      return schema.choices;
    case "duration":
      return [schema.minMs, HOUR_MS];
    case "whole":
    case "number":
      return [schema.min, Math.min(schema.max, MAX_INT32)];
    case "flag":
      return [false, true];
    case "port-or-name":
      return [80, "http"];
    case "list":
      return [[], ...samplesOf(schema.items, above).map((item) => [item])];
    case "map":
      return [{}, ...samplesOf(schema.values, above).map((value) => ({ [sampleKey(schema)]: value }))];
    case "record":
      return recordSamples(schema, above);
    case "later":
      return [];
  }
}

export function sampleKey({ keys }: Pick<MapSchema, "keys">): string {
  if (keys === undefined || keys === "label-key") return "a";
  return keys === "port" ? "80" : SAMPLES[keys][0]!;
}

/** Of what must be there alone, and last one of everything that may stand together. */
function recordSamples(schema: RecordSchema, above: readonly Schema[]): readonly unknown[] {
  if (above.includes(schema)) return [{}];
  const known = records.get(schema);
  if (known) return known;
  const fields = Object.entries(schema.fields).map(
    ([name, field]) => [name, field, samplesOf(field, [...above, schema])] as const,
  );
  const required = fields.filter(([, field]) => field.required);
  const count = Math.max(1, ...required.map(([, , samples]) => samples.length));
  const least = Array.from({ length: count }, (_, i) =>
    Object.fromEntries(required.map(([name, , samples]) => [name, samples[i % samples.length]])),
  );
  const rivals = new Set((schema.exclusive ?? []).flatMap((group) => group.slice(1)));
  const most = fields
    .filter(([name, , samples]) => samples.length > 0 && !rivals.has(name))
    .map(([name, , samples]) => [name, samples.at(-1)]);
  const all = [...least, Object.fromEntries(most)];
  records.set(schema, all);
  return all;
}

const records = new WeakMap<RecordSchema, readonly unknown[]>();

/** The stand-ins of one round. In round 0 what may be missing is missing. */
export class StandIns {
  readonly round: number;
  #rounds = 1;

  constructor(round: number) {
    this.round = round;
  }

  /** How many rounds it takes until every stand-in had its turn. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Of what must be there. */
  required(schema: Schema): unknown {
    return this.#turn(samplesOf(schema), this.round);
  }

  /** Of what may be missing; undefined: is missing. */
  optional(schema: Schema): unknown {
    return this.#turn([undefined, ...samplesOf(schema)], this.round);
  }

  /** One after the other. */
  oneOf<T>(values: readonly T[]): T | undefined {
    return this.#turn(values, this.round);
  }

  /** Of a record of which nobody knows what a field of another name was meant to be: any of those that are not there. */
  unknown({ fields }: RecordSchema, isThere: (name: string) => boolean): readonly [name: string, value: unknown] {
    const missing = Object.keys(fields).filter((name) => !isThere(name));
    const all = missing.flatMap((name) => {
      const samples = samplesOf(fields[name]!);
      const some = fields[name]!.type === "choice" ? samples : samples.slice(-1);
      return some.map((value) => [name, value] as const);
    });
    return this.#turn([["", undefined] as const, ...all], this.round) ?? ["", undefined];
  }

  #turn<T>(values: readonly T[], round: number): T | undefined {
    this.#rounds = Math.max(this.#rounds, values.length);
    return values[round % values.length];
  }
}

/** What of a record was read: values by field, and how each field was written. */
interface RecordRead {
  readonly found: Readonly<Record<string, unknown>>;
  readonly seen: ReadonlyMap<string, string>;
}

/** The record with stand-ins for what is wrong, whole by its table. */
export function mended(
  schema: RecordSchema,
  object: JsonObject,
  { found, seen }: RecordRead,
  standIns: StandIns,
): Readonly<Record<string, unknown>> {
  const whole: Record<string, unknown> = { ...found };
  const put = (name: string, value: unknown) => {
    if (value !== undefined) whole[name] = value;
  };
  for (const [name, field] of Object.entries(schema.fields)) {
    if (whole[name] !== undefined) continue;
    const written = seen.get(name);
    if (field.required) put(name, standIns.required(field));
    else if (written !== undefined && !isUnset(field, object[written])) put(name, standIns.optional(field));
  }
  if (!schema.open && Object.keys(object).some((written) => !isSeen(seen, written)))
    put(...standIns.unknown(schema, (name) => whole[name] !== undefined));
  for (const group of schema.exclusive ?? []) {
    const set = group.filter((name) => whole[name] !== undefined);
    const kept = standIns.oneOf(set);
    for (const name of set) if (name !== kept) delete whole[name];
  }
  return whole;
}

function isSeen(seen: ReadonlyMap<string, string>, written: string): boolean {
  for (const other of seen.values()) if (other === written) return true;
  return false;
}

function isUnset(field: Schema, value: unknown): boolean {
  return value === undefined || value === null || (field.type === "text" && !!field.emptyIsUnset && value === "");
}
