// What spans say, under Envoy's names (HttpTracerUtility).

import { GRPC_STATUS } from "../../base/grpc-code.ts";
import { statusNumber } from "../../grpc/status.ts";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import { metadataValue } from "../../table/metadata.ts";
import type { CustomTag, Tracing } from "../../table/tracing.ts";
import type { AccessRecord } from "../access-record.ts";
import { formatText } from "../format-value.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Span } from "./span.ts";

/** Who tells, of the node of the bootstrap. */
export interface Teller {
  readonly nodeId: string;
  readonly zone: string;
  /** The node's cluster. */
  readonly serviceName: string;
}

/** For which the server is to blame; the others are the caller's (Envoy: addGrpcResponseTags). */
const SERVER_ERRORS: ReadonlySet<number | undefined> = new Set([
  GRPC_STATUS.UNKNOWN,
  GRPC_STATUS.DEADLINE_EXCEEDED,
  GRPC_STATUS.RESOURCE_EXHAUSTED,
  GRPC_STATUS.UNIMPLEMENTED,
  GRPC_STATUS.INTERNAL,
  GRPC_STATUS.UNAVAILABLE,
  GRPC_STATUS.DATA_LOSS,
]);

const GRPC = /^application\/grpc(?:[+;]|$)/;

/** Of the request's own span, when all is over. */
export function tagRequest(span: Span, tracing: Tracing, record: AccessRecord, teller: Teller): void {
  const { request, response, trailers, facts, status } = record;
  span.tag("node_id", teller.nodeId);
  span.tag("zone", teller.zone);
  if (request) {
    const { headers } = request;
    const field = (name: string) => getHeader(headers, name);
    const id = field("x-request-id");
    if (id !== undefined) span.tag("guid:x-request-id", id);
    span.tag("http.url", urlOf(request, field("x-envoy-original-path") ?? request.path, tracing.maxPathLength));
    span.tag("http.method", request.method);
    span.tag("downstream_cluster", field("x-envoy-downstream-service-cluster") || "-");
    span.tag("user_agent", field("user-agent") || "-");
    span.tag("http.protocol", request.protocol);
    const client = field("x-client-trace-id");
    if (client !== undefined) span.tag("guid:x-client-trace-id", client);
    const type = field("content-type") ?? "";
    if (GRPC.test(type)) tagCall(span, request.authority, field("x-envoy-original-path") ?? request.path, type, field);
  }
  span.tag("peer.address", facts.directRemote.address);
  span.tag("request_size", String(record.bytesReceived));
  if (response) tagGrpcStatus(span, response.headers);
  if (trailers) tagGrpcStatus(span, trailers);
  tagOutcome(span, record.cluster, status, record.flags);
  span.tag("response_size", String(record.bytesSent));
  if (status === 0 || status >= 500) span.tag("error", "true");
  tagCustom(span, tracing, record);
}

function urlOf({ scheme, authority }: { scheme: string; authority: string }, path: string, maxLength: number): string {
  return `${scheme}://${authority}${path.slice(0, maxLength)}`;
}

function tagCall(
  span: Span,
  authority: string,
  path: string,
  type: string,
  field: (name: string) => string | undefined,
): void {
  span.tag("grpc.path", path);
  span.tag("grpc.authority", authority);
  span.tag("grpc.content_type", type);
  const timeout = field("grpc-timeout");
  if (timeout !== undefined) span.tag("grpc.timeout", timeout);
}

/** What a response's head or trailers say, if they do. */
export function tagGrpcStatus(span: Span, headers: HeaderList): void {
  const status = getHeader(headers, "grpc-status");
  if (status === undefined) return;
  span.tag("grpc.status_code", status);
  const message = getHeader(headers, "grpc-message");
  if (message !== undefined) span.tag("grpc.message", message);
  if (SERVER_ERRORS.has(statusNumber(headers))) span.tag("error", "true");
}

function tagOutcome(span: Span, cluster: Cluster | undefined, status: number, flags: string): void {
  span.tag("component", "proxy");
  if (cluster) {
    span.tag("upstream_cluster", cluster.table.name);
    span.tag("upstream_cluster.name", cluster.table.statName);
  }
  span.tag("http.status_code", String(status));
  span.tag("response_flags", flags);
}

/** Of an attempt's span. `protocol`: that the host is spoken to in, "" without a connection; `flag`: Envoy's, of the attempt alone. */
export function tagAttempt(
  span: Span,
  cluster: Cluster,
  address: string,
  protocol: string | undefined,
  status: number,
  flag: string,
): void {
  tagOutcome(span, cluster, status, flag);
  span.tag("http.protocol", protocol || "-");
  span.tag("upstream_address", address);
  span.tag("peer.address", address);
  if (status === 0 || status >= 500) span.tag("error", "true");
}

/** What the user wants on every span; a route's tags stand over those of all. */
export function tagCustom(span: Span, { tags }: Tracing, record: AccessRecord): void {
  const own = record.route?.tracing?.tags ?? [];
  for (const tag of tags) if (!own.some(({ name }) => name === tag.name)) tagValue(span, tag, record);
  for (const tag of own) tagValue(span, tag, record);
}

function tagValue(span: Span, tag: CustomTag, record: AccessRecord): void {
  const value = customValue(tag, record);
  if (value !== "") span.tag(tag.name, value);
}

/** "": it has none. */
export function customValue(tag: CustomTag, record: AccessRecord): string {
  switch (tag.kind) {
    case "literal":
      return tag.value;
    case "header":
      return record.requestHeader(tag.header) ?? tag.byDefault;
    case "metadata": {
      const found = record.metadata(tag.of);
      const value = found && metadataValue(found, tag.namespace, tag.path);
      if (value === undefined || value === null) return tag.byDefault;
      return typeof value === "string" ? value : JSON.stringify(value);
    }
    case "format":
      return formatText(tag.format, record, "-");
  }
}
