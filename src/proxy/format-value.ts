// Values of Envoy's command operators for one exchange.

import type { JsonValue } from "@bufbuild/protobuf";
import { grpcStatusText } from "../grpc/status-text.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";
import type { FilterStateObject } from "../table/filter-state.ts";
import type { Moment, PlainOperator } from "../table/format/catalogue.ts";
import type { Format, FormatPart, MetadataSource } from "../table/format/part.ts";
import { formatTime } from "../table/format/time-format.ts";
import { queryParameters } from "../table/header-match.ts";
import { type FilterMetadata, metadataValue } from "../table/metadata.ts";
import { headerValue, pathWithoutQuery, type RequestFacts } from "../table/request.ts";
import { isoTime } from "./clock.ts";

/** Undefined is absent: `-` in a text, null in JSON. */
export type FormatValue = JsonValue | undefined;

export interface ResponseFacts {
  readonly status: number;
  readonly headers: HeaderList;
}

/** What the operators read. */
export interface FormatSource {
  readonly request: (RequestFacts & { readonly headers: HeaderList }) | undefined;
  readonly response: ResponseFacts | undefined;
  readonly trailers: HeaderList | undefined;
  /** SNI, "" without. */
  readonly serverName: string;
  /** Undefined when the call ended without one, or is none of gRPC. */
  readonly grpcStatus: number | undefined;
  operator(name: PlainOperator): string | number | undefined;
  /** On the clock of performance.now(); undefined when the moment has not come. */
  moment(name: Moment): number | undefined;
  /** Milliseconds since 1970 with their fraction; undefined when there is no such thing. */
  time(of: "start" | "emit" | "peer-start" | "peer-end"): number | undefined;
  metadata(of: MetadataSource): FilterMetadata | undefined;
  /** What filters keep under the key. */
  filterState(key: string): FilterStateObject | undefined;
}

function cut(value: string, maxLength: number): string {
  return maxLength > 0 ? value.slice(0, maxLength) : value;
}

/** The first value alone, as Envoy takes it. */
function fieldOf(of: "request" | "response" | "trailer", name: string, source: FormatSource): string | undefined {
  if (of === "request") {
    const { request } = source;
    if (!request) return undefined;
    return name.startsWith(":") || name === "host" ? headerValue(request, name) : getHeader(request.headers, name);
  }
  if (of === "trailer") return source.trailers && getHeader(source.trailers, name);
  const { response } = source;
  if (!response) return undefined;
  return name === ":status" ? String(response.status) : getHeader(response.headers, name);
}

function headerPart(part: FormatPart & { kind: "header" }, source: FormatSource): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < part.names.length && value === undefined; i++) {
    const name = part.names[i]!;
    value = fieldOf(part.of, name, source);
  }
  return value === undefined ? undefined : cut(value, part.maxLength);
}

/** The path before a rewrite, where there was one. */
function originalPath(request: RequestFacts): string | undefined {
  return headerValue(request, "x-envoy-original-path");
}

function pathPart({ of, query, maxLength }: FormatPart & { kind: "path" }, source: FormatSource): string | undefined {
  const { request } = source;
  if (!request) return undefined;
  const original = of === "path" ? undefined : originalPath(request);
  const path = original ?? (of === "original" ? undefined : request.path);
  if (path === undefined || path === "") return undefined;
  return cut(query ? path : pathWithoutQuery(path), maxLength);
}

function queryPart({ name, maxLength }: FormatPart & { kind: "query-parameter" }, source: FormatSource) {
  const { request } = source;
  if (!request) return undefined;
  const value = queryParameters(originalPath(request) ?? request.path).get(name);
  return value === undefined ? undefined : cut(value, maxLength);
}

function durationPart({ from, to, unitsPerMs }: FormatPart & { kind: "duration" }, source: FormatSource) {
  const begin = source.moment(from);
  const end = source.moment(to);
  if (begin === undefined || end === undefined) return undefined;
  return Math.max(0, Math.floor((end - begin) * unitsPerMs));
}

function timePart({ of, format }: FormatPart & { kind: "time" }, source: FormatSource): string | undefined {
  const epochMs = source.time(of);
  if (epochMs === undefined) return undefined;
  return format.kind === "iso" ? isoTime(Math.floor(epochMs)) : formatTime(format.parts, epochMs);
}

function serverName(prefer: "sni" | "host", source: FormatSource): string | undefined {
  const host = source.request?.authority;
  const first = prefer === "sni" ? source.serverName || host : host || source.serverName;
  return first || undefined;
}

function metadataPart(part: FormatPart & { kind: "metadata" }, source: FormatSource): FormatValue {
  const metadata = source.metadata(part.of);
  const value = metadata && metadataValue(metadata, part.namespace, part.path);
  return typeof value === "string" ? cut(value, part.maxLength) : value;
}

/** What one part of a format says. */
export function partValue(part: FormatPart, source: FormatSource): FormatValue {
  switch (part.kind) {
    case "text":
      return part.text;
    case "operator":
      return source.operator(part.name);
    case "header":
      return headerPart(part, source);
    case "time":
      return timePart(part, source);
    case "duration":
      return durationPart(part, source);
    case "grpc-status":
      return grpcStatusText(source.grpcStatus, part.style);
    case "path":
      return pathPart(part, source);
    case "query-parameter":
      return queryPart(part, source);
    case "server-name":
      return serverName(part.prefer, source);
    case "metadata":
      return metadataPart(part, source);
    case "filter-state": {
      const value = part.style === "field" ? undefined : source.filterState(part.key)?.value;
      return value === undefined ? undefined : cut(value, part.maxLength);
    }
  }
}

/** A part as text; objects are JSON there too. */
export function partText(part: FormatPart, source: FormatSource, absent: string): string {
  const value = partValue(part, source);
  if (typeof value === "string")
    return part.kind === "filter-state" && part.style === "typed" ? cut(JSON.stringify(value), part.maxLength) : value;
  if (value === undefined) return absent;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

export function formatText(format: Format, source: FormatSource, absent: string): string {
  let text = "";
  for (let i = 0; i < format.length; i++) text += partText(format[i]!, source, absent);
  return text;
}

/** For header operations, where what is absent is empty (Envoy: HeaderParser's formatters omit empty values). */
export function formatValue(format: Format, source: FormatSource): string {
  return formatText(format, source, "");
}
