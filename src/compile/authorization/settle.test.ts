// What a chain makes of a rule: on a byte stream in doubt nobody gets in, and ports are known before the first connection.

import { expect, test } from "bun:test";
import type { AuthorizationRule, OperationCondition, SubjectCondition } from "../../model/authorization.ts";
import { settleRule } from "./settle.ts";

const EVERYBODY: SubjectCondition = { kind: "all", conditions: [] };
const somebody: SubjectCondition = { kind: "identity", match: { kind: "exact", value: "spiffe://a/ns/b/sa/c" } };
const reading: OperationCondition = { kind: "method", match: { kind: "exact", value: "GET" } };
const port = (number: number): OperationCondition => ({ kind: "port", number });
const rule = (operation: OperationCondition, subject: SubjectCondition = EVERYBODY): AuthorizationRule => ({
  subject,
  operation,
});

const REQUESTS = { stream: false, port: 8080 };
const BYTES = { stream: true, port: 9000 };

test("a port is decided by the chain that leads to it", () => {
  expect(settleRule(rule(port(8080), somebody), REQUESTS, true)).toEqual(
    rule(EVERYBODY as OperationCondition, somebody),
  );
  expect(settleRule(rule(port(9000), somebody), REQUESTS, true)).toBeUndefined();
  expect(settleRule(rule({ kind: "not", condition: port(8080) }), REQUESTS, false)).toBeUndefined();
  // Where connections are for many ports, each is asked.
  expect(settleRule(rule(port(9000)), { stream: true, port: undefined }, true)?.operation).toEqual(port(9000));
});

test("on bytes, a rule that admits and asks for a request is dropped whole", () => {
  const either: OperationCondition = { kind: "some", conditions: [reading, port(9000)] };
  expect(settleRule(rule(either, somebody), BYTES, true)).toBeUndefined();
  expect(
    settleRule(rule(port(9000), { kind: "header", name: "x", match: { kind: "present" } }), BYTES, true),
  ).toBeUndefined();
});

test("on bytes, a rule that refuses loses what it asks of a request, and refuses more", () => {
  const both: OperationCondition = { kind: "all", conditions: [reading, port(9000)] };
  expect(settleRule(rule(both), BYTES, false)).toEqual(rule(EVERYBODY as OperationCondition));
  const neither: OperationCondition = { kind: "all", conditions: [{ kind: "not", condition: reading }] };
  expect(settleRule(rule(neither, somebody), BYTES, false)).toEqual(rule(EVERYBODY as OperationCondition, somebody));
  const elsewhere: OperationCondition = { kind: "all", conditions: [reading, port(1)] };
  expect(settleRule(rule(elsewhere), BYTES, false)).toBeUndefined();
});
