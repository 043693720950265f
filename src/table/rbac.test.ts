// A policy as the control plane writes it, accepted and decided: "all of" and "one of" of any length, nested.

import { expect, test } from "bun:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { RBACSchema } from "../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { acceptRbac } from "./accept/rbac.ts";
import { Scope } from "./accept/scope.ts";
import { decideRbac, type RequestContext } from "./rbac.ts";
import type { ConnectionFacts } from "./request.ts";

const CONNECTION: ConnectionFacts = {
  remoteAddress: "10.0.0.1",
  remotePort: 40_000,
  directRemoteAddress: "10.0.0.1",
  localAddress: "10.0.0.2",
  localPort: 8080,
  serverName: "",
  principal: "spiffe://cluster.local/ns/default/sa/client",
  remoteLabel: "10.0.0.1:40000",
  localLabel: "10.0.0.2:8080",
};
const YES: JsonValue = { destinationPort: 8080 };
const NO: JsonValue = { destinationPort: 9090 };

function allows(permissions: JsonValue[], principals: JsonValue[]): boolean {
  const scope = Scope.root();
  const rbac = fromJson(RBACSchema, { action: "ALLOW", policies: { p: { permissions, principals } } });
  const table = acceptRbac(scope, rbac);
  expect(scope.rejections).toEqual([]);
  return decideRbac(table, CONNECTION, undefined).allowed;
}

const all = (...rules: JsonValue[]): JsonValue => ({ andRules: { rules } });
const one = (...rules: JsonValue[]): JsonValue => ({ orRules: { rules } });

test.each<[string, JsonValue, boolean]>([
  ["all of one that holds", all(YES), true],
  ["all of one that does not", all(NO), false],
  ["all of two, of which the last does not hold", all(YES, NO), false],
  ["all of two that hold", all(YES, YES), true],
  ["one of one that does not hold", one(NO), false],
  ["one of two, of which the last holds", one(NO, YES), true],
  ["one of two that do not hold", one(NO, NO), false],
  ["lists of one in each other", one(all(one(YES))), true],
  ["not a list of one", { notRule: all(YES) }, false],
  ["all of what holds and one of what does not", all(YES, one(NO, all(YES, NO))), false],
])("%s", (_, permission, expected) => {
  expect(allows([permission], [{ any: true }])).toBe(expected);
});

test("a policy wants one of its permissions and one of its principals", () => {
  const known = (name: string): JsonValue => ({ authenticated: { principalName: { exact: name } } });
  expect(allows([NO, YES], [known("spiffe://other"), known(CONNECTION.principal)])).toBe(true);
  expect(allows([NO, YES], [known("spiffe://other")])).toBe(false);
  expect(allows([NO], [known(CONNECTION.principal)])).toBe(false);
  expect(allows([YES], [{ andIds: { ids: [known(CONNECTION.principal)] } }])).toBe(true);
});

test("a policy without permissions or principals matches nobody", () => {
  expect(allows([], [{ any: true }])).toBe(false);
  expect(allows([YES], [])).toBe(false);
});

const header = (name: string, value: string, more: object = {}): JsonValue => ({
  header: { name, stringMatch: { exact: value }, ...more },
});

function decide(
  action: string,
  permission: JsonValue,
  headers: string[],
  path = "/",
  more: Partial<RequestContext> = {},
) {
  const scope = Scope.root();
  const policies = { p: { permissions: [permission], principals: [{ any: true }] } };
  const table = acceptRbac(scope, fromJson(RBACSchema, { action, policies }));
  expect(scope.rejections).toEqual([]);
  const context: RequestContext = { remoteAddress: "10.0.0.1", remotePort: 0, metadata: () => undefined, ...more };
  const request = { method: "GET", scheme: "http", authority: "a", path, headers };
  return decideRbac(table, CONNECTION, request, context).allowed;
}

test("a repeated header: ALLOW needs every value, DENY any, and a negation turns that round", () => {
  const both = ["x-role", "admin", "x-role", "guest"];
  const isAdmin = header("x-role", "admin");
  expect(decide("ALLOW", isAdmin, ["x-role", "admin"])).toBe(true);
  expect(decide("ALLOW", isAdmin, both)).toBe(false);
  expect(decide("DENY", isAdmin, both)).toBe(false);
  expect(decide("ALLOW", { notRule: isAdmin }, both)).toBe(false);
  expect(decide("ALLOW", { notRule: isAdmin }, ["x-role", "guest"])).toBe(true);
  expect(decide("DENY", { notRule: isAdmin }, both)).toBe(false);
  expect(decide("DENY", { notRule: isAdmin }, ["x-role", "admin"])).toBe(true);
  expect(decide("DENY", header("x-role", "admin", { invertMatch: true }), both)).toBe(false);
});

test("a path that is not there matches nothing", () => {
  const anything: JsonValue = { urlPath: { path: { safeRegex: { regex: ".*" } } } };
  expect(decide("ALLOW", anything, [], "")).toBe(false);
  expect(decide("DENY", anything, [], "")).toBe(true);
  expect(decide("DENY", anything, [], "/?x")).toBe(false);
});

test("metadata by its kind of value", () => {
  const tags = { text: "gold", number: 3, yes: true, list: ["a", "b"], nothing: null };
  const metadata = (of: string) => (of === "dynamic" ? { tags } : undefined);
  const matches = (key: string, value: JsonValue, more: object = {}) =>
    decide("ALLOW", { metadata: { filter: "tags", path: [{ key }], value, ...more } }, [], "/", { metadata });
  expect(matches("text", { stringMatch: { prefix: "go" } })).toBe(true);
  expect(matches("text", { stringMatch: { prefix: "go" } }, { invert: true })).toBe(false);
  expect(matches("number", { doubleMatch: { exact: 3 } })).toBe(true);
  expect(matches("number", { doubleMatch: { range: { start: 3, end: 4 } } })).toBe(true);
  expect(matches("number", { doubleMatch: { range: { start: 1, end: 3 } } })).toBe(false);
  expect(matches("yes", { boolMatch: true })).toBe(true);
  expect(matches("nothing", { nullMatch: {} })).toBe(true);
  expect(matches("list", { listMatch: { oneOf: { stringMatch: { exact: "b" } } } })).toBe(true);
  expect(matches("text", { orMatch: { valueMatchers: [{ boolMatch: true }, { presentMatch: true }] } })).toBe(true);
  expect(matches("absent", { presentMatch: true })).toBe(false);
});

test("the client's address is not the peer's", () => {
  const ofClient: JsonValue = { remoteIp: { addressPrefix: "192.0.2.0", prefixLen: 24 } };
  const scope = Scope.root();
  const policies = { p: { permissions: [{ any: true }], principals: [ofClient] } };
  const table = acceptRbac(scope, fromJson(RBACSchema, { action: "ALLOW", policies }));
  const request = { method: "GET", scheme: "http", authority: "a", path: "/", headers: [] };
  const from = (remoteAddress: string) =>
    decideRbac(table, CONNECTION, request, { remoteAddress, remotePort: 0, metadata: () => undefined });
  expect([from("192.0.2.7").allowed, from("10.0.0.1").allowed]).toEqual([true, false]);
  expect(decideRbac(table, CONNECTION, undefined).allowed).toBe(false);
});

test("what the proxy does not have is refused by its path and name", () => {
  const scope = Scope.root();
  const permissions = [{ matcher: { name: "some.extension" } }, { uriTemplate: { name: "uri" } }];
  const principals = [{ filterState: { key: "k" } }];
  acceptRbac(scope, fromJson(RBACSchema, { policies: { p: { permissions, principals } } }));
  expect(scope.rejections).toEqual([
    {
      path: 'policies["p"].permissions[0]',
      reason: 'permission matcher "some.extension" is not supported by Heddle\'s proxy',
    },
    {
      path: 'policies["p"].permissions[1]',
      reason: 'permission uri_template "uri" is not supported by Heddle\'s proxy',
    },
    { path: 'policies["p"].principals[0]', reason: "principal filter_state is not supported by Heddle's proxy" },
  ]);
});
