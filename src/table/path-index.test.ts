import { expect, test } from "bun:test";
import fc from "fast-check";
import { NO_ROUTE_FILTERS } from "./filter/filter.ts";
import { NO_MUTATION } from "./header-mutation.ts";
import { NO_METADATA } from "./metadata.ts";
import { PathIndex } from "./path-index.ts";
import type { ConnectionFacts, RequestFacts } from "./request.ts";
import { chooseRoute, type Route, type VirtualHost } from "./route.ts";
import { NOTHING_FOUND, type PathMatch } from "./route-match.ts";
import { compileRegex } from "./string-match.ts";

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

function request(path: string, method = "GET"): RequestFacts {
  return { method, scheme: "http", authority: "a", path, headers: [] };
}

function route(path: PathMatch, i: number): Route {
  return {
    name: String(i),
    match: {
      path,
      headers: [],
      query: [],
      metadata: [],
      grpc: false,
      certificate: undefined,
      fraction: undefined,
      always: false,
    },
    action: { kind: "direct", status: 200, body: "" },
    headers: NO_MUTATION,
    filters: NO_ROUTE_FILTERS,
    metadata: NO_METADATA,
    origin: undefined,
  };
}

function hostOf(paths: readonly PathMatch[], index: PathIndex | undefined): VirtualHost {
  const flags = {
    rateLimits: [],
    attemptCountHeader: false,
    attemptCountInResponse: false,
    requireTls: "none",
  } as const;
  return { name: "v", domains: ["*"], routes: paths.map(route), paths: index, ...flags };
}

const regex = compileRegex("/a.*");
if ("error" in regex) throw new Error(regex.error);
// Short texts of few letters, so that one often begins another.
const text = fc.string({ unit: fc.constantFrom("/", "a", "B", "é"), minLength: 1, maxLength: 6 });
const ignoreCase = fc.boolean();
const path: fc.Arbitrary<PathMatch> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("prefix", "segments"), text, ignoreCase: fc.constant(false) }),
  },
  fc
    .record({ kind: fc.constantFrom("prefix", "segments"), text, ignoreCase })
    .map((match) => (match.ignoreCase ? { ...match, text: match.text.toLowerCase() } : match)),
  fc.record({
    kind: fc.constant("string" as const),
    match: fc.record({ kind: fc.constantFrom("exact", "suffix"), text, ignoreCase: fc.constant(false) }),
  }),
  fc.constant({ kind: "string", match: { kind: "regex", pattern: regex.pattern } } as const),
  fc.constant({ kind: "connect" } as const),
);

test("the route is the one that is found without an index, for any paths, queries and methods", () => {
  const target = fc.tuple(text, fc.constantFrom("", "?q=/a")).map((parts) => parts.join(""));
  const asked = fc.record({ path: fc.oneof(target, fc.constant("")), method: fc.constantFrom("GET", "CONNECT") });
  let indexed = 0;
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), fc.array(asked, { maxLength: 4 }), (paths, requests) => {
      const index = PathIndex.of(paths);
      if (index) indexed++;
      for (const { path, method } of requests) {
        const found = chooseRoute(hostOf(paths, index), request(path, method), CONNECTION, 0, NOTHING_FOUND);
        const plain = chooseRoute(hostOf(paths, undefined), request(path, method), CONNECTION, 0, NOTHING_FOUND);
        expect(found?.name ?? "none").toBe(plain?.name ?? "none");
      }
    }),
    { numRuns: 500 },
  );
  expect(indexed).toBeGreaterThan(50);
});

test("of many prefixes only those are asked that begin the path; long ones count too", () => {
  const long = `/${"x".repeat(400)}`;
  const prefix = (text: string): PathMatch => ({ kind: "prefix", text, ignoreCase: false });
  const index = PathIndex.of([prefix("/a"), prefix("/b"), prefix(long), prefix(`${long}y`), prefix("/")])!;
  const asked = (path: string) => {
    const found: number[] = [];
    for (let i = index.next(path, 0); i >= 0; i = index.next(path, i + 1)) found.push(i);
    return found;
  };
  expect(asked("/b/c")).toEqual([1, 4]);
  expect(asked("/")).toEqual([4]);
  expect(asked("")).toEqual([]);
  expect(asked(long)).toEqual([2, 3, 4]); // the two differ beyond what is hashed
  expect(asked("/a")).toEqual([0, 4]);
});

test("few routes, or such as have no beginning, need none", () => {
  expect(PathIndex.of([{ kind: "prefix", text: "/", ignoreCase: false }])).toBeUndefined();
  expect(PathIndex.of(Array.from({ length: 9 }, () => ({ kind: "connect" })))).toBeUndefined();
});
