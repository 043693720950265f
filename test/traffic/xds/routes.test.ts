// Which route a request takes. The answer is the route's own, so that one leg tells all there is to tell.

import { expect } from "bun:test";
import type { Client } from "./client.ts";
import { DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import type { RequestOptions } from "./response.ts";
import { refused, traffic } from "./traffic.ts";
import type { Field } from "./wire.ts";

/** A route that answers with its own name. */
function named(name: string, match: Message): Message {
  return { name, match, direct_response: { status: 200, body: { inline_string: name } } };
}

async function take(client: Client, path: string, options: RequestOptions = {}): Promise<string> {
  const response = await client.request(path, options);
  return response.status === 200 ? response.text : String(response.status);
}

traffic(
  "paths match exactly, by prefix, by segments and by regular expression, first match first",
  {
    legs: DIRECT,
    routes: [
      named("exact", { path: "/exact" }),
      named("segments", { path_separated_prefix: "/api" }),
      named("regex", { safe_regex: { regex: "/item/[0-9]+" } }),
      named("prefix", { prefix: "/pre" }),
      named("shadowed", { path: "/prefix-comes-first" }),
    ],
  },
  async ({ client, logs }) => {
    expect(await take(client, "/exact")).toBe("exact");
    expect(await take(client, "/exact?query=does-not-count")).toBe("exact");
    expect(await take(client, "/exact/")).toBe("404");
    expect(await take(client, "/Exact")).toBe("404");
    expect(await take(client, "/api")).toBe("segments");
    expect(await take(client, "/api/v1")).toBe("segments");
    expect(await take(client, "/api?x")).toBe("segments");
    expect(await take(client, "/apis")).toBe("404");
    expect(await take(client, "/item/42")).toBe("regex");
    expect(await take(client, "/item/42?x=/item")).toBe("regex");
    expect(await take(client, "/item/42/parts")).toBe("404");
    expect(await take(client, "/x/item/42")).toBe("404");
    expect(await take(client, "/prefix-comes-first")).toBe("prefix");
    expect(await take(client, "/pre")).toBe("prefix");
    expect((await logs(1))[0]).toMatchObject({ route: "exact", details: "direct_response", flags: "-" });
  },
);

traffic(
  "paths match without regard to case where the route says so",
  {
    legs: DIRECT,
    routes: [
      named("exact", { path: "/Exact", case_sensitive: false }),
      named("prefix", { prefix: "/Pre", case_sensitive: false }),
      named("segments", { path_separated_prefix: "/Api", case_sensitive: false }),
    ],
  },
  async ({ client }) => {
    expect(await take(client, "/eXACT")).toBe("exact");
    expect(await take(client, "/pREfix")).toBe("prefix");
    expect(await take(client, "/aPI/x")).toBe("segments");
  },
);

const HEADER_KINDS: readonly (readonly [
  name: string,
  matcher: Message,
  hits: readonly string[],
  misses: readonly string[],
])[] = [
  ["exact", { string_match: { exact: "jane" } }, ["jane"], ["Jane", "jane doe"]],
  ["exact-ignoring-case", { string_match: { exact: "Jane", ignore_case: true } }, ["jANE"], ["janet"]],
  ["prefix", { string_match: { prefix: "ja" } }, ["ja", "jane"], ["xja"]],
  ["suffix", { string_match: { suffix: "ne" } }, ["jane"], ["janet"]],
  ["contains", { string_match: { contains: "an" } }, ["jane"], ["jne"]],
  ["regex", { string_match: { safe_regex: { regex: "j.*e" } } }, ["jane"], ["janet", "xjane"]],
  ["range", { range_match: { start: "-5", end: "10" } }, ["-5", "0", "9"], ["10", "-6", "9.5", "x", "9x", ""]],
  ["inverted", { string_match: { exact: "jane" }, invert_match: true }, ["joe"], ["jane"]],
];

traffic(
  "headers match by every kind of matcher",
  {
    legs: DIRECT,
    routes: HEADER_KINDS.map(([name, matcher]) =>
      named(name, { path: `/${name}`, headers: [{ name: "X-User", ...matcher }] }),
    ),
  },
  async ({ client }) => {
    const connection = await client.http1();
    for (const [name, , hits, misses] of HEADER_KINDS) {
      for (const value of hits)
        expect([name, value, (await connection.request(`/${name}`, { headers: { "x-user": value } })).status]).toEqual([
          name,
          value,
          200,
        ]);
      for (const value of misses)
        expect([name, value, (await connection.request(`/${name}`, { headers: { "x-user": value } })).status]).toEqual([
          name,
          value,
          404,
        ]);
    }
  },
);

traffic(
  "headers match by presence and absence; a missing header can stand for an empty one",
  {
    legs: DIRECT,
    routes: [
      named("present", { path: "/present", headers: [{ name: "x-user", present_match: true }] }),
      named("absent", { path: "/absent", headers: [{ name: "x-user", present_match: false }] }),
      named("not-present", {
        path: "/not-present",
        headers: [{ name: "x-user", present_match: true, invert_match: true }],
      }),
      named("inverted", {
        path: "/inverted",
        headers: [{ name: "x-user", string_match: { exact: "jane" }, invert_match: true }],
      }),
      named("empty", {
        path: "/empty",
        headers: [
          { name: "x-user", string_match: { exact: "jane" }, invert_match: true, treat_missing_header_as_empty: true },
        ],
      }),
    ],
  },
  async ({ client }) => {
    const withUser = { headers: { "x-user": "joe" } };
    expect(await take(client, "/present", withUser)).toBe("present");
    expect(await take(client, "/present", { headers: { "x-user": "" } })).toBe("present");
    expect(await take(client, "/present")).toBe("404");
    expect(await take(client, "/absent")).toBe("absent");
    expect(await take(client, "/absent", withUser)).toBe("404");
    expect(await take(client, "/not-present")).toBe("not-present");
    expect(await take(client, "/not-present", withUser)).toBe("404");
    expect(await take(client, "/inverted", withUser)).toBe("inverted");
    expect(await take(client, "/inverted")).toBe("404");
    expect(await take(client, "/empty")).toBe("empty");
  },
);

const TWICE: readonly (readonly [name: string, matcher: Message, isHit: boolean])[] = [
  ["first", { string_match: { exact: "jane" } }, true],
  ["second", { string_match: { exact: "joe" } }, true],
  ["joined", { string_match: { exact: "jane,joe" } }, false],
  ["across", { string_match: { contains: "e,j" } }, false],
  ["not-first", { string_match: { exact: "jane" }, invert_match: true }, false],
  ["not-second", { string_match: { exact: "joe" }, invert_match: true }, false],
  ["neither", { string_match: { exact: "jim" }, invert_match: true }, true],
];

traffic(
  "each value of a header that comes twice is matched by itself: none hides behind another",
  {
    legs: DIRECT,
    routes: TWICE.map(([name, matcher]) =>
      named(name, { path: `/${name}`, headers: [{ name: "x-user", ...matcher }] }),
    ),
  },
  async ({ client }) => {
    const headers: readonly Field[] = [
      ["x-user", "jane"],
      ["x-user", "joe"],
    ];
    for (const [name, , isHit] of TWICE)
      expect([name, (await client.request(`/${name}`, { headers })).status]).toEqual([name, isHit ? 200 : 404]);
  },
);

traffic(
  "method and authority match as pseudo-headers",
  {
    legs: DIRECT,
    routes: [
      named("post", { prefix: "/", headers: [{ name: ":method", string_match: { exact: "POST" } }] }),
      named("authority", { prefix: "/", headers: [{ name: ":authority", string_match: { prefix: "other." } }] }),
      named("path", { prefix: "/", headers: [{ name: ":path", string_match: { suffix: "?last" } }] }),
    ],
  },
  async ({ client }) => {
    expect(await take(client, "/", { method: "POST", body: "" })).toBe("post");
    expect(await take(client, "/", { authority: "other.test" })).toBe("authority");
    expect(await take(client, "/?last")).toBe("path");
    expect(await take(client, "/")).toBe("404");
  },
);

traffic(
  "query parameters match by value, by regular expression and by presence",
  {
    legs: DIRECT,
    routes: [
      named("exact", { prefix: "/", query_parameters: [{ name: "user", string_match: { exact: "jane" } }] }),
      named("regex", {
        prefix: "/",
        query_parameters: [{ name: "id", string_match: { safe_regex: { regex: "[0-9]+" } } }],
      }),
      named("present", { prefix: "/", query_parameters: [{ name: "debug", present_match: true }] }),
      named("both", {
        prefix: "/",
        query_parameters: [
          { name: "a", string_match: { exact: "1" } },
          { name: "b", string_match: { exact: "2" } },
        ],
      }),
    ],
  },
  async ({ client }) => {
    expect(await take(client, "/?user=jane")).toBe("exact");
    expect(await take(client, "/?x=1&user=jane&y")).toBe("exact");
    expect(await take(client, "/?user=jane&user=joe")).toBe("exact");
    expect(await take(client, "/?user=joe&user=jane")).toBe("404");
    expect(await take(client, "/?User=jane")).toBe("404");
    expect(await take(client, "/?id=42")).toBe("regex");
    expect(await take(client, "/?id=42x")).toBe("404");
    expect(await take(client, "/?debug")).toBe("present");
    expect(await take(client, "/?debug=")).toBe("present");
    expect(await take(client, "/?b=2&a=1")).toBe("both");
    expect(await take(client, "/?b=2")).toBe("404");
    expect(await take(client, "/?user=%6aane")).toBe("404");
  },
);

function host(name: string, ...domains: string[]): Message {
  return { name, domains, routes: [named(name, { prefix: "/" })] };
}

traffic(
  "a virtual host is chosen by the most specific domain",
  {
    legs: DIRECT,
    virtualHosts: [
      host("exact", "a.example.com"),
      host("suffix", "*.example.com"),
      host("longer-suffix", "*.b.example.com"),
      host("prefix", "www.*"),
      host("with-port", "c.example.com:8080"),
      host("rest", "*"),
    ],
  },
  async ({ client }) => {
    const at = (authority: string) => take(client, "/", { authority });
    expect(await at("a.example.com")).toBe("exact");
    expect(await at("A.Example.COM")).toBe("exact");
    expect(await at("x.example.com")).toBe("suffix");
    expect(await at("x.y.example.com")).toBe("suffix");
    expect(await at("x.b.example.com")).toBe("longer-suffix");
    expect(await at("b.example.com")).toBe("suffix");
    expect(await at("www.other.org")).toBe("prefix");
    expect(await at("www.example.com")).toBe("suffix");
    expect(await at("c.example.com:8080")).toBe("with-port");
    expect(await at("c.example.com")).toBe("suffix");
    expect(await at("a.example.com:80")).toBe("rest");
    expect(await at("example.com")).toBe("rest");
  },
);

traffic(
  "the port of the authority is left out of account where the routes say so",
  {
    legs: DIRECT,
    virtualHosts: [host("exact", "a.example.com"), host("rest", "*")],
    routeConfiguration: { ignore_port_in_host_matching: true },
  },
  async ({ client }) => {
    expect(await take(client, "/", { authority: "a.example.com:8080" })).toBe("exact");
  },
);

traffic(
  "no route is 404 NR, and an unknown virtual host is, too",
  { legs: DIRECT, virtualHosts: [{ name: "a", domains: ["a.test"], routes: [named("only", { path: "/only" })] }] },
  async ({ client, logs }) => {
    const none = await client.request("/other", { authority: "a.test" });
    expect([none.status, none.text, none.header("content-length")]).toEqual([404, "", "0"]);
    expect((await client.request("/only", { authority: "b.test" })).status).toBe(404);
    const lines = await logs(2);
    for (const line of lines)
      expect(line).toMatchObject({ code: "404", flags: "NR", details: "route_not_found", cluster: "-" });
  },
);

traffic(
  "an unknown cluster is 503 NC, or what the route says",
  {
    legs: DIRECT,
    routes: [
      { match: { path: "/503" }, route: { cluster: "nowhere" } },
      { match: { path: "/404" }, route: { cluster: "nowhere", cluster_not_found_response_code: "NOT_FOUND" } },
      {
        match: { path: "/500" },
        route: { cluster: "nowhere", cluster_not_found_response_code: "INTERNAL_SERVER_ERROR" },
      },
    ],
  },
  async ({ client, logs }) => {
    expect((await client.request("/503")).status).toBe(503);
    expect((await client.request("/404")).status).toBe(404);
    expect((await client.request("/500")).status).toBe(500);
    for (const line of await logs(3)) expect(line).toMatchObject({ flags: "NC", details: "cluster_not_found" });
  },
);

traffic(
  "weights divide the requests among clusters, each with header operations of its own",
  {
    route: {
      cluster: null,
      weighted_clusters: {
        clusters: [
          {
            name: "one",
            weight: 75,
            request_headers_to_add: [{ header: { key: "x-chosen", value: "one" } }],
            response_headers_to_add: [{ header: { key: "x-by", value: "one" } }],
          },
          { name: "two", weight: 25, response_headers_to_add: [{ header: { key: "x-by", value: "two" } }] },
          { name: "three", weight: 0 },
        ],
      },
    },
    clusters: { one: { endpoints: ["v1"] }, two: { endpoints: ["v2"] }, three: { endpoints: ["v3"] } },
  },
  async ({ client, application }) => {
    const responses = await client.inTurn(100, "/");
    expect(responses.every(({ status }) => status === 200)).toBe(true);
    for (const { echo, header } of responses) {
      expect(header("x-by")).toBe(echo.app === "v1" ? "one" : "two");
      expect(echo.headers.some(([name]) => name === "x-chosen")).toBe(echo.app === "v1");
    }
    // 75 ± 6 standard deviations
    expect(application.v1.requests.length).toBeGreaterThan(49);
    expect(application.v1.requests.length).toBeLessThan(100);
    expect(application.v3.requests).toHaveLength(0);
  },
);

traffic(
  "a direct response has the route's status, body and header operations",
  {
    legs: DIRECT,
    routes: [
      {
        name: "teapot",
        match: { prefix: "/" },
        direct_response: { status: 418, body: { inline_string: "short and stout" } },
        response_headers_to_add: [{ header: { key: "x-pot", value: "tea" } }],
      },
    ],
  },
  async ({ client, logs }) => {
    const response = await client.request("/");
    expect([response.status, response.text, response.header("x-pot")]).toEqual([418, "short and stout", "tea"]);
    expect(response.header("content-type")).toBe("text/plain");
    expect(response.header("content-length")).toBe("15");
    const head = await client.request("/", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([418, ""]);
    const [line] = await logs(1);
    expect(line).toMatchObject({
      code: "418",
      flags: "-",
      details: "direct_response",
      route: "teapot",
      cluster: "-",
      sent: "15",
    });
  },
);

traffic(
  "redirects change scheme, host, port, path and query",
  {
    legs: DIRECT,
    routes: [
      { match: { path: "/host" }, redirect: { host_redirect: "new.test" } },
      { match: { path: "/https" }, redirect: { https_redirect: true } },
      { match: { path: "/port" }, redirect: { port_redirect: 8443, response_code: "FOUND" } },
      { match: { path: "/path" }, redirect: { path_redirect: "/there", response_code: "SEE_OTHER" } },
      { match: { path: "/path-query" }, redirect: { path_redirect: "/there?own=1" } },
      { match: { path: "/relative" }, redirect: { path_redirect: "there" } },
      { match: { path: "/relative-query" }, redirect: { path_redirect: "?own=1" } },
      { match: { prefix: "/relative-prefix/" }, redirect: { prefix_rewrite: "new/" } },
      {
        match: { path: "/strip" },
        redirect: { path_redirect: "/there", strip_query: true, response_code: "TEMPORARY_REDIRECT" },
      },
      { match: { prefix: "/old/" }, redirect: { prefix_rewrite: "/new/", response_code: "PERMANENT_REDIRECT" } },
      {
        match: { path: "/all" },
        redirect: { scheme_redirect: "https", host_redirect: "new.test", port_redirect: 8443, path_redirect: "/x" },
      },
    ],
  },
  async ({ client, logs }) => {
    const to = async (path: string, authority = "a.test") => {
      const response = await client.request(path, { authority });
      expect([response.text, response.header("content-length")]).toEqual(["", "0"]);
      return `${response.status} ${response.header("location")}`;
    };
    expect(await to("/host?q=1")).toBe("301 http://new.test/host?q=1");
    expect(await to("/host", "a.test:8080")).toBe("301 http://new.test/host");
    expect(await to("/https")).toBe("301 https://a.test/https");
    expect(await to("/https", "a.test:80")).toBe("301 https://a.test/https");
    expect(await to("/https", "a.test:8080")).toBe("301 https://a.test:8080/https");
    expect(await to("/https", "a.test:443")).toBe("301 https://a.test:443/https");
    expect(await to("/relative", "a.test:80")).toBe("301 http://a.test:80/there");
    expect(await to("/relative", "a.test:8080")).toBe("301 http://a.test:8080/there");
    expect(await to("/port")).toBe("302 http://a.test:8443/port");
    expect(await to("/port", "a.test:80")).toBe("302 http://a.test:8443/port");
    expect(await to("/path?q=1")).toBe("303 http://a.test/there?q=1");
    expect(await to("/path-query?q=1")).toBe("301 http://a.test/there?own=1");
    expect(await to("/relative?q=1")).toBe("301 http://a.test/there?q=1");
    expect(await to("/relative-query?q=1")).toBe("301 http://a.test/?own=1");
    expect(await to("/relative-prefix/x?q=1")).toBe("301 http://a.test/new/x?q=1");
    expect(await to("/strip?q=1")).toBe("307 http://a.test/there");
    expect(await to("/old/x?q=1")).toBe("308 http://a.test/new/x?q=1");
    expect(await to("/all")).toBe("301 https://new.test:8443/x");
    expect((await logs(1))[0]).toMatchObject({ code: "301", flags: "-", details: "direct_response" });
  },
);

traffic(
  "a port that a redirect names is written, the scheme's own, too",
  {
    legs: DIRECT,
    routes: [{ match: { prefix: "/" }, redirect: { scheme_redirect: "https", port_redirect: 443 } }],
  },
  async ({ client }) => {
    expect((await client.request("/", { authority: "a.test" })).header("location")).toBe("https://a.test:443/");
  },
);

refused(
  "two virtual hosts of one domain",
  { virtualHosts: [host("a", "same.test"), host("b", "same.test")] },
  (reason) => expect(reason).toContain("same.test"),
);

refused(
  "weights that add up to nothing",
  {
    clusters: { one: {} },
    route: { cluster: null, weighted_clusters: { clusters: [{ name: "one", weight: 0 }] } },
  },
  (reason) => expect(reason.toLowerCase()).toContain("weight"),
);
