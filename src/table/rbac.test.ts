// A policy as the control plane writes it, accepted and decided: "all of" and "one of" of any length, nested.

import { expect, test } from "bun:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { RBACSchema } from "../xds/gen/envoy/config/rbac/v3/rbac_pb.ts";
import { acceptRbac } from "./accept/rbac.ts";
import { Scope } from "./accept/scope.ts";
import { decideRbac } from "./rbac.ts";
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
