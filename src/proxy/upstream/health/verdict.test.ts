import { expect, test } from "bun:test";
import type { HttpProbe } from "../../../table/health-check.ts";
import { containsInOrder, judgeResponse } from "./verdict.ts";

const PROBE: HttpProbe = {
  kind: "http",
  method: "GET",
  path: "/",
  host: "",
  protocol: "http1",
  headers: [],
  removedHeaders: [],
  expected: [{ from: 200, to: 300 }],
  retriable: [{ from: 503, to: 504 }],
  serviceName: undefined,
  send: undefined,
  receive: [],
  bufferBytes: 0,
};
const NOTHING = Buffer.alloc(0);
const bytes = (text: string) => Buffer.from(text);

test("blocks are found in their order, and not twice in one place", () => {
  expect(containsInOrder(bytes("a-b-c"), [bytes("a"), bytes("c")])).toBe(true);
  expect(containsInOrder(bytes("a-b-c"), [bytes("c"), bytes("a")])).toBe(false);
  expect(containsInOrder(bytes("aa"), [bytes("aa"), bytes("a")])).toBe(false);
  expect(containsInOrder(NOTHING, [])).toBe(true);
});

test("the end of a range of statuses is not in it", () => {
  expect(judgeResponse(PROBE, 299, [], NOTHING).kind).toBe("passed");
  expect(judgeResponse(PROBE, 300, [], NOTHING)).toMatchObject({ kind: "failed", retriable: false });
  expect(judgeResponse(PROBE, 503, [], NOTHING)).toMatchObject({ kind: "failed", retriable: true });
});

test("headers say degraded, excluded, and whose answer it is", () => {
  expect(judgeResponse(PROBE, 200, ["x-envoy-degraded", ""], NOTHING)).toEqual({ kind: "passed", degraded: true });
  expect(judgeResponse(PROBE, 503, ["x-envoy-immediate-health-check-fail", "true"], NOTHING)).toMatchObject({
    kind: "failed",
    excludes: true,
  });
  const named: HttpProbe = { ...PROBE, serviceName: { kind: "prefix", text: "shop", ignoreCase: false } };
  expect(judgeResponse(named, 200, [], NOTHING)).toMatchObject({ kind: "failed", verifiesCluster: true });
  expect(judgeResponse(named, 500, [], NOTHING)).not.toHaveProperty("verifiesCluster");
  expect(judgeResponse(named, 200, ["x-envoy-upstream-healthchecked-cluster", "shop-1"], NOTHING).kind).toBe("passed");
});
