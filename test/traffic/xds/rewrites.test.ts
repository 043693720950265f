// Paths and hosts as a route rewrites them.

import { expect } from "bun:test";
import type { Received } from "./behaviour.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf, fieldsOf } from "./wire.ts";

function only(requests: readonly Received[]): Received {
  expect(requests).toHaveLength(1);
  return requests[0]!;
}

function leadsTo(match: Message, route: Message): Message {
  return { match, route: { cluster: "upstream", ...route } };
}

traffic(
  "a path is rewritten by a regular expression, with groups, and its query stays",
  {
    route: {
      regex_rewrite: {
        pattern: { regex: "^/service/([^/]+)(/.*)$" },
        substitution: "\\2/instance/\\1",
      },
    },
  },
  async ({ client, application }) => {
    await client.request("/service/foo/v1/api?a=/service/b/c");
    const { path, headers } = only(application.requests);
    expect(path).toBe("/v1/api/instance/foo?a=/service/b/c");
    expect(fieldOf(headers, "x-envoy-original-path")).toBe("/service/foo/v1/api?a=/service/b/c");
  },
);

traffic(
  "every match of a regular expression is rewritten, and a path that has none stays as it is",
  { route: { regex_rewrite: { pattern: { regex: "one" }, substitution: "two\\\\" } }, legs: DIRECT },
  async ({ client, application }) => {
    await client.request("/xone/one");
    await client.request("/none?one");
    expect(application.v1.requests.map(({ path }) => path)).toEqual(["/xtwo\\/two\\", "/ntwo\\?one"]);
  },
);

traffic(
  "a prefix rewrite replaces what the route's path matched, whatever kind of match it is",
  {
    legs: DIRECT,
    routes: [
      leadsTo({ prefix: "/p/" }, { prefix_rewrite: "/" }),
      leadsTo({ path: "/exact" }, { prefix_rewrite: "/whole" }),
      leadsTo({ path_separated_prefix: "/sep" }, { prefix_rewrite: "/other" }),
      leadsTo({ safe_regex: { regex: "/re/.*" } }, { prefix_rewrite: "/all" }),
    ],
  },
  async ({ client, application }) => {
    for (const path of ["/p/a?q", "/exact?q=1", "/sep", "/sep/b", "/re/x/y?z"]) await client.request(path);
    expect(application.v1.requests.map(({ path }) => path)).toEqual([
      "/a?q",
      "/whole?q=1",
      "/other",
      "/other/b",
      "/all?z",
    ]);
  },
);

traffic(
  "a host is rewritten to a literal, a header's value, or by the path",
  {
    routes: [
      leadsTo({ prefix: "/literal" }, { host_rewrite_literal: "literal.test" }),
      leadsTo({ prefix: "/header" }, { host_rewrite_header: "X-Host" }),
      leadsTo(
        { prefix: "/path" },
        { host_rewrite_path_regex: { pattern: { regex: "^/path/([^/]+)/.*$" }, substitution: "\\1.test" } },
      ),
    ],
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.request("/literal");
    await client.request("/header", { headers: [["x-host", "from.header"]] });
    await client.request("/header");
    await client.request("/path/one/two?three");
    expect(application.v1.requests.map(({ authority }) => authority)).toEqual([
      "literal.test",
      "from.header",
      "upstream.test",
      "one.test",
    ]);
  },
);

traffic(
  "the host that was replaced goes on in x-forwarded-host where the route says so",
  { route: { host_rewrite_literal: "new.test", append_x_forwarded_host: true }, legs: DIRECT },
  async ({ client, application }) => {
    await client.request("/", { headers: [["x-forwarded-host", "first.test"]] });
    const { headers, authority } = only(application.requests);
    expect(authority).toBe("new.test");
    expect(fieldsOf(headers, "x-forwarded-host").join(",")).toBe("first.test,upstream.test");
    expect(fieldOf(headers, "x-envoy-original-host")).toBe("upstream.test");
  },
);

traffic(
  "auto_host_rewrite takes the name of the endpoint that was chosen",
  {
    route: { auto_host_rewrite: true },
    endpoints: [{ to: "v1", fields: { endpoint: { hostname: "endpoint.test" } } }],
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.request("/");
    expect(only(application.requests).authority).toBe("endpoint.test");
  },
);

traffic(
  "a weighted cluster rewrites the host where the route does not",
  {
    route: {
      cluster: null,
      weighted_clusters: { clusters: [{ name: "upstream", weight: 1, host_rewrite_literal: "weighted.test" }] },
    } as unknown as Message,
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.request("/");
    expect(only(application.requests).authority).toBe("weighted.test");
  },
);

traffic(
  "redirects rewrite the path by a regular expression",
  {
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/" },
        redirect: {
          host_redirect: "other.test",
          response_code: "PERMANENT_REDIRECT",
          regex_rewrite: { pattern: { regex: "^/old/(.*)$" }, substitution: "/new/\\1" },
        },
      },
    ],
  },
  async ({ client }) => {
    const { status, headers } = await client.request("/old/a?b=c");
    expect(status).toBe(308);
    expect(fieldOf(headers, "location")).toBe("http://other.test/new/a?b=c");
  },
);

traffic(
  "a virtual host that requires TLS redirects what came without",
  { virtualHost: { require_tls: "ALL" }, legs: DIRECT },
  async ({ client, application }) => {
    const { status, headers } = await client.request("/a?b");
    expect(status).toBe(301);
    expect(fieldOf(headers, "location")).toBe("https://upstream.test/a?b");
    expect(application.requests).toEqual([]);
  },
);

traffic(
  "a direct response may be bytes",
  {
    legs: DIRECT,
    routes: [
      { match: { prefix: "/" }, direct_response: { status: 418, body: { inline_bytes: btoa("\x00\xff tea") } } },
    ],
  },
  async ({ client }) => {
    const { status, body } = await client.request("/");
    expect([status, Buffer.from(body).toString("latin1")]).toEqual([418, "\x00\xff tea"]);
  },
);

traffic(
  "a router that suppresses Envoy's headers tells nobody what it did",
  {
    legs: DIRECT,
    route: { prefix_rewrite: "/other", host_rewrite_literal: "other.test", timeout: "5s" },
    manager: {
      http_filters: [
        extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router", {
          suppress_envoy_headers: true,
        }),
      ],
    },
  },
  async ({ client, application }) => {
    const response = await client.request("/x");
    const { path, headers } = only(application.requests);
    expect(path).toBe("/otherx");
    expect(headers.filter(([name]) => name.startsWith("x-envoy-"))).toEqual([]);
    expect(response.header("x-envoy-upstream-service-time")).toBeUndefined();
  },
);

traffic(
  "a router that suppresses Envoy's headers does not say that it is overloaded",
  {
    legs: DIRECT,
    cluster: { circuit_breakers: { thresholds: [{ max_requests: 0 }] } },
    manager: {
      http_filters: [
        extension("envoy.filters.http.router", "extensions.filters.http.router.v3.Router", {
          suppress_envoy_headers: true,
        }),
      ],
    },
  },
  async ({ client }) => {
    const response = await client.request("/");
    expect([response.status, response.header("x-envoy-overloaded")]).toEqual([503, undefined]);
  },
);

traffic(
  "a rewrite that changes nothing tells the original path, too",
  {
    legs: DIRECT,
    routes: [
      leadsTo({ prefix: "/same" }, { prefix_rewrite: "/same" }),
      leadsTo({ prefix: "/" }, { regex_rewrite: { pattern: { regex: "x" }, substitution: "y" } }),
    ],
  },
  async ({ client, application }) => {
    for (const path of ["/same?a", "/none"]) await client.request(path);
    expect(application.v1.requests.map(({ path }) => path)).toEqual(["/same?a", "/none"]);
    expect(application.v1.requests.map(({ headers }) => fieldOf(headers, "x-envoy-original-path"))).toEqual([
      "/same?a",
      "/none",
    ]);
  },
);
