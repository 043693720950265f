// Reads a value by its table: what is wrong is reported with its path, what is right comes out with camelCase names.

import { misspelling, nearest } from "../base/nearest.ts";
import { programSize } from "../base/regex-size.ts";
import * as bounds from "./bound-diagnostics.ts";
import * as diagnostics from "./diagnostics.ts";
import { durationMs, FORMATS, isHeaderName, isLabelKey } from "./formats.ts";
import * as inputDiagnostics from "./input-diagnostics.ts";
import { placeElsewhere } from "./misplaced.ts";
import { isObject, type JsonObject, type SourceObject } from "./object.ts";
import { joinPath } from "./path.ts";
import type { Reporter } from "./reporter.ts";
import type {
  ChoiceSchema,
  DurationSchema,
  ListSchema,
  MapSchema,
  NumberSchema,
  RecordSchema,
  Schema,
  TextSchema,
  Value,
} from "./schema.ts";
import { mended, sampleKey } from "./stand-in.ts";

/**
 * A whole object by its kind's table; undefined when any field of it is wrong. What the fields mean together is then looked at with stand-ins
 * for those (partial.ts): left-out items would shift the places of the others, and most findings would follow from those before.
 */
export function decodeObject<S extends Schema>(
  schema: S,
  object: SourceObject,
  reporter: Reporter,
): Value<S> | undefined {
  const { standIns } = reporter;
  // What is wrong with the fields themselves has been told.
  if (standIns) return read(schema, object.value, "", reporter.silent()) as Value<S> | undefined;
  reporter.readBy(schema);
  const failedBefore = reporter.failed;
  const value = read(schema, object.value, "", reporter);
  readMetadata(object.value, reporter);
  if (reporter.failed && !failedBefore) reporter.failFields();
  if (reporter.failed) return undefined;
  return value as Value<S> | undefined;
}

/** Kubernetes' ObjectMeta, whole: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ */
const METADATA_FIELDS = [
  "name",
  "namespace",
  "labels",
  "annotations",
  "generateName",
  "finalizers",
  "managedFields",
  "ownerReferences",
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "resourceVersion",
  "selfLink",
  "uid",
];

function readMetadata({ metadata }: JsonObject, reporter: Reporter): void {
  if (!isObject(metadata)) return;
  for (const name of Object.keys(metadata))
    if (!METADATA_FIELDS.includes(name) && !reporter.isFull)
      reporter.report(joinPath("metadata", name), inputDiagnostics.misspeltField(name, nearest(name, METADATA_FIELDS)));
}

/** A value that stands at `path` in the reporter's object. */
export function decodeValue<S extends Schema>(
  schema: S,
  value: unknown,
  path: string,
  reporter: Reporter,
): Value<S> | undefined {
  if (reporter.standIns) return read(schema, value, path, reporter.silent()) as Value<S> | undefined;
  const failedBefore = reporter.failed;
  const decoded = read(schema, value, path, reporter);
  if (reporter.failed && !failedBefore) reporter.failFields();
  if (reporter.failed) return undefined;
  return decoded as Value<S> | undefined;
}

/** The value, or undefined when it is unset (missing or null) or wrong (reported). */
function read(schema: Schema, value: unknown, path: string, reporter: Reporter): unknown {
  if (value === undefined || value === null) return undefined;
  switch (schema.type) {
    case "text":
      return readText(schema, value, path, reporter);
    case "choice":
      return readChoice(schema, value, path, reporter);
    case "duration":
      return readDuration(schema, value, path, reporter);
    case "whole":
    case "number":
      return readNumber(schema, value, path, reporter);
    case "flag":
      return typeof value === "boolean" ? value : wrongType(path, "true or false", value, reporter);
    case "port-or-name":
      return readPortOrName(value, path, reporter);
    case "list":
      if (!Array.isArray(value)) return wrongType(path, "a list", value, reporter, listExample(value, path));
      if (value.length > MAX_ENTRIES) return tooMany(path, value.length, reporter);
      if (!isWithin(schema, value.length, path, reporter)) return undefined;
      return readItems(schema.items, value, path, reporter);
    case "map":
      return isObject(value) ? readMap(schema, value, path, reporter) : wrongType(path, "a map", value, reporter);
    case "record":
      if (isObject(value)) return readRecord(schema, value, path, reporter);
      return wrongType(path, "an object", value, reporter, recordExample(schema, value, path));
    case "later":
      reporter.report(path, diagnostics.notSupportedYet(lastName(path), schema.instead));
      return undefined;
  }
}

/** Of a list or a map. etcd's 1.5 MiB hold some 65,000 addresses. */
const MAX_ENTRIES = 65_536;

/** Whether it has as many entries as the table lets it have. */
function isWithin(
  { least = 0, most }: ListSchema | MapSchema,
  count: number,
  path: string,
  reporter: Reporter,
): boolean {
  if (most !== undefined && count > most) reporter.report(path, bounds.tooMany(lastName(path), count, most));
  else if (count < least) reporter.report(path, bounds.tooFew(lastName(path), count, least));
  else return true;
  return false;
}

function tooMany(path: string, length: number, reporter: Reporter): undefined {
  reporter.report(path, inputDiagnostics.tooManyEntries(lastName(path), length, MAX_ENTRIES));
}

/** The last field's name, for messages: `weight` of `spec.http[0].route[1].weight`, `hosts[0]` of `spec.hosts[0]`. */
function lastName(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function wrongType(path: string, wanted: string, value: unknown, reporter: Reporter, example?: string): undefined {
  reporter.report(path, diagnostics.wrongType(lastName(path), wanted, value, example));
}

/** `host:web`, or with a space that YAML knows as none. */
const MISSING_SPACE = /^(\w+):[\u00a0\u2000-\u200b\u3000]*(\S.*)$/;

/** `hosts: web` was meant as `hosts: [web]`. */
function listExample(value: unknown, path: string): string | undefined {
  if (typeof value === "object") return undefined;
  const text = typeof value === "string" && /^[\w./-]*$/.test(value) ? value : JSON.stringify(value);
  return text.length > 60 ? undefined : `${lastName(path)}: [${text}]`;
}

/** `port: 80` was meant as `port: {number: 80}`, `method: GET` as `method: {exact: GET}`. */
function recordExample({ fields }: RecordSchema, value: unknown, path: string): string | undefined {
  const names = Object.keys(fields);
  const only = names.length === 1 ? names[0] : names.find((name) => name === "exact");
  const [, field, rest] = typeof value === "string" ? (MISSING_SPACE.exec(value) ?? []) : [];
  if (field !== undefined && names.includes(field)) return `${field}: ${rest}, with a space after the colon`;
  if (only === undefined || typeof value === "object") return undefined;
  return `${lastName(path)}: {${only}: ${String(value)}}`;
}

function readText(schema: TextSchema, value: unknown, path: string, reporter: Reporter): string | undefined {
  if (typeof value !== "string") {
    const scalar = typeof value === "number" || typeof value === "boolean";
    return wrongType(path, "a string", value, reporter, scalar ? diagnostics.IN_QUOTES : undefined);
  }
  if (schema.emptyIsUnset && value === "") return undefined;
  if (schema.notEmpty && value === "") {
    reporter.report(path, diagnostics.emptyValue(lastName(path)));
    return undefined;
  }
  // As Kubernetes counts: by code points.
  if (schema.most !== undefined && value.length > schema.most && [...value].length > schema.most) {
    reporter.report(path, bounds.tooLong(lastName(path), [...value].length, schema.most));
    return undefined;
  }
  if (!schema.format) return value;
  if (schema.format.startsWith("regex") && !reporter.hasRoomFor(programSize(value), path)) return undefined;
  const problem = FORMATS[schema.format](lastName(path), value);
  if (problem) reporter.report(path, problem);
  return problem ? undefined : value;
}

function readChoice(schema: ChoiceSchema, value: unknown, path: string, reporter: Reporter): string | undefined {
  if (typeof value !== "string") return wrongType(path, `one of ${schema.choices.join(", ")}`, value, reporter);
  if (schema.choices.includes(value)) return value;
  reporter.report(path, diagnostics.notOneOf(lastName(path), value, schema.choices));
  return undefined;
}

/** What is written in seconds is no whole number of milliseconds in binary. */
const ROUNDING_MS = 1e-6;

function readDuration(schema: DurationSchema, value: unknown, path: string, reporter: Reporter): number | undefined {
  const name = lastName(path);
  if (typeof value === "number")
    return wrongType(path, "a duration with its unit", value, reporter, `${name}: ${value}s`);
  if (typeof value !== "string") return wrongType(path, "a duration", value, reporter, `${name}: 5s`);
  const ms = durationMs(value);
  if (ms === undefined) reporter.report(path, diagnostics.badDuration(name, value));
  else if (ms < schema.minMs) reporter.report(path, diagnostics.durationTooShort(name, value, schema.minMs));
  else if (schema.maxMs !== undefined && ms > schema.maxMs)
    reporter.report(path, bounds.durationTooLong(name, value, schema.maxMs));
  else if (schema.stepMs !== undefined && Math.abs(ms - Math.round(ms / schema.stepMs) * schema.stepMs) > ROUNDING_MS)
    reporter.report(path, bounds.partOfStep(name, value, schema.stepMs));
  else return ms;
  return undefined;
}

function readNumber(schema: NumberSchema, value: unknown, path: string, reporter: Reporter): number | undefined {
  const name = lastName(path);
  const isWhole = schema.type === "whole";
  const wanted = isWhole ? "a whole number" : "a number";
  if (typeof value !== "number" || !Number.isFinite(value) || (isWhole && !Number.isInteger(value))) {
    const meant = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    const example =
      typeof meant === "number" && Number.isFinite(meant)
        ? `${name}: ${isWhole ? Math.round(meant) : meant}`
        : rangeText(schema);
    return wrongType(path, wanted, value, reporter, example);
  }
  if (value >= schema.min && value <= schema.max) return value;
  reporter.report(path, diagnostics.outOfRange(name, value, schema.min, schema.max));
  return undefined;
}

function rangeText({ min, max }: NumberSchema): string {
  return max >= diagnostics.MAX_INT32 ? `a number of at least ${min}` : `a number from ${min} to ${max}`;
}

/** Kubernetes' IntOrString as it is used for ports. */
function readPortOrName(value: unknown, path: string, reporter: Reporter): number | string | undefined {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  return wrongType(path, "a port number or the name of a port", value, reporter);
}

/** A list item that is null is a slip of the pen (a lone dash), where an unset field is not. */
function readItems(schema: Schema, items: readonly unknown[], path: string, reporter: Reporter): readonly unknown[] {
  return items.flatMap((item, i) => {
    const at = joinPath(path, i);
    if (item === null || item === undefined) reporter.report(at, diagnostics.emptyValue(lastName(at)));
    const value = read(schema, item, at, reporter) ?? reporter.standIns?.required(schema);
    return value === undefined ? [] : [value];
  });
}

function readMap(
  schema: MapSchema,
  map: JsonObject,
  path: string,
  reporter: Reporter,
): Readonly<Record<string, unknown>> | undefined {
  const entries: [string, unknown][] = [];
  const written = Object.entries(map);
  if (written.length > MAX_ENTRIES) return tooMany(path, written.length, reporter);
  if (!isWithin(schema, written.length, path, reporter)) return undefined;
  for (const [key, item] of written) {
    const at = joinPath(path, key);
    const problem = keyProblem(schema.keys, key);
    if (problem) reporter.report(at, { ...problem, part: "name" });
    // A null value is a mistake here, where the key alone might have been meant.
    else if (item === null) reporter.report(at, diagnostics.emptyValue(key));
    const value = read(schema.values, item, at, reporter) ?? reporter.standIns?.required(schema.values);
    if (value === undefined) continue;
    if (!problem) entries.push([key, value]);
    else if (reporter.standIns?.oneOf([false, true])) entries.push([sampleKey(schema), value]);
  }
  // fromEntries defines own properties, so that a key such as __proto__ is a key like any other.
  return Object.fromEntries(entries);
}

function keyProblem(keys: MapSchema["keys"], key: string): ReturnType<(typeof FORMATS)["host"]> {
  switch (keys) {
    case undefined:
      return undefined;
    case "label-key":
      return isLabelKey(key) ? undefined : diagnostics.badLabel(key, "");
    case "port": {
      const number = /^\d{1,5}$/.test(key) ? Number(key) : 0;
      return number >= 1 && number <= 65_535
        ? undefined
        : diagnostics.wrongType("key", "a port number from 1 to 65535", key);
    }
    case "header-name":
      // Istio has pseudo headers (:authority) and claims of tokens (@request.auth.claims.x) among its headers.
      return key.startsWith("@request.auth.") || isHeaderName(key.replace(/^:/, ""))
        ? undefined
        : diagnostics.badHeaderName(key);
    default:
      return FORMATS[keys](key, key);
  }
}

/** protojson takes a field's name in either form: `perTryTimeout`, `per_try_timeout`. */
function camelCase(name: string): string {
  return /^[a-z0-9]+(?:_[a-z0-9]+)+$/.test(name)
    ? name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    : name;
}

/** Of a record with more fields than are listed, only what is as good as one that is listed and not there. */
function reportMisspelt(
  { fields }: RecordSchema,
  object: JsonObject,
  written: string,
  at: string,
  reporter: Reporter,
): void {
  if (at === joinPath("metadata", written)) return; // readMetadata knows all of them
  const near = misspelling(written, Object.keys(fields));
  if (near !== undefined && !Object.hasOwn(object, near))
    reporter.report(at, inputDiagnostics.misspeltField(written, near));
}

/** The field that it was meant as, or that it belongs to; "" when nobody can tell. */
function reportUnknown(
  { fields }: RecordSchema,
  object: JsonObject,
  written: string,
  path: string,
  reporter: Reporter,
): string {
  const owner = Object.keys(fields).find((name) => object[name] === null && isFieldOf(fields[name]!, written));
  const elsewhere = reporter.root && placeElsewhere(reporter.root, path, camelCase(written));
  const message = diagnostics.unknownField(written, Object.keys(fields), elsewhere);
  const suggestion = owner === undefined ? message.suggestion : `${written} below ${owner}, and further in than it`;
  reporter.report(joinPath(path, written), { ...message, suggestion });
  return (
    owner ?? (message.suggestion !== undefined && Object.hasOwn(fields, message.suggestion) ? message.suggestion : "")
  );
}

/** `destination:` with nothing below it, and `host:` beside. */
function isFieldOf(schema: Schema, name: string): boolean {
  return schema.type === "record" && Object.hasOwn(schema.fields, name);
}

function fieldName({ fields }: RecordSchema, written: string): string {
  return Object.hasOwn(fields, written) ? written : camelCase(written);
}

/** What is told to be misspelt is read under its right name. */
function meantName(schema: RecordSchema, object: JsonObject, written: string): string {
  const name = fieldName(schema, written);
  if (schema.open || Object.hasOwn(schema.fields, name)) return name;
  const near = misspelling(written, Object.keys(schema.fields));
  return near === undefined || Object.hasOwn(object, near) ? name : near;
}

const required = new WeakMap<RecordSchema, readonly string[]>();

function requiredFields(schema: RecordSchema): readonly string[] {
  const known = required.get(schema);
  if (known) return known;
  const names = Object.keys(schema.fields).filter((name) => schema.fields[name]!.required);
  required.set(schema, names);
  return names;
}

function readRecord(
  schema: RecordSchema,
  object: JsonObject,
  path: string,
  reporter: Reporter,
): Readonly<Record<string, unknown>> | undefined {
  const { standIns } = reporter;
  const found: Record<string, unknown> = {};
  const seen = new Map<string, string>();
  const told = new Set<string>();
  for (const written of Object.keys(object)) {
    const item = object[written];
    const at = joinPath(path, written);
    const name = standIns ? meantName(schema, object, written) : fieldName(schema, written);
    const field = Object.hasOwn(schema.fields, name) ? schema.fields[name]! : undefined;
    if (!field) {
      // The nearest name costs more than all else of a field.
      if (reporter.isFull) {
        if (!schema.open) reporter.fail();
      } else if (!schema.open) told.add(reportUnknown(schema, object, written, path, reporter));
      else reportMisspelt(schema, object, written, at, reporter);
      continue;
    }
    const other = seen.get(name);
    if (other !== undefined) reporter.report(at, diagnostics.writtenTwice(name, other));
    seen.set(name, written);
    const value = read(field, item, at, reporter);
    if (value !== undefined) found[name] = value;
  }
  if (standIns) return mended(schema, object, { found, seen }, standIns);
  let complete = true;
  for (const name of requiredFields(schema)) {
    if (found[name] !== undefined) continue;
    complete = false;
    const written = seen.get(name);
    // One mistake: what is there under another name is told there.
    if (told.has(name)) reporter.fail();
    else if (written === undefined || object[written] === null) reporter.report(path, diagnostics.requiredField(name));
  }
  for (const group of schema.exclusive ?? []) {
    const set = group.filter((name) => found[name] !== undefined);
    if (set.length > 1) reporter.report(joinPath(path, set[1]!), diagnostics.exclusiveFields(set));
  }
  return complete ? found : undefined;
}
