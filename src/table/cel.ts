// An expression of CEL → a function of what a log knows. An error (an attribute that is not there, operands that do not fit) is undefined, and
// makes everything around it one, save where && and || are decided without it (cel-spec, Logical Operators).

import type { Cel, CelOperator } from "../base/cel.ts";
import { attributeOf, type CelAttribute, type CelMethod } from "../base/cel-attributes.ts";
import { type ConnectionFacts, headerOf, headerValue, pathWithoutQuery, type RequestFacts } from "./request.ts";

export interface CelFacts {
  readonly request: RequestFacts | undefined;
  readonly response: { readonly headers: readonly string[] } | undefined;
  readonly facts: ConnectionFacts;
  /** 0 without a response. */
  readonly status: number;
  readonly details: string | undefined;
  /** Of the cluster that was chosen; "" for none. */
  readonly clusterName: string;
  /** Of the trailers or the head, whatever the content type is; else what the HTTP status stands for. */
  readonly impliedGrpcStatus: number;
}

type Scalar = string | number | boolean | null;
/** A map gives undefined for a key that it has not. */
type Lookup = (key: string) => string | undefined;
type CelValue = Scalar | readonly Scalar[] | Lookup | undefined;

/** RE2's, so that none takes exponential time; true when it is found anywhere in the value. */
type CompilePattern = (pattern: string) => (value: string) => boolean;

type Evaluate = (facts: CelFacts) => CelValue;

/** Logged only if it is true: an error is not. */
export type CelPredicate = (facts: CelFacts) => boolean;

/** Of an expression in which `notEvaluated` finds nothing. */
export function compileCel(expression: Cel, matcher: CompilePattern): CelPredicate {
  const evaluate = compile(expression, matcher);
  return (facts) => evaluate(facts) === true;
}

/** The value as text; undefined: it is none. */
export type CelText = (facts: CelFacts) => string | undefined;

/** Of an expression in which `notEvaluated` finds nothing. */
export function compileCelText(expression: Cel, matcher: CompilePattern): CelText {
  const evaluate = compile(expression, matcher);
  return (facts) => {
    const value = evaluate(facts);
    return isScalar(value) && value !== null ? String(value) : undefined;
  };
}

const ATTRIBUTES: Readonly<Record<CelAttribute, Evaluate>> = {
  "connection.mtls": ({ facts }) => facts.peer !== undefined,
  "connection.requested_server_name": ({ facts }) => facts.serverName || undefined,
  "connection.uri_san_peer_certificate": ({ facts }) => facts.principal || undefined,
  "destination.address": ({ facts }) => facts.localLabel,
  "destination.port": ({ facts }) => facts.localPort,
  "request.headers": ({ request }) => request && ((name) => headerValue(request, name.toLowerCase())),
  "request.host": ({ request }) => request?.authority,
  "request.id": header("x-request-id"),
  "request.method": ({ request }) => request?.method,
  "request.path": ({ request }) => request?.path,
  "request.query": ({ request }) => request && queryOf(request.path),
  "request.referer": header("referer"),
  "request.scheme": ({ request }) => request?.scheme,
  "request.url_path": ({ request }) => request && pathWithoutQuery(request.path),
  "request.useragent": header("user-agent"),
  "response.code": ({ status }) => status || undefined,
  "response.code_details": ({ details }) => details,
  "response.grpc_status": ({ status, impliedGrpcStatus }) => (status === 0 ? undefined : impliedGrpcStatus),
  "response.headers": ({ response }) => response && ((name) => headerOf(response.headers, name.toLowerCase())),
  "source.address": ({ facts }) => facts.remoteLabel,
  "source.port": ({ facts }) => facts.remotePort,
  "xds.cluster_name": ({ clusterName }) => clusterName || undefined,
};

function header(name: string): Evaluate {
  return ({ request }) => request && headerValue(request, name);
}

function queryOf(path: string): string {
  const [before = ""] = path.split("#", 1);
  const at = before.indexOf("?");
  return at === -1 ? "" : before.slice(at + 1);
}

function compile(expression: Cel, matcher: CompilePattern): Evaluate {
  const sub = (part: Cel) => compile(part, matcher);
  const attribute = attributeOf(expression);
  if (attribute) return ATTRIBUTES[attribute];
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      return () => value;
    }
    case "select":
      return lookup(sub(expression.of), () => expression.field);
    case "index":
      return lookup(sub(expression.of), sub(expression.key));
    case "list":
      return listOf(expression.items.map(sub));
    case "unary":
      return unary(expression.operator, sub(expression.of));
    case "binary":
      return binary(expression.operator, sub(expression.left), sub(expression.right));
    case "choice":
      return choice(sub(expression.condition), sub(expression.then), sub(expression.otherwise));
    case "call":
      return call(expression, matcher);
    case "name":
      return () => undefined;
  }
}

function lookup(of: Evaluate, key: Evaluate): Evaluate {
  return (facts) => {
    const map = of(facts);
    const name = key(facts);
    return typeof map === "function" && typeof name === "string" ? map(name) : undefined;
  };
}

function isScalar(value: CelValue): value is Scalar {
  return value !== undefined && typeof value !== "object" && typeof value !== "function";
}

function listOf(items: readonly Evaluate[]): Evaluate {
  return (facts) => {
    const values = items.map((item) => item(facts));
    return values.every(isScalar) ? values : undefined;
  };
}

function unary(operator: "!" | "-", of: Evaluate): Evaluate {
  return (facts) => {
    const value = of(facts);
    if (operator === "!") return typeof value === "boolean" ? !value : undefined;
    return typeof value === "number" ? -value : undefined;
  };
}

function choice(condition: Evaluate, then: Evaluate, otherwise: Evaluate): Evaluate {
  return (facts) => {
    const chosen = condition(facts);
    return typeof chosen === "boolean" ? (chosen ? then : otherwise)(facts) : undefined;
  };
}

function binary(operator: CelOperator, left: Evaluate, right: Evaluate): Evaluate {
  if (operator === "&&" || operator === "||") return logical(operator === "||", left, right);
  return (facts) => combine(operator, left(facts), right(facts));
}

/** `decisive`: the value that decides it, whatever the other side is. */
function logical(decisive: boolean, left: Evaluate, right: Evaluate): Evaluate {
  return (facts) => {
    const first = left(facts);
    if (first === decisive) return decisive;
    const second = right(facts);
    if (second === decisive) return decisive;
    return typeof first === "boolean" && typeof second === "boolean" ? !decisive : undefined;
  };
}

function combine(operator: Exclude<CelOperator, "&&" | "||">, a: CelValue, b: CelValue): CelValue {
  if (operator === "in") return contained(a, b);
  if (a === undefined || b === undefined || typeof a !== typeof b) return undefined;
  switch (operator) {
    case "==":
      return isScalar(a) ? a === b : undefined;
    case "!=":
      return isScalar(a) ? a !== b : undefined;
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      return typeof a === "number" ? arithmetic(operator, a, b as number) : undefined;
    default:
      return isScalar(a) && a !== null ? compares(operator, a, b as NonNullable<Scalar>) : undefined;
  }
}

function contained(a: CelValue, b: CelValue): boolean | undefined {
  if (typeof b === "function") return typeof a === "string" ? b(a) !== undefined : undefined;
  return Array.isArray(b) && isScalar(a) ? b.includes(a) : undefined;
}

/** Of whole numbers: Envoy does not join texts (enable_string_concat is off). */
function arithmetic(operator: "+" | "-" | "*" | "/" | "%", a: number, b: number): number | undefined {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (b === 0) return undefined;
  return operator === "/" ? Math.trunc(a / b) : a % b;
}

function compares(operator: "<" | "<=" | ">" | ">=", a: NonNullable<Scalar>, b: NonNullable<Scalar>): boolean {
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}

function call(expression: Extract<Cel, { readonly kind: "call" }>, matcher: CompilePattern): Evaluate {
  const [first] = expression.arguments;
  if (!expression.on) {
    const of = first ? compile(first, matcher) : () => undefined;
    return expression.name === "has" ? (facts) => of(facts) !== undefined : (facts) => sizeOf(of(facts));
  }
  const on = compile(expression.on, matcher);
  if (expression.name === "size") return (facts) => sizeOf(on(facts));
  if (expression.name === "matches") {
    const matches = matcher(first?.kind === "literal" ? String(first.value) : "");
    return (facts) => {
      const value = on(facts);
      return typeof value === "string" ? matches(value) : undefined;
    };
  }
  const method = TEXT_METHODS[expression.name as Exclude<CelMethod, "matches" | "size">];
  const argument = first ? compile(first, matcher) : () => undefined;
  return (facts) => {
    const value = on(facts);
    const other = argument(facts);
    return typeof value === "string" && typeof other === "string" ? method(value, other) : undefined;
  };
}

const TEXT_METHODS: Readonly<
  Record<Exclude<CelMethod, "matches" | "size">, (value: string, other: string) => boolean>
> = {
  contains: (value, other) => value.includes(other),
  startsWith: (value, other) => value.startsWith(other),
  endsWith: (value, other) => value.endsWith(other),
};

/** Of texts in code points (cel-spec, size). */
function sizeOf(value: CelValue): number | undefined {
  if (typeof value === "string") return [...value].length;
  return Array.isArray(value) ? value.length : undefined;
}
