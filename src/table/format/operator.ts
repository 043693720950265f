// One operator of a format, from its name, its argument and the length that it is cut to.

import { MOMENTS, NAMED_DURATIONS, PLAIN_OPERATORS } from "./catalogue.ts";
import type { FormatPart, MetadataSource } from "./part.ts";
import { ISO_TIME, parseTimeFormat } from "./time-format.ts";

export interface Operator {
  readonly name: string;
  readonly argument: string | undefined;
  /** 0 is none. */
  readonly maxLength: number;
}

/** The part, or what is wrong with the operator. */
type Result = FormatPart | "unknown operator" | "malformed operator";

const MALFORMED = "malformed operator";
const UNKNOWN = "unknown operator";

const HEADERS: Readonly<Record<string, "request" | "response" | "trailer">> = {
  REQ: "request",
  REQUEST_HEADER: "request",
  RESP: "response",
  RESPONSE_HEADER: "response",
  TRAILER: "trailer",
  RESPONSE_TRAILER: "trailer",
};

const TIMES: Readonly<Record<string, "start" | "emit" | "peer-start" | "peer-end">> = {
  START_TIME: "start",
  EMIT_TIME: "emit",
  DOWNSTREAM_PEER_CERT_V_START: "peer-start",
  DOWNSTREAM_PEER_CERT_V_END: "peer-end",
};

const METADATA: Readonly<Record<string, MetadataSource>> = {
  DYNAMIC: "dynamic",
  ROUTE: "route",
  CLUSTER: "cluster",
  UPSTREAM_HOST: "upstream-host",
};

const UNITS = { ms: 1, us: 1_000, ns: 1_000_000 } as const;

function header(of: "request" | "response" | "trailer", { argument, maxLength }: Operator): Result {
  if (!argument) return MALFORMED;
  const names = argument.split("?").map((name) => name.toLowerCase());
  if (names.length > 2 || names.some((name) => name === "")) return MALFORMED;
  return { kind: "header", of, names, maxLength };
}

function time(of: "start" | "emit" | "peer-start" | "peer-end", { argument }: Operator): Result {
  const format = argument ? parseTimeFormat(argument) : ISO_TIME;
  return format === undefined ? MALFORMED : { kind: "time", of, format };
}

function commonDuration({ argument = "" }: Operator): Result {
  const [first, second, unit = "", ...rest] = argument.split(":");
  const from = MOMENTS.find((moment) => moment === first);
  const to = MOMENTS.find((moment) => moment === second);
  if (!from || !to || rest.length > 0 || !(unit in UNITS)) return MALFORMED;
  return { kind: "duration", from, to, unitsPerMs: UNITS[unit as keyof typeof UNITS] };
}

function grpcStatus({ argument = "CAMEL_STRING" }: Operator): Result {
  const styles: Readonly<Record<string, "camel" | "snake" | "number">> = {
    CAMEL_STRING: "camel",
    SNAKE_STRING: "snake",
    NUMBER: "number",
  };
  const style = styles[argument.toUpperCase()];
  return style ? { kind: "grpc-status", style } : MALFORMED;
}

function path({ argument = "WQ", maxLength }: Operator): Result {
  const [query = "", which = "ORIG_OR_PATH", ...rest] = argument.split(":");
  const sources: Readonly<Record<string, "original-or-path" | "original" | "path">> = {
    ORIG_OR_PATH: "original-or-path",
    ORIG: "original",
    PATH: "path",
  };
  const of = sources[which];
  if (!of || rest.length > 0 || (query !== "WQ" && query !== "NQ" && query !== "")) return MALFORMED;
  return { kind: "path", query: query !== "NQ", of, maxLength };
}

function serverName(argument: string): Result {
  switch (argument) {
    case "SNI_ONLY":
      return { kind: "operator", name: "REQUESTED_SERVER_NAME" };
    case "SNI_FIRST":
      return { kind: "server-name", prefer: "sni" };
    case "HOST_FIRST":
      return { kind: "server-name", prefer: "host" };
    default:
      return MALFORMED;
  }
}

function metadata(of: MetadataSource, address: string, maxLength: number): Result {
  const [namespace = "", ...keys] = address.split(":");
  return namespace === "" ? MALFORMED : { kind: "metadata", of, namespace, path: keys, maxLength };
}

/** `%METADATA(ROUTE:namespace:key)%`. Places whose metadata the proxy does not keep are refused. */
function anyMetadata({ argument = "", maxLength }: Operator): Result {
  const colon = argument.indexOf(":");
  const of = colon === -1 ? undefined : METADATA[argument.slice(0, colon)];
  return of ? metadata(of, argument.slice(colon + 1), maxLength) : MALFORMED;
}

/** `%FILTER_STATE(key:PLAIN)%`; TYPED unless told otherwise. */
function filterState({ argument = "", maxLength }: Operator): Result {
  const [key = "", style = "TYPED", field, ...rest] = argument.split(":");
  if (key === "" || rest.length > 0) return MALFORMED;
  if (style === "FIELD") return field ? { kind: "filter-state", key, style: "field", maxLength } : MALFORMED;
  if (field !== undefined || (style !== "PLAIN" && style !== "TYPED")) return MALFORMED;
  return { kind: "filter-state", key, style: style === "PLAIN" ? "plain" : "typed", maxLength };
}

function withArgument(operator: Operator): Result | undefined {
  const { name, argument = "", maxLength } = operator;
  switch (name) {
    case "COMMON_DURATION":
      return commonDuration(operator);
    case "GRPC_STATUS":
      return grpcStatus(operator);
    case "GRPC_STATUS_NUMBER":
      return { kind: "grpc-status", style: "number" };
    case "PATH":
      return path(operator);
    case "QUERY_PARAM":
      return argument === "" ? MALFORMED : { kind: "query-parameter", name: argument, maxLength };
    case "METADATA":
      return anyMetadata(operator);
    case "DYNAMIC_METADATA":
      return metadata("dynamic", argument, maxLength);
    case "FILTER_STATE":
      return filterState(operator);
    case "CLUSTER_METADATA":
      return metadata("cluster", argument, maxLength);
    case "UPSTREAM_METADATA":
      return metadata("upstream-host", argument, maxLength);
    case "REQUESTED_SERVER_NAME":
      return operator.argument === undefined ? undefined : serverName(argument);
    case "RESPONSE_CODE_DETAILS":
      // Envoy replaces spaces unless it is told not to; the proxy's own details have none.
      return operator.argument === "ALLOW_WHITESPACES" ? { kind: "operator", name } : undefined;
    default:
      return undefined;
  }
}

export function parseOperator(operator: Operator): Result {
  const { name, argument, maxLength } = operator;
  const of = HEADERS[name];
  if (of) return header(of, operator);
  const moment = TIMES[name];
  if (moment) return time(moment, operator);
  const particular = withArgument(operator);
  if (particular) return particular;
  const duration = NAMED_DURATIONS.get(name);
  const plain = PLAIN_OPERATORS.find((known) => known === name);
  if (!duration && !plain) return UNKNOWN;
  if (argument !== undefined || maxLength > 0) return MALFORMED;
  return duration ? { kind: "duration", ...duration } : { kind: "operator", name: plain ?? "PROTOCOL" };
}
