import { expect, test } from "bun:test";
import { portOf, withoutPort } from "./authority.ts";
import { NO_ROUTE_FILTERS } from "./filter/filter.ts";
import type { HeaderMatch } from "./header-match.ts";
import { NO_MUTATION } from "./header-mutation.ts";
import { NO_METADATA } from "./metadata.ts";
import type { MetadataMatch } from "./metadata-match.ts";
import type { ConnectionFacts, RequestFacts } from "./request.ts";
import { chooseRoute, chooseWeighted, type Route, type VirtualHost, type WeightedCluster } from "./route.ts";
import { type FoundMetadata, NOTHING_FOUND, type PathMatch } from "./route-match.ts";
import { compileRegex, type StringMatch } from "./string-match.ts";
import { VirtualHosts } from "./virtual-hosts.ts";

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

function request(path: string, headers: string[] = [], method = "GET"): RequestFacts {
  return { method, scheme: "http", authority: "a", path, headers };
}

function route(
  name: string,
  path: PathMatch,
  headers: HeaderMatch[] = [],
  query: { name: string; match: StringMatch | undefined }[] = [],
): Route {
  const always = path.kind === "prefix" && path.text === "/" && headers.length === 0 && query.length === 0;
  return {
    name,
    match: { path, headers, query, metadata: [], grpc: false, certificate: undefined, fraction: undefined, always },
    action: { kind: "direct", status: 200, body: "" },
    headers: NO_MUTATION,
    filters: NO_ROUTE_FILTERS,
    metadata: NO_METADATA,
    origin: undefined,
  };
}

function hostOf(...routes: Route[]): VirtualHost {
  return {
    name: "v",
    domains: ["*"],
    routes,
    rateLimits: [],
    attemptCountHeader: false,
    attemptCountInResponse: false,
    requireTls: "none",
  };
}

const prefix = (text: string): PathMatch => ({ kind: "prefix", text, ignoreCase: false });
const exact = (text: string): StringMatch => ({ kind: "exact", text, ignoreCase: false });
const header = (name: string, changes: Partial<HeaderMatch> = {}): HeaderMatch => ({
  name,
  test: { kind: "present" },
  invert: false,
  missingAsEmpty: false,
  ...changes,
});
const chosen = (host: VirtualHost, facts: RequestFacts) => chooseRoute(host, facts, CONNECTION, 0, NOTHING_FOUND)?.name;

test("the first route that matches wins", () => {
  const host = hostOf(route("v2", prefix("/v2")), route("rest", prefix("/")), route("never", prefix("/v2/x")));
  expect(chosen(host, request("/v2/x"))).toBe("v2");
  expect(chosen(host, request("/other"))).toBe("rest");
});

test("a prefix matches inside a segment, segments do not", () => {
  expect(chosen(hostOf(route("p", prefix("/foo"))), request("/foobar"))).toBe("p");
  const segments = hostOf(route("s", { kind: "segments", text: "/foo", ignoreCase: false }));
  expect(chosen(segments, request("/foobar"))).toBeUndefined();
  expect(chosen(segments, request("/foo/bar?x=1"))).toBe("s");
  expect(chosen(segments, request("/foo?x=1"))).toBe("s");
});

test("exact paths and regular expressions see no query, and expressions match whole", () => {
  const regex = compileRegex("/v[0-9]+");
  if ("error" in regex) throw new Error(regex.error);
  const host = hostOf(
    route("e", { kind: "string", match: exact("/a") }),
    route("r", { kind: "string", match: { kind: "regex", pattern: regex.pattern } }),
  );
  expect(chosen(host, request("/a?b=c"))).toBe("e");
  expect(chosen(host, request("/v12?b"))).toBe("r");
  expect(chosen(host, request("/v12/x"))).toBeUndefined();
});

test("headers: all must match, each of repeated values counts by itself, absence matches only what says so", () => {
  const two = header("x-version", { test: { kind: "string", match: exact("two") } });
  const not = { ...two, invert: true };
  expect(chosen(hostOf(route("h", prefix("/"), [two])), request("/", ["x-version", "two"]))).toBe("h");
  const twoAndThree = request("/", ["x-version", "two", "x-version", "three"]);
  expect(chosen(hostOf(route("h", prefix("/"), [two])), twoAndThree)).toBe("h");
  expect(chosen(hostOf(route("h", prefix("/"), [not])), twoAndThree)).toBeUndefined();
  expect(chosen(hostOf(route("h", prefix("/"), [not])), request("/"))).toBeUndefined();
  expect(chosen(hostOf(route("h", prefix("/"), [{ ...not, missingAsEmpty: true }])), request("/"))).toBe("h");
  expect(chosen(hostOf(route("h", prefix("/"), [header("x-a", { invert: true })])), request("/"))).toBe("h");
  expect(
    chosen(
      hostOf(route("h", prefix("/"), [header("x-n", { test: { kind: "range", start: -1, end: 10 } })])),
      request("/", ["x-n", "9"]),
    ),
  ).toBe("h");
  expect(
    chosen(
      hostOf(route("h", prefix("/"), [header("x-n", { test: { kind: "range", start: -1, end: 10 } })])),
      request("/", ["x-n", "9x"]),
    ),
  ).toBeUndefined();
});

test("query parameters are compared raw, the first of a name counts", () => {
  const host = hostOf(route("q", prefix("/"), [], [{ name: "a", match: exact("1") }]));
  expect(chosen(host, request("/?a=1&a=2"))).toBe("q");
  expect(chosen(host, request("/?a=%31"))).toBeUndefined();
  expect(chosen(hostOf(route("q", prefix("/"), [], [{ name: "a", match: undefined }])), request("/?b&a"))).toBe("q");
});

test("a plain CONNECT matches connect routes alone", () => {
  const host = hostOf(route("rest", prefix("/")), route("tunnel", { kind: "connect" }));
  expect(chosen(host, request("", [], "CONNECT"))).toBe("tunnel");
  expect(chosen(host, request("/"))).toBe("rest");
});

test("weights divide the unit interval", () => {
  const clusters: WeightedCluster[] = [
    {
      name: "v1",
      weight: 80,
      upTo: 80,
      headers: NO_MUTATION,
      filters: undefined,
      hostRewrite: undefined,
      metadataMatch: undefined,
    },
    {
      name: "none",
      weight: 0,
      upTo: 80,
      headers: NO_MUTATION,
      filters: undefined,
      hostRewrite: undefined,
      metadataMatch: undefined,
    },
    {
      name: "v2",
      weight: 20,
      upTo: 100,
      headers: NO_MUTATION,
      filters: undefined,
      hostRewrite: undefined,
      metadataMatch: undefined,
    },
  ];
  expect(chooseWeighted(clusters, 100, 0).name).toBe("v1");
  expect(chooseWeighted(clusters, 100, 0.7999).name).toBe("v1");
  expect(chooseWeighted(clusters, 100, 0.8).name).toBe("v2");
  expect(chooseWeighted(clusters, 100, 0.9999).name).toBe("v2");
});

test("virtual hosts: exact before the longest suffix, before the longest prefix, before *", () => {
  const host = (name: string, ...domains: string[]): VirtualHost => ({ ...hostOf(), name, domains });
  const hosts = new VirtualHosts(
    [
      host("any", "*"),
      host("suffix", "*.example.com"),
      host("longer", "*.b.example.com"),
      host("prefix", "web.*"),
      host("exact", "a.example.com"),
    ],
    true,
  );
  expect(hosts.find("A.example.com:8080")?.name).toBe("exact");
  expect(hosts.find("x.b.example.com")?.name).toBe("longer");
  expect(hosts.find("x.example.com")?.name).toBe("suffix");
  expect(hosts.find("example.com")?.name).toBe("any");
  expect(hosts.find("web.local")?.name).toBe("prefix");
  expect(new VirtualHosts([host("exact", "a:80")], false).find("a:80")?.name).toBe("exact");
  expect(new VirtualHosts([host("exact", "a")], false).find("a:80")).toBeUndefined();
});

test("ports of authorities", () => {
  expect(withoutPort("[::1]:80")).toBe("[::1]");
  expect(withoutPort("[::1]")).toBe("[::1]");
  expect(withoutPort("a:b")).toBe("a:b");
  expect(portOf("a:80")).toBe(80);
  expect(portOf("a")).toBeUndefined();
  expect(portOf("a:99999")).toBeUndefined();
});

test("routes look at what filters found out: one that asks for a claim, one for its absence", () => {
  const admins: MetadataMatch = {
    namespace: "jwt",
    path: ["payload", "groups"],
    value: { kind: "element", match: { kind: "string", match: exact("admins") } },
    invert: false,
  };
  const asking = (name: string, match: MetadataMatch): Route => {
    const made = route(name, prefix("/"));
    return { ...made, match: { ...made.match, metadata: [match], always: false } };
  };
  const host = hostOf(
    asking("admins", admins),
    asking("others", { ...admins, invert: true }),
    route("rest", prefix("/")),
  );
  const found = (groups: readonly string[] | undefined): FoundMetadata => ({
    metadata: (of) => (of === "dynamic" && groups ? { jwt: { payload: { groups: [...groups] } } } : undefined),
  });
  const by = (groups: readonly string[] | undefined) =>
    chooseRoute(host, request("/"), CONNECTION, 0, found(groups))?.name;
  expect([by(["users", "admins"]), by(["users"]), by(undefined)]).toEqual(["admins", "others", "others"]);
});
