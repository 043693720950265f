// Requests of every kind that the objects in force tell apart, and of some that nothing expects.

import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";

/** Where a request enters the mesh: at a sidecar's forward proxy or local port, or at a port of the gateway. */
export type Door =
  | { readonly kind: "forward-proxy"; readonly client: string }
  | { readonly kind: "upstream"; readonly client: string; readonly service: "golden" | "silver" }
  | { readonly kind: "gateway"; readonly port: 80 | 81 };

export interface AskedRequest {
  readonly door: Door;
  readonly method: string;
  readonly host: string;
  /** In the clear, by the number in the URL; undefined: none is written. */
  readonly port: number | undefined;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly token?: { readonly claims: JsonObject; readonly text: string } | undefined;
}

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["x-canary", "yes"],
  ["x-canary", "no"],
  ["x-deny", "yes, please"],
  ["x-deny", "no"],
  ["x-vip", "1"],
  ["x-gone", "still here"],
  ["x-set", "by-client"],
  ["x-added", "first"],
  ["x-nothing", "here"],
  ["cookie", "user=vip"],
  ["cookie", "a=b; user=vip; c=d"],
  ["x-forwarded-for", "203.0.113.7"],
  ["x-forwarded-for", "198.51.100.1, 203.0.113.9"],
  ["x-forwarded-proto", "https"],
  ["x-forwarded-proto", "gopher"],
  ["x-envoy-original-path", "/forged"],
  ["x-forwarded-host", "forged.test"],
  ["user-agent", "somebody/1.0"],
];

const HEADS = ["/direct", "/teapot", "/moved", "/prefix/", "/old/", "/re/12", "/re/x", "/silver", "/nobody", "/absent"]
  .concat([
    "/scheme",
    "/scheme",
    "/plain",
    "/abort",
    "/weights",
    "/open",
    "/case",
    "/CASE",
    "/named",
    "/secret",
    "/detail",
    "/detail/secret",
  ])
  .concat([
    "/only-edge",
    "/outside",
    "/",
    "//",
    "/a/../secret",
    "/./open",
    "/new/hidden",
    "/%73ecret",
    "/un%2Fescaped",
  ]);
const TAILS = ["", "", "/more", "/hidden", "//twice", "?to=silver", "?to=gold&to=silver", "?q=1", "/b/../c"];

const METHODS = ["GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];

const path = fc.tuple(fc.constantFrom(...HEADS), fc.constantFrom(...TAILS)).map(([head, tail]) => `${head}${tail}`);

/** Several values of one name are a client's business, but not this test's. */
const headers = fc.uniqueArray(fc.constantFrom(...HEADERS), { maxLength: 4, selector: ([name]) => name });

const MESH_HOSTS = [
  "golden",
  "golden.default",
  "golden.default.svc",
  "golden.default.svc.cluster.local",
  "GOLDEN",
].concat(["silver", "silver.default", "bare", "outside.test", "nowhere.test", "shop.test", "unknown.test"]);
const EDGE_HOSTS = ["shop.test", "golden.test", "a.wild.test", "b.a.wild.test", "secure.test", "unknown.test"];

function insideRequests(clients: readonly string[]): fc.Arbitrary<AskedRequest> {
  const client = fc.constantFrom(...clients);
  const forward = fc.record({
    door: client.map((name): Door => ({ kind: "forward-proxy", client: name })),
    method: fc.constantFrom(...METHODS),
    host: fc.constantFrom(...MESH_HOSTS),
    port: fc.constantFrom(undefined, undefined, undefined, 80, 8080),
    path,
    headers,
  });
  const service = fc.constantFrom("golden" as const, "silver" as const);
  const upstream = fc.record({
    door: fc.tuple(client, service).map(([name, of]): Door => ({ kind: "upstream", client: name, service: of })),
    method: fc.constantFrom(...METHODS),
    host: fc.constantFrom("golden", "golden.default", "whatever.test", "silver"),
    port: fc.constantFrom(undefined, undefined, 80, 8080),
    path,
    headers,
  });
  return fc.oneof({ arbitrary: forward, weight: 2 }, { arbitrary: upstream, weight: 1 });
}

const gatewayRequests: fc.Arbitrary<AskedRequest> = fc.record({
  door: fc.constantFrom(80 as const, 80 as const, 81 as const).map((port): Door => ({ kind: "gateway", port })),
  method: fc.constantFrom(...METHODS),
  host: fc.constantFrom(...EDGE_HOSTS),
  port: fc.constantFrom(undefined, undefined, 80, 8080),
  path,
  headers,
});

/** Always the same ones for a seed. */
export function requests(count: number, clients: readonly string[], seed: number): readonly AskedRequest[] {
  const any = fc.oneof({ arbitrary: insideRequests(clients), weight: 3 }, { arbitrary: gatewayRequests, weight: 1 });
  return fc.sample(any, { numRuns: count, seed });
}
