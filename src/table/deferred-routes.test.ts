import { expect, test } from "bun:test";
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { VirtualHostSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { checkVirtualHost } from "./accept/resource.ts";
import { Scope } from "./accept/scope.ts";
import { NO_SHELL, virtualHostCompiler } from "./accept/virtual-host.ts";
import { DeferredRoutes } from "./deferred-routes.ts";
import type { ConnectionFacts } from "./request.ts";
import { chooseRoute, type VirtualHost } from "./route.ts";
import { NOTHING_FOUND } from "./route-match.ts";

const CONNECTION: ConnectionFacts = {
  remoteAddress: "10.0.0.1",
  remotePort: 1,
  directRemoteAddress: "10.0.0.1",
  localAddress: "10.0.0.2",
  localPort: 80,
  serverName: "",
  principal: "",
  remoteLabel: "10.0.0.1:1",
  localLabel: "10.0.0.2:80",
};

/** The same virtual host, whole and of its bytes. */
function bothOf(matches: readonly JsonValue[]): readonly [VirtualHost, VirtualHost] {
  const routes = matches.map((match, i) => ({
    name: `r${i}`,
    match,
    route: { cluster: `c${i % 3}`, timeout: `${i}s` },
    request_headers_to_add: i % 2 === 0 ? [] : [{ header: { key: "x-route", value: String(i) } }],
  }));
  const message = fromJson(VirtualHostSchema, {
    name: "h",
    domains: ["h"],
    response_headers_to_add: [{ header: { key: "x-host", value: "h" } }],
    // The bytes of routes do not begin the message, nor end it.
    routes,
    request_headers_to_remove: ["x-gone"],
  });
  const whole = checkVirtualHost(message, NO_SHELL);
  if (whole.kind === "rejected") throw new Error(JSON.stringify(whole.rejections));
  return [whole.table, virtualHostCompiler(Scope.root("h"), NO_SHELL)(toBinary(VirtualHostSchema, message))];
}

const text = fc.string({ unit: fc.constantFrom("/", "a", "B", "é"), minLength: 1, maxLength: 6 });
const match: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ prefix: text }) },
  fc.record({ prefix: text, case_sensitive: fc.boolean() }),
  fc.record({ path: text, case_sensitive: fc.boolean() }),
  fc.record({ path_separated_prefix: text.map((rest) => `/${rest}`) }),
  fc.constant({ safe_regex: { regex: "/a.*" } }),
  fc.constant({ connect_matcher: {} }),
);

test("a virtual host of bytes takes what the whole one takes, by the same routes", () => {
  let deferred = 0;
  fc.assert(
    fc.property(fc.array(match, { maxLength: 12 }), fc.array(text, { maxLength: 4 }), (matches, rests) => {
      const [whole, ofBytes] = bothOf(matches);
      if (ofBytes.routes instanceof DeferredRoutes) deferred++;
      expect(ofBytes.routes.length).toBe(whole.routes.length);
      for (const rest of rests) {
        const request = { method: "GET", scheme: "http", authority: "h", path: `/${rest}`, headers: [] };
        const found = chooseRoute(ofBytes, request, CONNECTION, 0, NOTHING_FOUND);
        expect(found).toEqual(chooseRoute(whole, request, CONNECTION, 0, NOTHING_FOUND));
      }
      expect([...ofBytes.routes]).toEqual([...whole.routes]);
    }),
    { numRuns: 200 },
  );
  expect(deferred).toBeGreaterThan(20);
});

test("a route is made when it is first asked for, and once", () => {
  const made: number[] = [];
  const [whole] = bothOf([{ prefix: "/a" }, { prefix: "/b" }]);
  const routes = new DeferredRoutes(Uint8Array.of(1, 2, 3), Uint32Array.of(0, 1, 1, 3), (bytes, i) => {
    made.push(i, ...bytes);
    return whole.routes.at(i)!;
  });
  expect(made).toEqual([]);
  expect(routes.at(1)).toBe(routes.at(1)!);
  expect(made).toEqual([1, 2, 3]);
  expect([routes.at(2), routes.at(-1), routes.at(-3)].map((route) => route?.name)).toEqual([
    undefined,
    "r1",
    undefined,
  ]);
  expect([...routes].map(({ name }) => name)).toEqual(["r0", "r1"]);
  expect(made).toEqual([1, 2, 3, 0, 1]);
});
