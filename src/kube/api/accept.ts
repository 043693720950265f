// Content negotiation: which of the forms of an object the client can read. kubectl asks for a Table first, controllers for
// protobuf first; both name JSON after it.

import { failure } from "../status.ts";

/** `partial` is the object's metadata alone, `discovery` the aggregated form of /api and /apis. */
export interface Form {
  readonly shape: "object" | "table" | "partial" | "discovery";
  readonly encoding: "json" | "yaml";
  /** The version of the group that `shape` belongs to, as in `v1`. */
  readonly version: string;
}

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const SHAPES: Readonly<Record<string, Form["shape"]>> = {
  Table: "table",
  PartialObjectMetadata: "partial",
  PartialObjectMetadataList: "partial",
  APIGroupDiscoveryList: "discovery",
};

const GROUPS: Readonly<Record<Form["shape"], string>> = {
  object: "",
  table: "meta.k8s.io",
  partial: "meta.k8s.io",
  discovery: "apidiscovery.k8s.io",
};

function readRange(text: string): Range {
  const [type, ...pairs] = text.split(";").map((part) => part.trim());
  const parameters = new Map(pairs.map((pair) => splitPair(pair)));
  const quality = Number(parameters.get("q") ?? "1");
  return { type: type!.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

function splitPair(pair: string): readonly [string, string] {
  const equals = pair.indexOf("=");
  return equals === -1 ? [pair, ""] : [pair.slice(0, equals).toLowerCase(), pair.slice(equals + 1)];
}

function formOf({ type, parameters }: Range, shapes: readonly Form["shape"][]): Form | undefined {
  const encoding = /^application\/(yaml|x-yaml)$/.test(type) ? "yaml" : "json";
  if (encoding === "json" && !["application/json", "application/*", "*/*"].includes(type)) return undefined;
  const as = parameters.get("as");
  if (as === undefined) return { shape: "object", encoding, version: "" };
  const shape = SHAPES[as];
  const version = parameters.get("v") ?? "";
  if (!shape || !shapes.includes(shape) || parameters.get("g") !== GROUPS[shape]) return undefined;
  if (!["v1", "v1beta1", "v2", "v2beta1"].includes(version)) return undefined;
  return { shape, encoding, version };
}

/** The first acceptable form among `shapes` (a plain object always is one); 406 when there is none. */
export function negotiate(accept: string | null, shapes: readonly Form["shape"][]): Form {
  const ranges = (accept || "*/*").slice(0, 4_096).split(",").map(readRange);
  for (const range of ranges.filter(({ quality }) => quality > 0).toSorted((a, b) => b.quality - a.quality)) {
    const form = formOf(range, shapes);
    if (form) return form;
  }
  const message = "only the following media types are accepted: application/json, application/yaml";
  throw failure(406, "NotAcceptable", message);
}
