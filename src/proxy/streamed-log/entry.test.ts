import { expect, test } from "bun:test";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { FilterStateObject } from "../../table/filter-state.ts";
import { parseFormat } from "../../table/format/format.ts";
import type { OtlpNode } from "../../table/streamed-log.ts";
import type { AddressSchema } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import { RequestMethod } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  AccessLogType,
  HTTPAccessLogEntrySchema,
  HTTPAccessLogEntry_HTTPVersion as HttpVersion,
  TCPAccessLogEntrySchema,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { LogRecordSchema } from "../../xds/gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { AccessRecord } from "../access-record.ts";
import { factsBetween } from "../connection-facts.ts";
import { httpEntry, tcpEntry } from "./entry.ts";
import { otlpRecord } from "./otlp-log.ts";

const NOTHING = { filterState: [], tags: [], requestHeaders: [], responseHeaders: [], responseTrailers: [] };
/** More than a varint of 32 bits holds. */
const MANY = 5_000_000_000;

const at = (address: string, port: number) => ({ address, port });
const CLIENT = at("10.0.0.1", 0);
const LOCAL = at("::1", 65_535);
const PEER = at("127.0.0.1", 34_567);
const facts = () => factsBetween(CLIENT, LOCAL, { remote: PEER, local: LOCAL });

function address({ address: text, port }: { address: string; port: number }): MessageInitShape<typeof AddressSchema> {
  const value = { address: text, portSpecifier: { case: "portValue" as const, value: port } };
  return { address: { case: "socketAddress", value } };
}

const ADDRESSES = {
  downstreamRemoteAddress: address(CLIENT),
  downstreamLocalAddress: address(LOCAL),
  downstreamDirectRemoteAddress: address(PEER),
};

test("a request's entry is the message that it stands for", () => {
  const headers = ["user-agent", "caf\u00e9", "x-request-id", "id", "x-a", "1", "x-a", "2"];
  const head = new RequestHead("PUT", "https", "shop", "/a", headers, "HTTP/2", 0, undefined);
  const record = new AccessRecord(facts(), head);
  record.bytesReceived = MANY;
  record.response = new ResponseHead(503, ["x-b", "\u0141"], 0);
  record.trailers = ["x-c", ""];
  record.bytesSent = 300;
  record.downstream = { wireReceived: MANY + 1, wireSent: 2, headerReceived: 3, headerSent: 4 };
  record.upstream = { wireReceived: 5, wireSent: 6, headerReceived: 7, headerSent: 8 };
  record.upstreamLocal = "/run/a.sock";
  record.details = "details";
  record.flag("UF");
  record.end();
  const parts = {
    filterState: ["none"],
    tags: [{ kind: "literal", name: "a tag", value: "b" }],
    requestHeaders: ["x-a", "x-none"],
    responseHeaders: ["x-b"],
    responseTrailers: ["x-c"],
  } as const;
  const entry = fromBinary(HTTPAccessLogEntrySchema, httpEntry(record, parts));
  const { startTime, duration } = entry.commonProperties!;
  const startedMs = Number(startTime!.seconds) * 1_000 + startTime!.nanos / 1e6;
  expect(Math.abs(startedMs - record.time("start")!)).toBeLessThan(0.01);
  const tookMs = Number(duration!.seconds) * 1_000 + duration!.nanos / 1e6;
  expect(Math.abs(tookMs - record.durationMs)).toBeLessThan(0.001);
  expect(entry).toEqual(
    create(HTTPAccessLogEntrySchema, {
      commonProperties: {
        ...ADDRESSES,
        ...timesOf(entry.commonProperties!),
        upstreamLocalAddress: { address: { case: "pipe", value: { path: "/run/a.sock" } } },
        responseFlags: { upstreamConnectionFailure: true },
        customTags: { "a tag": "b" },
        streamId: "id",
        downstreamWireBytesReceived: BigInt(MANY + 1),
        downstreamWireBytesSent: 2n,
        upstreamWireBytesReceived: 5n,
        upstreamWireBytesSent: 6n,
        accessLogType: AccessLogType.DownstreamEnd,
      },
      protocolVersion: HttpVersion.HTTP2,
      request: {
        requestMethod: RequestMethod.PUT,
        scheme: "https",
        authority: "shop",
        path: "/a",
        userAgent: "caf\u00e9",
        requestId: "id",
        requestHeadersBytes: BigInt(record.operator("REQUEST_HEADERS_BYTES") ?? 0),
        requestBodyBytes: BigInt(MANY),
        requestHeaders: { "x-a": "1,2" },
        downstreamHeaderBytesReceived: 3n,
        upstreamHeaderBytesSent: 8n,
      },
      response: {
        responseCode: 503,
        responseHeadersBytes: BigInt(record.operator("RESPONSE_HEADERS_BYTES") ?? 0),
        responseBodyBytes: 300n,
        responseHeaders: { "x-b": "\u0141" },
        responseTrailers: { "x-c": "" },
        responseCodeDetails: "details",
        downstreamHeaderBytesSent: 4n,
        upstreamHeaderBytesReceived: 7n,
      },
    }),
  );
});

type Times = Pick<
  NonNullable<MessageInitShape<typeof HTTPAccessLogEntrySchema>["commonProperties"]>,
  "startTime" | "duration"
>;

/** What no test can foretell. */
function timesOf(common: object): Times {
  return Object.fromEntries(Object.entries(common).filter(([name]) => /^(startTime|duration|timeTo.*)$/.test(name)));
}

test("a byte stream's entry; what it has not is not there", () => {
  const known = new Map([["known", { value: "v" } as FilterStateObject]]);
  const record = new AccessRecord({ ...facts(), filterState: known }, undefined);
  record.bytesReceived = MANY;
  record.logType = "TcpPeriodic";
  const entry = fromBinary(TCPAccessLogEntrySchema, tcpEntry(record, { ...NOTHING, filterState: ["known", "other"] }));
  expect(entry).toEqual(
    create(TCPAccessLogEntrySchema, {
      commonProperties: {
        ...ADDRESSES,
        ...timesOf(entry.commonProperties!),
        intermediateLogEntry: true,
        downstreamWireBytesReceived: BigInt(MANY),
        upstreamWireBytesSent: BigInt(MANY),
        accessLogType: AccessLogType.TcpPeriodic,
        filterStateObjects: { known: anyPack(StringValueSchema, create(StringValueSchema, { value: "v" })) },
      },
      connectionProperties: { receivedBytes: BigInt(MANY) },
    }),
  );
});

test("a request without a response has the message of one, empty", () => {
  const head = new RequestHead("BREW", "http", "", "", [], "HTTP/1.1", 0, undefined);
  const entry = fromBinary(HTTPAccessLogEntrySchema, httpEntry(new AccessRecord(facts(), head), NOTHING));
  expect(entry.response).toEqual(create(HTTPAccessLogEntrySchema, { response: {} }).response!);
  expect(entry.request?.requestMethod).toBe(RequestMethod.METHOD_UNSPECIFIED);
});

function text(format: string): OtlpNode {
  const parsed = parseFormat(format, {});
  if ("error" in parsed) throw new Error(parsed.error);
  return { kind: "text", format: parsed.format };
}

test("OTLP's record is the message that it stands for", () => {
  const head = new RequestHead("GET", "http", "", "/a", ["x-a", ""], "HTTP/1.1", 0, undefined);
  const record = new AccessRecord(facts(), head);
  const attributes = [
    { key: "path", node: text("%REQ(:PATH)%") },
    { key: "nothing", node: text("") },
    { key: "list", node: { kind: "list", items: [text("a"), { kind: "list", items: [] }] } },
    { key: "fields", node: { kind: "fields", fields: [{ key: "b", node: text("c") }] } },
  ] as const;
  const told = fromBinary(LogRecordSchema, otlpRecord({ body: text("%PROTOCOL%"), attributes }, record));
  const string = (value: string) => ({ value: { case: "stringValue" as const, value } });
  const list = (values: object[]) => ({ value: { case: "arrayValue" as const, value: { values } } });
  expect(told).toEqual(
    create(LogRecordSchema, {
      timeUnixNano: BigInt(Math.round(record.time("start")! * 1_000)) * 1_000n,
      body: string("HTTP/1.1"),
      attributes: [
        { key: "path", value: string("/a") },
        { key: "nothing", value: string("") },
        { key: "list", value: list([string("a"), list([])]) },
        {
          key: "fields",
          value: { value: { case: "kvlistValue", value: { values: [{ key: "b", value: string("c") }] } } },
        },
      ],
    }),
  );
});
