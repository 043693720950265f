// Entries of Envoy's access log service, of the record that a line is made of (Envoy: GrpcCommon::Utility).

import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { AnySchema, anyPack, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { HeaderList } from "../../http/headers.ts";
import type { RequestHead } from "../../http/stream.ts";
import type { Moment } from "../../table/format/catalogue.ts";
import type { LogType } from "../../table/log-filter.ts";
import type { EntryParts } from "../../table/streamed-log.ts";
import { MetadataSchema, RequestMethod } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  AccessLogType,
  HTTPAccessLogEntry_HTTPVersion as HttpVersion,
  ResponseFlagsSchema,
  TLSPropertiesSchema,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import type { AccessRecord } from "../access-record.ts";
import { downstreamBytes, upstreamBytes } from "../record-bytes.ts";
import { customValue } from "../tracing/span-tags.ts";
import {
  open,
  putAddress,
  putDuration,
  putKeyed,
  putLabelled,
  putMessage,
  putNumber,
  putPair,
  putText,
  putTimestamp,
  putWrapped,
} from "./entry-fields.ts";
import { entryFlags } from "./entry-flags.ts";
import { entryTls } from "./entry-tls.ts";

// Numbers of fields (accesslog.proto).
const HTTP = { common: 1, version: 2, request: 3, response: 4 } as const;
const TCP = { common: 1, connection: 2 } as const;
const CONNECTION = { received: 1, sent: 2 } as const;
const COMMON = {
  remoteAddress: 2,
  localAddress: 3,
  tls: 4,
  startTime: 5,
  upstreamRemoteAddress: 13,
  upstreamLocalAddress: 14,
  upstreamCluster: 15,
  flags: 16,
  metadata: 17,
  transportFailure: 18,
  routeName: 19,
  directRemoteAddress: 20,
  filterState: 21,
  tags: 22,
  duration: 23,
  attempts: 24,
  terminationDetails: 25,
  streamId: 26,
  intermediate: 27,
  downstreamSent: 29,
  downstreamReceived: 30,
  upstreamSent: 31,
  upstreamReceived: 32,
  logType: 33,
} as const;
const REQUEST = {
  method: 1,
  scheme: 2,
  authority: 3,
  path: 5,
  userAgent: 6,
  referer: 7,
  forwardedFor: 8,
  requestId: 9,
  originalPath: 10,
  headersBytes: 11,
  bodyBytes: 12,
  headers: 13,
  upstreamSent: 14,
  downstreamReceived: 15,
} as const;
const RESPONSE = {
  code: 1,
  headersBytes: 2,
  bodyBytes: 3,
  headers: 4,
  trailers: 5,
  details: 6,
  upstreamReceived: 7,
  downstreamSent: 8,
} as const;

const TYPES: Readonly<Record<LogType, AccessLogType>> = {
  DownstreamEnd: AccessLogType.DownstreamEnd,
  TcpUpstreamConnected: AccessLogType.TcpUpstreamConnected,
  TcpPeriodic: AccessLogType.TcpPeriodic,
  TcpConnectionEnd: AccessLogType.TcpConnectionEnd,
  UdpSessionEnd: AccessLogType.UdpSessionEnd,
};

const VERSIONS: Readonly<Record<string, HttpVersion>> = {
  "HTTP/1.0": HttpVersion.HTTP10,
  "HTTP/1.1": HttpVersion.HTTP11,
  "HTTP/2": HttpVersion.HTTP2,
};

const METHODS: Readonly<Record<string, RequestMethod | undefined>> = {
  GET: RequestMethod.GET,
  HEAD: RequestMethod.HEAD,
  POST: RequestMethod.POST,
  PUT: RequestMethod.PUT,
  DELETE: RequestMethod.DELETE,
  CONNECT: RequestMethod.CONNECT,
  OPTIONS: RequestMethod.OPTIONS,
  TRACE: RequestMethod.TRACE,
  PATCH: RequestMethod.PATCH,
};

/** Of a request alone, as Envoy has them, each with its field. */
const MOMENTS: readonly (readonly [name: Moment, field: number])[] = [
  ["DS_RX_END", 6],
  ["US_TX_BEG", 7],
  ["US_TX_END", 8],
  ["US_RX_BEG", 9],
  ["US_RX_END", 10],
  ["DS_TX_BEG", 11],
  ["DS_TX_END", 12],
];

const writer = new BinaryWriter();

// ── what all have ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function putCommon(record: AccessRecord, parts: EntryParts): void {
  const { facts, request } = record;
  putAddress(writer, COMMON.remoteAddress, { address: facts.remoteAddress, port: facts.remotePort });
  putAddress(writer, COMMON.localAddress, { address: facts.localAddress, port: facts.localPort });
  putAddress(writer, COMMON.directRemoteAddress, facts.directRemote);
  putTimestamp(writer, COMMON.startTime, record.time("start") ?? 0);
  putDuration(writer, COMMON.duration, record.durationMs);
  if (request) putMoments(record);
  putUpstream(record);
  putText(writer, COMMON.terminationDetails, record.terminationDetails ?? "");
  putText(writer, COMMON.streamId, record.requestHeader("x-request-id") ?? "");
  const isIntermediate = record.logType === "TcpPeriodic" || record.logType === "TcpUpstreamConnected";
  putNumber(writer, COMMON.intermediate, isIntermediate ? 1 : 0);
  putNumber(writer, COMMON.downstreamSent, downstreamBytes(record, "wireSent"));
  putNumber(writer, COMMON.downstreamReceived, downstreamBytes(record, "wireReceived"));
  putNumber(writer, COMMON.upstreamSent, upstreamBytes(record, "wireSent"));
  putNumber(writer, COMMON.upstreamReceived, upstreamBytes(record, "wireReceived"));
  putNumber(writer, COMMON.logType, TYPES[record.logType]);
  putRare(record, parts);
}

function putMoments(record: AccessRecord): void {
  for (const [name, field] of MOMENTS) {
    const at = record.moment(name);
    if (at !== undefined) putDuration(writer, field, at - record.startedAt);
  }
}

function putUpstream(record: AccessRecord): void {
  const { host, upstreamLocal } = record;
  if (host) putLabelled(writer, COMMON.upstreamRemoteAddress, host.label);
  if (upstreamLocal !== "") putLabelled(writer, COMMON.upstreamLocalAddress, upstreamLocal);
  putText(writer, COMMON.upstreamCluster, record.cluster?.table.statName ?? "");
  putNumber(writer, COMMON.attempts, Number(record.operator("UPSTREAM_REQUEST_ATTEMPT_COUNT") ?? 0));
  putText(writer, COMMON.transportFailure, record.transportFailure ?? "");
  putText(writer, COMMON.routeName, record.route?.name ?? "");
}

/** What few entries have is made of messages. */
function putRare(record: AccessRecord, parts: EntryParts): void {
  const tls = entryTls(record.facts);
  const flags = entryFlags(record.flags);
  const filterMetadata = record.metadata("dynamic");
  putMessage(writer, COMMON.tls, tls && toBinary(TLSPropertiesSchema, create(TLSPropertiesSchema, tls)));
  putMessage(writer, COMMON.flags, flags && toBinary(ResponseFlagsSchema, create(ResponseFlagsSchema, flags)));
  if (filterMetadata)
    putMessage(writer, COMMON.metadata, toBinary(MetadataSchema, create(MetadataSchema, { filterMetadata })));
  for (const key of parts.filterState) {
    const value = record.filterState(key)?.value;
    if (value === undefined) continue;
    const any = anyPack(StringValueSchema, create(StringValueSchema, { value }));
    putKeyed(writer, COMMON.filterState, key, toBinary(AnySchema, any));
  }
  for (const tag of parts.tags) {
    const value = customValue(tag, record);
    if (value !== "") putPair(writer, COMMON.tags, tag.name, value);
  }
}

// ── of requests ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** All values of a name, as Envoy joins them. */
function putFields(field: number, headers: HeaderList | undefined, names: readonly string[]): void {
  if (!headers) return;
  for (const name of names) {
    let joined: string | undefined;
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i] === name) joined = joined === undefined ? headers[i + 1]! : `${joined},${headers[i + 1]}`;
    if (joined !== undefined) putPair(writer, field, name, joined);
  }
}

function putBytes(field: number, record: AccessRecord, name: "REQUEST_HEADERS_BYTES" | "RESPONSE_HEADERS_BYTES"): void {
  putNumber(writer, field, Number(record.operator(name) ?? 0));
}

function putRequest(request: RequestHead, record: AccessRecord, parts: EntryParts): void {
  const putHeader = (field: number, name: string) => putText(writer, field, record.requestHeader(name) ?? "");
  putNumber(writer, REQUEST.method, METHODS[request.method] ?? RequestMethod.METHOD_UNSPECIFIED);
  putText(writer, REQUEST.scheme, request.scheme);
  putText(writer, REQUEST.authority, request.authority);
  putText(writer, REQUEST.path, request.path);
  putHeader(REQUEST.userAgent, "user-agent");
  putHeader(REQUEST.referer, "referer");
  putHeader(REQUEST.forwardedFor, "x-forwarded-for");
  putHeader(REQUEST.requestId, "x-request-id");
  putHeader(REQUEST.originalPath, "x-envoy-original-path");
  putBytes(REQUEST.headersBytes, record, "REQUEST_HEADERS_BYTES");
  putNumber(writer, REQUEST.bodyBytes, record.bytesReceived);
  putFields(REQUEST.headers, request.headers, parts.requestHeaders);
  putNumber(writer, REQUEST.upstreamSent, upstreamBytes(record, "headerSent"));
  putNumber(writer, REQUEST.downstreamReceived, downstreamBytes(record, "headerReceived"));
}

function putResponse(record: AccessRecord, parts: EntryParts): void {
  const { response, trailers, status } = record;
  if (status !== 0) putWrapped(writer, RESPONSE.code, status);
  putBytes(RESPONSE.headersBytes, record, "RESPONSE_HEADERS_BYTES");
  putNumber(writer, RESPONSE.bodyBytes, record.bytesSent);
  putFields(RESPONSE.headers, response?.headers, parts.responseHeaders);
  putFields(RESPONSE.trailers, trailers, parts.responseTrailers);
  putText(writer, RESPONSE.details, record.details ?? "");
  putNumber(writer, RESPONSE.upstreamReceived, upstreamBytes(record, "headerReceived"));
  putNumber(writer, RESPONSE.downstreamSent, downstreamBytes(record, "headerSent"));
}

// ── entries ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function httpEntry(record: AccessRecord, parts: EntryParts): Uint8Array {
  const { request } = record;
  open(writer, HTTP.common);
  putCommon(record, parts);
  writer.join();
  putNumber(writer, HTTP.version, VERSIONS[request?.protocol ?? ""] ?? HttpVersion.PROTOCOL_UNSPECIFIED);
  open(writer, HTTP.request);
  if (request) putRequest(request, record, parts);
  writer.join();
  open(writer, HTTP.response);
  putResponse(record, parts);
  writer.join();
  return writer.finish();
}

export function tcpEntry(record: AccessRecord, parts: EntryParts): Uint8Array {
  open(writer, TCP.common);
  putCommon(record, parts);
  writer.join();
  open(writer, TCP.connection);
  putNumber(writer, CONNECTION.received, record.bytesReceived);
  putNumber(writer, CONNECTION.sent, record.bytesSent);
  writer.join();
  return writer.finish();
}
