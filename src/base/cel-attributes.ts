// The attributes of Envoy (docs: arch_overview/advanced/attributes) that Heddle's proxy knows of a request when it writes its log, and the
// functions that it applies to them. Both sides of the configuration ask here: who writes an expression is told what a proxy will not evaluate.

import type { Cel } from "./cel.ts";

export const CEL_ATTRIBUTES = [
  "connection.mtls",
  "connection.requested_server_name",
  "connection.uri_san_peer_certificate",
  "destination.address",
  "destination.port",
  "request.headers",
  "request.host",
  "request.id",
  "request.method",
  "request.path",
  "request.query",
  "request.referer",
  "request.scheme",
  "request.url_path",
  "request.useragent",
  "response.code",
  "response.code_details",
  "response.grpc_status",
  "response.headers",
  "source.address",
  "source.port",
  "xds.cluster_name",
] as const;

export type CelAttribute = (typeof CEL_ATTRIBUTES)[number];

export const CEL_METHODS = ["contains", "startsWith", "endsWith", "matches", "size"] as const;
export type CelMethod = (typeof CEL_METHODS)[number];

export const CEL_FUNCTIONS = ["has", "size"] as const;
export type CelFunction = (typeof CEL_FUNCTIONS)[number];

/** Attributes that are maps of text. */
export const CEL_MAPS: readonly CelAttribute[] = ["request.headers", "response.headers"];

const ARGUMENTS: Readonly<Record<CelMethod | CelFunction, number>> = {
  contains: 1,
  startsWith: 1,
  endsWith: 1,
  matches: 1,
  size: 0,
  has: 1,
};

export function attributeOf(expression: Cel): CelAttribute | undefined {
  if (expression.kind !== "select" || expression.of.kind !== "name") return undefined;
  const name = `${expression.of.name}.${expression.field}`;
  return CEL_ATTRIBUTES.find((attribute) => attribute === name);
}

/** Of the value of a label, which is text anyhow: `string(destination.port)` is what Istio's users write. */
export function valueExpression(expression: Cel): Cel {
  const [only] = expression.kind === "call" ? expression.arguments : [];
  const converts = expression.kind === "call" && expression.name === "string" && !expression.on;
  return converts && only && expression.arguments.length === 1 ? only : expression;
}

/** What in an expression Heddle's proxy does not evaluate; undefined when it evaluates all of it. */
export function notEvaluated(expression: Cel): string | undefined {
  if (attributeOf(expression) !== undefined) return undefined;
  switch (expression.kind) {
    case "literal":
      return undefined;
    case "name":
      return expression.name;
    case "select":
      if (expression.of.kind === "name") return `${expression.of.name}.${expression.field}`;
      return keyed(expression.of, expression.field);
    case "index":
      return keyed(expression.of, "[…]") ?? notEvaluated(expression.key);
    case "list":
      return firstOf(expression.items);
    case "unary":
      return notEvaluated(expression.of);
    case "binary":
      return firstOf([expression.left, expression.right]);
    case "choice":
      return firstOf([expression.condition, expression.then, expression.otherwise]);
    case "call":
      return ofCall(expression);
  }
}

function keyed(of: Cel, key: string): string | undefined {
  const attribute = attributeOf(of);
  if (attribute !== undefined) return CEL_MAPS.includes(attribute) ? undefined : `${attribute}.${key}`;
  return notEvaluated(of) ?? `a field of what is no map (${key})`;
}

function firstOf(expressions: readonly Cel[]): string | undefined {
  for (const expression of expressions) {
    const found = notEvaluated(expression);
    if (found !== undefined) return found;
  }
  return undefined;
}

function ofCall({ name, on, arguments: given }: Call): string | undefined {
  const known: readonly string[] = on ? CEL_METHODS : CEL_FUNCTIONS;
  if (!known.includes(name)) return `${name}()`;
  const wanted = name === "size" ? (on ? 0 : 1) : ARGUMENTS[name as CelMethod | CelFunction];
  if (given.length !== wanted) return `${name}() with ${given.length} arguments`;
  if (name === "has" && given[0]?.kind !== "select") return "has() of what is no field";
  // The pattern is compiled with the expression.
  if (name === "matches" && given[0]?.kind !== "literal") return "matches() with a pattern that is no literal";
  return firstOf(on ? [on, ...given] : given);
}

type Call = Extract<Cel, { readonly kind: "call" }>;

/** The regular expressions of an expression. */
export function patternsIn(expression: Cel): readonly string[] {
  return callsIn(expression).flatMap(({ name, arguments: [first] }) =>
    name === "matches" && first?.kind === "literal" ? [String(first.value)] : [],
  );
}

export function functionsIn(expression: Cel): readonly string[] {
  return callsIn(expression).map(({ name }) => name);
}

function callsIn(expression: Cel): readonly Call[] {
  switch (expression.kind) {
    case "literal":
    case "name":
      return [];
    case "select":
    case "unary":
      return callsIn(expression.of);
    case "index":
      return [expression.of, expression.key].flatMap(callsIn);
    case "list":
      return expression.items.flatMap(callsIn);
    case "binary":
      return [expression.left, expression.right].flatMap(callsIn);
    case "choice":
      return [expression.condition, expression.then, expression.otherwise].flatMap(callsIn);
    case "call":
      return [expression, ...(expression.on ? callsIn(expression.on) : []), ...expression.arguments.flatMap(callsIn)];
  }
}
