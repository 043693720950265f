// What an external processor may change of headers.

import { expect, test } from "bun:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { RequestHead, ResponseHead } from "../../../http/stream.ts";
import { acceptExtProc } from "../../../table/accept/filter/ext-proc.ts";
import { Scope } from "../../../table/accept/scope.ts";
import { ExternalProcessorSchema } from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.ts";
import { HeaderMutationSchema } from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import { applyMutation, headerMap, RequestFields, ResponseFields } from "./mutation.ts";

function filter(fields: Record<string, JsonValue> = {}) {
  const scope = Scope.root();
  const grpcService = { envoyGrpc: { clusterName: "c" } };
  const table = acceptExtProc(scope, fromJson(ExternalProcessorSchema, { grpcService, ...fields }));
  expect(scope.rejections).toEqual([]);
  return table;
}

function changed(mutation: JsonValue, rules?: JsonValue): { head: RequestHead; done: boolean } {
  const head = new RequestHead(
    "GET",
    "http",
    "a.test",
    "/p",
    ["x-a", "1", "x-envoy-b", "2"],
    "HTTP/1.1",
    -1,
    undefined,
  );
  const table = filter(rules === undefined ? {} : { mutationRules: rules });
  const done = applyMutation(new RequestFields(head), fromJson(HeaderMutationSchema, mutation), table.rules);
  return { head, done };
}

const set = (key: string, value: string): JsonValue => ({ setHeaders: [{ header: { key, value } }] });

test("by default neither routing nor Envoy's own headers", () => {
  expect(changed(set("X-New", "v")).head.headers).toEqual(["x-a", "1", "x-envoy-b", "2", "x-new", "v"]);
  expect(changed(set(":path", "/q")).head.path).toBe("/q");
  for (const name of ["host", ":authority"]) expect(changed(set(name, "b.test")).head.authority).toBe("a.test");
  expect(changed(set(":method", "PUT")).head.method).toBe("GET");
  expect(changed(set("x-envoy-b", "3")).head.headers).toEqual(["x-a", "1", "x-envoy-b", "2"]);
  expect(changed({ removeHeaders: ["x-envoy-b", "X-A", ":path", "host"] }).head.headers).toEqual(["x-envoy-b", "2"]);
});

test("rules widen and narrow that", () => {
  expect(changed(set("host", "b.test"), { allowAllRouting: true }).head.authority).toBe("b.test");
  expect(changed(set(":path", "/q"), { disallowSystem: true }).head.path).toBe("/p");
  expect(changed(set("x-a", "2"), { disallowAll: true }).head.headers[1]).toBe("1");
  expect(changed(set("x-envoy-b", "3"), { allowEnvoy: true }).head.headers[3]).toBe("3");
  expect(changed(set(":method", "PUT"), { allowExpression: { regex: ":method" } }).head.method).toBe("PUT");
  expect(changed(set("x-a", "2"), { disallowExpression: { regex: "x-.*" } }).head.headers[1]).toBe("1");
  expect(changed(set("x-envoy-b", "3")).done).toBe(true);
  expect(changed(set("x-envoy-b", "3"), { disallowIsError: true }).done).toBe(false);
});

test("no mutation writes what is no header, or frames the message", () => {
  for (const [key, value] of [
    ["x-a\r\nx-b", "1"],
    ["", "1"],
    ["x-b", "1\r\nx-c: 2"],
    ["x-b", "\0"],
    ["content-length", "7"],
    ["transfer-encoding", "chunked"],
    [":unknown", "1"],
  ])
    expect(changed(set(key!, value!)).head.headers).toEqual(["x-a", "1", "x-envoy-b", "2"]);
});

test("a response has a status alone", () => {
  const head = new ResponseHead(200, [], -1);
  const { rules } = filter();
  for (const status of ["404", "99", "abc"])
    applyMutation(new ResponseFields(head), fromJson(HeaderMutationSchema, set(":status", status)), rules);
  expect(head.status).toBe(404);
});

test("only the headers that may be known are told, as bytes", () => {
  const head = new RequestHead("GET", "http", "a.test", "/", ["x-open", "é", "x-secret", "2"], "HTTP/2", 3, undefined);
  const rules = {
    allowedHeaders: { patterns: [{ prefix: "x-" }] },
    disallowedHeaders: { patterns: [{ exact: "x-secret" }] },
  };
  const { headers } = headerMap(new RequestFields(head), 3, filter({ forwardRules: rules }));
  expect(headers.map(({ key, rawValue }) => [key, [...rawValue]])).toEqual([["x-open", [0xe9]]]);
  const all = headerMap(new RequestFields(head), 3, filter()).headers.map(({ key }) => key);
  expect(all).toEqual([":authority", ":path", ":method", ":scheme", "x-open", "x-secret", "content-length"]);
});

test("settings that the proxy does not have are refused by their paths", () => {
  const scope = Scope.root();
  const processor = fromJson(ExternalProcessorSchema, {
    grpcService: { googleGrpc: { targetUri: "x", statPrefix: "y" } },
    observabilityMode: true,
    requestAttributes: ["request.path"],
  });
  acceptExtProc(scope, processor);
  expect(scope.rejections.map(({ path }) => path).sort()).toEqual([
    "grpc_service",
    "observability_mode",
    "request_attributes",
  ]);
});
