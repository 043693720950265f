// The fields of a kind as data: one table serves reading, "did you mean", "not supported yet", and later the CRDs, JSON schemas
// and reference pages. Types of what is read are derived from the table.

/** Checks on strings (formats.ts). */
export type Format =
  | "address"
  | "base64"
  | "cidr"
  | "dns-label"
  | "header-name"
  | "header-word"
  | "host"
  | "host-or-address"
  | "label-value"
  | "regex"
  | "regex-or-any"
  | "wildcard-host";

export interface TextSchema {
  readonly type: "text";
  readonly format?: Format;
  readonly notEmpty?: boolean;
  readonly emptyIsUnset?: boolean;
  /** Characters. */
  readonly most?: number;
}

export interface ChoiceSchema<C extends string = string> {
  readonly type: "choice";
  readonly choices: readonly C[];
}

/** Milliseconds, from `minMs` to `maxMs`, in steps of `stepMs` where there are any. */
export interface DurationSchema {
  readonly type: "duration";
  readonly minMs: number;
  readonly maxMs?: number;
  readonly stepMs?: number;
}

export interface NumberSchema {
  readonly type: "whole" | "number";
  readonly min: number;
  readonly max: number;
}

export interface FlagSchema {
  readonly type: "flag";
}

/** What a list or a map has: entries. */
interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

export interface ListSchema<S extends Schema = Schema> extends Bounds {
  readonly type: "list";
  readonly items: S;
}

/** Keys are the user's. `keys`: a check on them. */
export interface MapSchema<S extends Schema = Schema> extends Bounds {
  readonly type: "map";
  readonly values: S;
  readonly keys?: Format | "label-key" | "port";
}

export type Fields = Readonly<Record<string, Schema>>;

export interface RecordSchema<F extends Fields = Fields> {
  readonly type: "record";
  readonly fields: F;
  /** At most one field of each group. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Fields that the table does not know are fine: somebody else checks them (Kubernetes' own kinds). */
  readonly open?: boolean;
}

/** An integer or a string, as Kubernetes' ports. */
export interface PortOrNameSchema {
  readonly type: "port-or-name";
}

/** Known and not acted on: named in a warning that says what happens instead. */
export interface LaterSchema {
  readonly type: "later";
  readonly instead: string;
}

export type Schema = (
  | TextSchema
  | ChoiceSchema
  | DurationSchema
  | NumberSchema
  | FlagSchema
  | ListSchema
  | MapSchema
  | RecordSchema
  | PortOrNameSchema
  | LaterSchema
) & {
  readonly required?: boolean;
};

/** What reading a schema gives; fields that are not acted on have no value, so that nothing can come to depend on them. */
export type Value<S> = S extends { readonly type: "text" }
  ? string
  : S extends { readonly type: "choice"; readonly choices: readonly (infer C)[] }
    ? C
    : S extends { readonly type: "duration" | "whole" | "number" }
      ? number
      : S extends { readonly type: "flag" }
        ? boolean
        : S extends { readonly type: "port-or-name" }
          ? number | string
          : S extends { readonly type: "list"; readonly items: infer I }
            ? readonly Value<I>[]
            : S extends { readonly type: "map"; readonly values: infer V }
              ? Readonly<Record<string, Value<V>>>
              : S extends { readonly type: "record"; readonly fields: infer F }
                ? RecordValue<F>
                : never;

type RequiredKeys<F> = { [K in keyof F]: F[K] extends { readonly required: true } ? K : never }[keyof F];
type LaterKeys<F> = { [K in keyof F]: F[K] extends { readonly type: "later" } ? K : never }[keyof F];
type RecordValue<F> = { readonly [K in Exclude<RequiredKeys<F>, LaterKeys<F>>]: Value<F[K]> } & {
  readonly [K in Exclude<keyof F, RequiredKeys<F> | LaterKeys<F>>]?: Value<F[K]>;
};

/** Any string, or one of a format. Empty is a value of its own. */
export function text(format?: Format): TextSchema {
  return format ? { type: "text", format } : { type: "text" };
}

export function notEmpty(format?: Format): TextSchema {
  return { ...text(format), notEmpty: true };
}

/** Empty is unset, as proto3 has it: what templates write for a value that nobody gave. */
export function textOrUnset(format?: Format): TextSchema {
  return { ...text(format), emptyIsUnset: true };
}

/** One of the names, spelled exactly so: protojson's enums. */
export function choice<const C extends string>(...choices: readonly C[]): ChoiceSchema<C> {
  return { type: "choice", choices };
}

/** Istio takes no duration below 1 ms, nor parts of one, unless it says so. */
export function duration(minMs = 1, limits: Pick<DurationSchema, "maxMs" | "stepMs"> = {}): DurationSchema {
  return { type: "duration", minMs, ...(minMs > 0 ? { stepMs: 1 } : {}), ...limits };
}

/** An integer between two bounds, both allowed. A string of digits is none: the API server refuses it as well. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER): NumberSchema {
  return { type: "whole", min, max };
}

export function real(min: number, max = Number.MAX_SAFE_INTEGER): NumberSchema {
  return { type: "number", min, max };
}

export function port(): NumberSchema {
  return whole(1, 65_535);
}

export function flag(): FlagSchema {
  return { type: "flag" };
}

export function portOrName(): PortOrNameSchema {
  return { type: "port-or-name" };
}

export function list<S extends Schema>(items: S): ListSchema<S> {
  return { type: "list", items };
}

export function mapOf<S extends Schema>(values: S, keys?: MapSchema["keys"]): MapSchema<S> {
  return keys ? { type: "map", values, keys } : { type: "map", values };
}

/** At most so many characters of a text, or entries of a list or map, and at least `least` of these. Istio's definitions bound these, too. */
export function bounded<S extends TextSchema | ListSchema | MapSchema>(most: number, schema: S, least = 0): S {
  return { ...schema, most, ...(least > 0 ? { least } : {}) };
}

/** Exactly these fields: others are unknown and refused. `exclusive`: groups of which one field at most may be set. */
export function record<const F extends Fields>(
  fields: F,
  exclusive: readonly (readonly string[])[] = [],
): RecordSchema<F> {
  return { type: "record", fields, exclusive };
}

/** A record of which only these fields are read. */
export function openRecord<const F extends Fields>(fields: F): RecordSchema<F> {
  return { type: "record", fields, open: true };
}

/** `instead` completes "… is not supported yet:" and says what happens without it. */
export function later(instead: string): LaterSchema {
  return { type: "later", instead };
}

/** Must be there and not null. What holds it is left out as a whole when it is missing or wrong. */
export function required<S extends Schema>(schema: S): S & { readonly required: true } {
  return { ...schema, required: true };
}
