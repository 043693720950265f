// VirtualServices: rules that tell requests apart by everything that Istio knows, and do everything with them whose outcome is sure.

import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  anyHeader,
  anyMethod,
  anyPath,
  anyValue,
  EDGE_HOSTS,
  PARAMETERS,
  PATTERNS,
  VALUE_PATTERNS,
} from "./vocabulary.ts";

type Objects = fc.Arbitrary<JsonObject>;

/** Some of the fields, each as often as not left out. */
function some(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): Objects {
  return fc.record(fields, { requiredKeys: [] }) as Objects;
}

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, { arbitrary, weight: 1 });
}

/** The fields that are there. */
function present(fields: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as JsonObject;
}

function strings(exact: fc.Arbitrary<string>, patterns: readonly string[]): Objects {
  const whole = exact.filter((text) => text !== "");
  return fc.oneof(
    whole.map((text) => ({ exact: text })),
    whole.map((text) => ({ prefix: text })),
    fc.constantFrom(...patterns).map((text) => ({ regex: text })),
  );
}

const headerMatch: Objects = fc.oneof(
  { arbitrary: strings(anyValue, VALUE_PATTERNS), weight: 4 },
  { arbitrary: fc.constant<JsonObject>({}), weight: 1 },
);
const headerMatches = fc.dictionary(anyHeader, headerMatch, { minKeys: 1, maxKeys: 2 });
const parameters = fc.dictionary(fc.constantFrom(...PARAMETERS), strings(anyValue, VALUE_PATTERNS), {
  minKeys: 1,
  maxKeys: 2,
});

const match: Objects = fc
  .record({
    uri: fc.option(strings(anyPath, PATTERNS), { nil: undefined, freq: 4 }),
    ignoreUriCase: rarely(fc.constant(true)),
    headers: rarely(headerMatches),
    withoutHeaders: rarely(headerMatches),
    queryParams: rarely(parameters),
    method: rarely(anyMethod.map((method) => ({ exact: method }))),
    authority: rarely(
      strings(fc.constantFrom("golden", "shop.test", "golden.default", "SHOP.test"), ["golden.*", ".*test"]),
    ),
    scheme: rarely(fc.constant({ exact: "http" })),
    port: rarely(fc.constantFrom(80, 81)),
    sourceLabels: rarely(fc.constantFrom({ app: "client" }, { app: "other" })),
    gateways: rarely(fc.constantFrom(["mesh"], ["edge"], ["mesh", "edge"])),
  })
  .map(present);

const operations = some({
  set: fc.dictionary(
    fc.constantFrom("x-a", "x-set", "x-empty"),
    fc.constantFrom("by-rule", "%REQ(x-a)%", "%REQ(x-b)%", "100%%", ""),
    { minKeys: 1, maxKeys: 2 },
  ),
  add: fc.dictionary(fc.constantFrom("x-a", "x-added"), fc.constantFrom("more", "%PROTOCOL%"), {
    minKeys: 1,
    maxKeys: 2,
  }),
  remove: fc.uniqueArray(fc.constantFrom("x-b", "user-agent", "x-gone"), { minLength: 1, maxLength: 2 }),
});
const host = fc.constant<JsonObject>({ set: { Host: "by-rule.test" } });
const headers = some({
  request: fc.oneof({ arbitrary: operations, weight: 5 }, { arbitrary: host, weight: 1 }),
  response: operations,
});

const rewrite: Objects = fc.oneof(
  anyPath.map((uri) => ({ uri })),
  fc.constantFrom("/", "", "/new", "/new/").map((uri) => ({ uri: uri || "/" })),
  fc.record({ uri: anyPath, authority: fc.constantFrom("new.test", "silver") }),
  fc.constantFrom("new.test", "New.test:81").map((authority) => ({ authority })),
  fc
    .constantFrom(["/a/(.*)", "/x/\\1"], ["/[0-9]+", "/n"], ["^/(.)", "/\\1\\1"], ["b", "-"])
    .map(([pattern, replacement]) => ({ uriRegexRewrite: { match: pattern, rewrite: replacement } }) as JsonObject),
);

const destination: Objects = fc.constantFrom(
  { host: "golden" },
  { host: "golden", subset: "v1" },
  { host: "golden", subset: "v2" },
  { host: "golden.default.svc.cluster.local", port: { number: 80 } },
  { host: "silver" },
  { host: "golden", subset: "none" },
  { host: "absent.test" },
);

const backends = fc.oneof(
  destination.map((to) => [{ destination: to }]),
  fc.tuple(destination, headers).map(([to, own]) => [{ destination: to, headers: own }]),
  fc.tuple(destination, destination, headers).map(([to, never, own]) => [
    { destination: to, weight: 100, headers: own },
    { destination: never, weight: 0 },
  ]),
);

const retries: Objects = fc.oneof(
  fc.constant<JsonObject>({ attempts: 0 }),
  fc.record({
    attempts: fc.constantFrom(1, 2),
    retryOn: fc.constantFrom("5xx", "gateway-error", "503", "retriable-4xx", "connect-failure"),
  }),
);

const cors: Objects = fc
  .record({
    allowOrigins: fc.constantFrom(
      [{ exact: "http://shop.test" }],
      [{ prefix: "http://" }],
      [{ regex: "http://.*\\.test" }],
    ),
    allowMethods: rarely(fc.constant(["GET", "POST"])),
    allowHeaders: rarely(fc.constant(["x-a"])),
    exposeHeaders: rarely(fc.constant(["x-b"])),
    maxAge: rarely(fc.constant("24h")),
    allowCredentials: rarely(fc.boolean()),
  })
  .map(present);

const abort = fc
  .constantFrom(418, 503, 200)
  .map((httpStatus) => ({ abort: { percentage: { value: 100 }, httpStatus } }));

const forward: Objects = fc
  .record({
    route: backends,
    rewrite: fc.option(rewrite, { nil: undefined, freq: 2 }),
    headers: rarely(headers),
    retries: rarely(retries),
    timeout: rarely(fc.constant("5s")),
    corsPolicy: rarely(cors),
    fault: rarely(abort),
    mirror: rarely(fc.constant({ host: "silver" })),
  })
  // The authority is set once.
  .map(({ rewrite, headers, ...rest }) =>
    present({ ...rest, rewrite, headers: rewrite?.authority ? undefined : headers }),
  );

const redirect: Objects = fc
  .record({
    uri: fc.option(fc.constantFrom("/new", "/new?x=1", "/"), { nil: undefined }),
    authority: fc.option(fc.constantFrom("new.test", "new.test:8080"), { nil: undefined }),
    scheme: rarely(fc.constant("https")),
    port: rarely(fc.constantFrom(80, 443, 8443)),
    redirectCode: fc.option(fc.constantFrom(301, 302, 303, 307, 308), { nil: undefined }),
  })
  .map(({ uri, authority, scheme, port, redirectCode }) => {
    const says = uri ?? authority ?? scheme ?? port;
    return { redirect: present({ uri: says === undefined ? "/" : uri, authority, scheme, port, redirectCode }) };
  });

const direct: Objects = fc
  .record({
    directResponse: fc.record({
      status: fc.constantFrom(200, 204, 404, 503),
      body: fc.constantFrom({ string: "words" }, { string: "" }),
    }),
    headers: rarely(headers),
  })
  .map(present);

const action: Objects = fc.oneof(
  { arbitrary: forward, weight: 5 },
  { arbitrary: redirect, weight: 1 },
  { arbitrary: direct, weight: 1 },
);

const rule: Objects = fc
  .tuple(
    fc.option(fc.array(match, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 6 }),
    rarely(fc.constant("named")),
    action,
  )
  .map(([matches, name, act]) => present({ ...(matches && { match: matches }), name, ...act }));

const delegating: Objects = fc
  .tuple(strings(anyPath, PATTERNS), fc.constant({ delegate: { name: "delegate" } }))
  .map(([uri, act]) => ({ match: [{ uri: uri.regex === undefined ? uri : { prefix: "/a" } }], ...act }) as JsonObject);

function virtualService(
  name: string,
  hosts: readonly string[] | undefined,
  gateways: readonly string[] | undefined,
  http: readonly JsonObject[],
): JsonObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "default" },
    spec: present({ hosts, gateways, http }),
  };
}

/** A delegate's matches are joined with its root's, which nobody can do to a regex. */
function withoutRegexes(http: readonly JsonObject[]): readonly JsonObject[] {
  const text = JSON.stringify(http, (key, value: unknown) =>
    typeof value === "object" && value !== null && "regex" in value ? { exact: key === "uri" ? "/a" : "1" } : value,
  );
  return JSON.parse(text) as readonly JsonObject[];
}

const rules = fc.array(rule, { minLength: 1, maxLength: 4 });

/** Of one service in the mesh, of the gateway's hosts, and what the latter hands on. */
export const virtualServices: fc.Arbitrary<readonly JsonObject[]> = fc
  .record({ mesh: rules, edge: rules, delegating: rarely(delegating), delegate: rules, both: fc.boolean() })
  .map((parts) => [
    virtualService(
      "golden",
      parts.both ? ["golden", "shop.test"] : ["golden"],
      parts.both ? ["mesh", "edge"] : undefined,
      parts.mesh,
    ),
    virtualService(
      "edge",
      parts.both ? EDGE_HOSTS.filter((host) => host !== "shop.test") : ["shop.test", "*.wild.test", "golden.test"],
      ["edge"],
      [...(parts.delegating ? [parts.delegating] : []), ...parts.edge],
    ),
    ...(parts.delegating ? [virtualService("delegate", undefined, undefined, withoutRegexes(parts.delegate))] : []),
  ]);
