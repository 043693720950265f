// What the acceptance functions say of a field: a resource that is right, with that one field set besides.

import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
} from "@bufbuild/protobuf";
import {
  type Accepted,
  checkCluster,
  checkEndpoints,
  checkListener,
  checkRouteConfiguration,
  checkSecret,
  checkVirtualHost,
} from "../../src/table/accept/resource.ts";
import type { Rejection } from "../../src/table/accept/scope.ts";
import { NO_SHELL } from "../../src/table/accept/virtual-host.ts";
import { BESIDE, EXCLUDES, FIELD_VALUES, type Json, type JsonMessage, LAST, MAP_KEYS, SAMPLES } from "./samples.ts";

export type Check = (message: Message) => Accepted<unknown>;

export const CHECKS: Readonly<Record<string, Check>> = {
  "envoy.config.listener.v3.Listener": checkListener as Check,
  "envoy.config.route.v3.RouteConfiguration": checkRouteConfiguration as Check,
  "envoy.config.route.v3.VirtualHost": (host) => checkVirtualHost(host as never, NO_SHELL),
  "envoy.config.cluster.v3.Cluster": checkCluster as Check,
  "envoy.config.endpoint.v3.ClusterLoadAssignment": checkEndpoints as Check,
  "envoy.extensions.transport_sockets.tls.v3.Secret": checkSecret as Check,
};

type Path = readonly (string | number)[];

/** A place in a resource where messages of one type stand. */
export interface Place {
  readonly root: DescMessage;
  readonly resource: JsonMessage;
  readonly path: Path;
}

export interface Outcome {
  readonly rejections: readonly Rejection[];
  /** What became of it, as text that is the same for the same table; undefined when it was refused. */
  readonly table: string | undefined;
}

/** Maps, sets, patterns and secrets by what they hold. The fingerprint of a chain changes with every byte, read or not. */
function comparable(key: string, value: unknown): unknown {
  if (key === "fingerprint") return undefined;
  if (value instanceof Map || value instanceof Set) return [...value];
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  if ("reveal" in value && typeof value.reveal === "function") return value.reveal();
  if ("pattern" in value && typeof value.pattern === "function") return value.pattern();
  return value;
}

export function outcome(place: Place, registry: Registry): Outcome {
  const { root, resource } = place;
  const message = fromJson(root, resource as JsonValue, { registry });
  const result = CHECKS[root.typeName]!(message as Message);
  return result.kind === "accepted"
    ? { rejections: [], table: JSON.stringify(result.table, comparable) }
    : { rejections: result.rejections, table: undefined };
}

function at(json: Json, path: Path): JsonMessage {
  let value = json;
  for (const step of path) value = (value as { readonly [key: string | number]: Json })[step]!;
  return value as JsonMessage;
}

function replaced(json: Json, path: Path, value: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(json)) return json.map((item, i) => (i === step ? replaced(item, rest, value) : (item as Json)));
  const object = json as JsonMessage;
  return { ...object, [step]: replaced(object[step] ?? {}, rest, value) };
}

/** The place with what the field needs beside it to mean anything. */
export function placeFor(place: Place, field: DescField): Place {
  const beside = BESIDE[`${field.parent.typeName}.${field.name}`];
  if (!beside) return place;
  const resource = replaced(place.resource, place.path, {
    ...at(place.resource, place.path),
    ...beside,
  }) as JsonMessage;
  return { ...place, resource };
}

/** The place, and the same with another element after it where that makes a difference. */
export function placesIn(place: Place, field: DescField): readonly Place[] {
  const last = LAST[field.parent.typeName];
  if (last === undefined) return [place];
  const list = place.path.slice(0, -1);
  const elements = at(place.resource, list) as unknown as readonly Json[];
  return [place, { ...place, resource: replaced(place.resource, list, [...elements, last]) as JsonMessage }];
}

/** Values to try of a field that has no other: a flag may be on already. */
export function valuesOf(field: DescField): readonly (Json | undefined)[] {
  const isFlag = field.fieldKind === "message" && field.message.typeName === "google.protobuf.BoolValue";
  return isFlag || (field.fieldKind === "scalar" && field.scalar === 8) ? [true, false] : [undefined];
}

/** The message at the place, with `field` set to `value` and the other cases of its oneof taken out. */
function withField({ resource, path }: Place, field: DescField, value: Json): JsonMessage {
  const excluded = EXCLUDES[`${field.parent.typeName}.${field.name}`] ?? [];
  const others = new Set([...excluded, ...(field.oneof?.fields.map(({ name }) => name) ?? [])]);
  const message = Object.fromEntries(Object.entries(at(resource, path)).filter(([name]) => !others.has(name)));
  return replaced(resource, path, { ...message, [field.name]: value }) as JsonMessage;
}

/** The resource without the field. */
export function withoutField({ resource, path }: Place, field: DescField): JsonMessage {
  const message = Object.entries(at(resource, path)).filter(([name]) => name !== field.name);
  return replaced(resource, path, Object.fromEntries(message)) as JsonMessage;
}

const SCALARS: Readonly<Record<string, Json>> = {
  "google.protobuf.Duration": "7s",
  "google.protobuf.Timestamp": "2026-01-01T00:00:00Z",
  "google.protobuf.Struct": { a: "b" },
  "google.protobuf.Value": "a",
  "google.protobuf.ListValue": ["a"],
  "google.protobuf.Empty": {},
};
/** ScalarType: TYPE_BOOL, TYPE_STRING, TYPE_BYTES; the others are numbers. */
const BY_SCALAR: ReadonlyMap<number, Json> = new Map<number, Json>([
  [8, true],
  [9, "probe"],
  [12, "YQ=="],
]);
/** Not a default, and within the bounds of ports, percentages and counts alike. */
const NUMBER = 7;

const WRAPPER = /^google\.protobuf\.(\w+)Value$/;

function wrapperValue(typeName: string): Json | undefined {
  switch (WRAPPER.exec(typeName)?.[1]) {
    case undefined:
    case "List":
      return undefined;
    case "Bool":
      return true;
    case "String":
      return "probe";
    case "Bytes":
      return "YQ==";
    default:
      return NUMBER;
  }
}

/** Messages that are values: nothing inside of them is the API's. */
export function isValue(message: DescMessage): boolean {
  return message.typeName.startsWith("google.protobuf.") && message.typeName !== "google.protobuf.Any";
}

export function sampleOf(message: DescMessage): Json {
  return SCALARS[message.typeName] ?? wrapperValue(message.typeName) ?? SAMPLES[message.typeName] ?? {};
}

function element(kind: DescField): { readonly message: DescMessage | undefined; readonly value: Json } {
  if (kind.message) return { message: kind.message, value: sampleOf(kind.message) };
  if (kind.enum) return { message: undefined, value: kind.enum.values.find(({ number }) => number !== 0)?.name ?? 0 };
  return { message: undefined, value: BY_SCALAR.get(kind.scalar ?? 0) ?? NUMBER };
}

/** A resource with the field set, and the place of the message that the field holds, if it holds one. */
export function setField(
  place: Place,
  field: DescField,
  own?: Json,
): { readonly resource: JsonMessage; readonly inner: Place } {
  const name = `${field.parent.typeName}.${field.name}`;
  const { value } = element(field);
  const list = field.fieldKind === "list";
  const map = field.fieldKind === "map";
  const key = MAP_KEYS[name] ?? "a";
  const steps: Path = [...place.path, field.name, ...(list ? [0] : map ? [key] : [])];
  const written = FIELD_VALUES[name];
  const whole =
    own === undefined && written !== undefined
      ? written
      : list
        ? [own ?? value]
        : map
          ? { [key]: own ?? value }
          : (own ?? value);
  let resource = withField(place, field, whole);
  // A list with neighbours that matter: the probed element takes the first one's place.
  if (own !== undefined && list && Array.isArray(written))
    resource = replaced(withField(place, field, written), steps, own) as JsonMessage;
  return { resource, inner: { root: place.root, resource, path: steps } };
}

export type Verdict = "taken" | "no-effect" | "refused";

/** `message.field[0]` without indices and keys. */
function plainPath(path: string): string {
  return path.replace(/\[(?:\d+|"(?:[^"\\]|\\.)*")\]/g, "");
}

function newRejections(before: Outcome, after: Outcome): readonly Rejection[] {
  const known = new Set(before.rejections.map(({ path, reason }) => `${path}\0${reason}`));
  return after.rejections.filter(({ path, reason }) => !known.has(`${path}\0${reason}`));
}

/** Of a field whose message is not whole enough to be taken, what is said deeper down is no refusal of the field. */
export function verdictOf(field: DescField, before: Outcome, after: Outcome): Verdict {
  const more = newRejections(before, after);
  if (more.length === 0) return after.table !== undefined && after.table === before.table ? "no-effect" : "taken";
  const refuses = more.some(({ path, reason }) => {
    const segments = plainPath(path).split(".");
    const isOwn = segments.at(-1) === field.name;
    // Another case of its oneof is what is wanted.
    if (!isOwn && /^missing/.test(reason) && field.oneof?.fields.some(({ name }) => name === segments.at(-1)))
      return true;
    const isDeeper = segments.includes(field.name) && !isOwn;
    return isOwn ? !/^(?:missing|empty)/.test(reason) : !isDeeper && /supported|not read/.test(reason);
  });
  return refuses ? "refused" : "taken";
}
