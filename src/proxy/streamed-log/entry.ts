// Entries of Envoy's access log service, of the record that a line is made of (Envoy: GrpcCommon::Utility).

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, type Duration, DurationSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { HeaderList } from "../../http/headers.ts";
import type { SocketAddress } from "../../net/byte-stream.ts";
import type { Moment } from "../../table/format/catalogue.ts";
import type { LogType } from "../../table/log-filter.ts";
import type { EntryParts } from "../../table/streamed-log.ts";
import type { AddressSchema } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import { RequestMethod } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type AccessLogCommonSchema,
  AccessLogType,
  HTTPAccessLogEntrySchema,
  type HTTPRequestPropertiesSchema,
  type HTTPResponsePropertiesSchema,
  HTTPAccessLogEntry_HTTPVersion as HttpVersion,
  TCPAccessLogEntrySchema,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import type { AccessRecord } from "../access-record.ts";
import { addressOf, portOf } from "../socket-label.ts";
import { customValue } from "../tracing/span-tags.ts";
import { entryFlags } from "./entry-flags.ts";
import { entryTls } from "./entry-tls.ts";

type Common = MessageInitShape<typeof AccessLogCommonSchema>;
type Address = MessageInitShape<typeof AddressSchema>;

const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000n;

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

function split(nanoseconds: bigint): { seconds: bigint; nanos: number } {
  return { seconds: nanoseconds / NS_PER_S, nanos: Number(nanoseconds % NS_PER_S) };
}

function durationOf(ms: number): Duration {
  return create(DurationSchema, split(BigInt(Math.max(0, Math.round(ms * NS_PER_MS)))));
}

function socketAddress({ address, port }: SocketAddress): Address {
  return { address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } } };
}

/** `127.0.0.1:80`, `[::1]:80`, or the path of a socket. */
function labelled(label: string): Address {
  const port = portOf(label);
  if (port === undefined) return { address: { case: "pipe", value: { path: label } } };
  return socketAddress({ address: addressOf(label), port });
}

/** Of a request alone, as Envoy has them. */
function momentsOf(record: AccessRecord) {
  const since = (name: Moment) => {
    const at = record.moment(name);
    return at === undefined ? undefined : durationOf(at - record.startedAt);
  };
  return {
    timeToLastRxByte: since("DS_RX_END"),
    timeToFirstUpstreamTxByte: since("US_TX_BEG"),
    timeToLastUpstreamTxByte: since("US_TX_END"),
    timeToFirstUpstreamRxByte: since("US_RX_BEG"),
    timeToLastUpstreamRxByte: since("US_RX_END"),
    timeToFirstDownstreamTxByte: since("DS_TX_BEG"),
    timeToLastDownstreamTxByte: since("DS_TX_END"),
  };
}

function keptOf(record: AccessRecord, keys: readonly string[]): Record<string, Any> {
  const kept: Record<string, Any> = {};
  for (const key of keys) {
    const value = record.filterState(key)?.value;
    if (value !== undefined) kept[key] = anyPack(StringValueSchema, create(StringValueSchema, { value }));
  }
  return kept;
}

function tagsOf(record: AccessRecord, { tags }: EntryParts): Record<string, string> {
  const values: Record<string, string> = {};
  for (const tag of tags) {
    const value = customValue(tag, record);
    if (value !== "") values[tag.name] = value;
  }
  return values;
}

function commonOf(record: AccessRecord, parts: EntryParts): Common {
  const { facts, host, upstreamLocal, request } = record;
  const started = split(BigInt(Math.round((record.time("start") ?? 0) * 1_000)) * 1_000n);
  const metadata = record.metadata("dynamic");
  return {
    ...(request ? momentsOf(record) : {}),
    downstreamRemoteAddress: socketAddress({ address: facts.remoteAddress, port: facts.remotePort }),
    downstreamDirectRemoteAddress: socketAddress(facts.directRemote),
    downstreamLocalAddress: socketAddress({ address: facts.localAddress, port: facts.localPort }),
    tlsProperties: entryTls(facts),
    startTime: started,
    duration: durationOf(record.durationMs),
    upstreamRemoteAddress: host && labelled(host.label),
    upstreamLocalAddress: upstreamLocal === "" ? undefined : labelled(upstreamLocal),
    upstreamCluster: record.cluster?.table.statName ?? "",
    upstreamRequestAttemptCount: Number(record.operator("UPSTREAM_REQUEST_ATTEMPT_COUNT") ?? 0),
    upstreamTransportFailureReason: record.transportFailure ?? "",
    routeName: record.route?.name ?? "",
    responseFlags: entryFlags(record.flags),
    metadata: metadata && { filterMetadata: metadata },
    filterStateObjects: keptOf(record, parts.filterState),
    customTags: tagsOf(record, parts),
    connectionTerminationDetails: record.terminationDetails ?? "",
    streamId: record.requestHeader("x-request-id") ?? "",
    intermediateLogEntry: record.logType === "TcpPeriodic" || record.logType === "TcpUpstreamConnected",
    accessLogType: TYPES[record.logType],
  };
}

/** All values of a name, as Envoy joins them. */
function fieldsOf(headers: HeaderList | undefined, names: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  if (!headers) return fields;
  for (const name of names)
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i] === name) fields[name] = name in fields ? `${fields[name]},${headers[i + 1]}` : headers[i + 1]!;
  return fields;
}

function bytesOf(record: AccessRecord, name: "REQUEST_HEADERS_BYTES" | "RESPONSE_HEADERS_BYTES"): bigint {
  return BigInt(record.operator(name) ?? 0);
}

function requestOf(record: AccessRecord, parts: EntryParts): MessageInitShape<typeof HTTPRequestPropertiesSchema> {
  const { request } = record;
  if (!request) return {};
  const field = (name: string) => record.requestHeader(name) ?? "";
  return {
    requestMethod: METHODS[request.method] ?? RequestMethod.METHOD_UNSPECIFIED,
    scheme: request.scheme,
    authority: request.authority,
    path: request.path,
    userAgent: field("user-agent"),
    referer: field("referer"),
    forwardedFor: field("x-forwarded-for"),
    requestId: field("x-request-id"),
    originalPath: field("x-envoy-original-path"),
    requestHeadersBytes: bytesOf(record, "REQUEST_HEADERS_BYTES"),
    requestBodyBytes: BigInt(record.bytesReceived),
    requestHeaders: fieldsOf(request.headers, parts.requestHeaders),
  };
}

function responseOf(record: AccessRecord, parts: EntryParts): MessageInitShape<typeof HTTPResponsePropertiesSchema> {
  const { response, trailers, status } = record;
  return {
    responseCode: status === 0 ? undefined : status,
    responseHeadersBytes: bytesOf(record, "RESPONSE_HEADERS_BYTES"),
    responseBodyBytes: BigInt(record.bytesSent),
    responseHeaders: fieldsOf(response?.headers, parts.responseHeaders),
    responseTrailers: fieldsOf(trailers, parts.responseTrailers),
    responseCodeDetails: record.details ?? "",
  };
}

export function httpEntry(record: AccessRecord, parts: EntryParts): Uint8Array {
  const entry = create(HTTPAccessLogEntrySchema, {
    commonProperties: commonOf(record, parts),
    protocolVersion: VERSIONS[record.request?.protocol ?? ""] ?? HttpVersion.PROTOCOL_UNSPECIFIED,
    request: requestOf(record, parts),
    response: responseOf(record, parts),
  });
  return toBinary(HTTPAccessLogEntrySchema, entry);
}

export function tcpEntry(record: AccessRecord, parts: EntryParts): Uint8Array {
  const entry = create(TCPAccessLogEntrySchema, {
    commonProperties: commonOf(record, parts),
    connectionProperties: { receivedBytes: BigInt(record.bytesReceived), sentBytes: BigInt(record.bytesSent) },
  });
  return toBinary(TCPAccessLogEntrySchema, entry);
}
