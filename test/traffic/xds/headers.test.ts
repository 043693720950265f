// What is rewritten, added and taken away on the way.

import { expect } from "bun:test";
import { ALL_LEGS, DIRECT } from "./configuration.ts";
import type { Message } from "./message.ts";
import { traffic } from "./traffic.ts";
import { type Field, fieldsOf } from "./wire.ts";

function add(key: string, value: string, append_action?: string): Message {
  return { header: { key, value }, ...(append_action && { append_action }) };
}

/** Headers of a request without those that vary. */
function without(headers: readonly Field[], ...names: string[]): readonly string[] {
  return headers.flatMap(([name, value]) => (names.includes(name.toLowerCase()) ? [] : [`${name}: ${value}`]));
}

traffic(
  "a plaintext application gets the request's own headers, and what a proxy adds",
  { legs: DIRECT },
  async ({ client, application }) => {
    await client.request("/", {
      headers: [
        ["Accept", "*/*"],
        ["X-Two", "1"],
        ["x-two", "2"],
        ["connection", "keep-alive"],
        ["user-agent", "lab"],
      ],
    });
    const [{ headers, authority }] = application.v1.requests as [(typeof application.v1.requests)[0]];
    expect(authority).toBe("upstream.test");
    expect(fieldsOf(headers, "x-request-id")[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(without(headers, "x-request-id").toSorted()).toEqual([
      "accept: */*",
      "host: upstream.test",
      "user-agent: lab",
      "x-envoy-expected-rq-timeout-ms: 15000",
      "x-forwarded-proto: http",
      "x-two: 1",
      "x-two: 2",
    ]);
  },
);

traffic(
  "the client gets the application's headers, and what a proxy adds",
  { legs: DIRECT },
  async ({ client, application: { v1 } }) => {
    v1.answers({
      kind: "respond",
      headers: [
        ["X-A", "1"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["server", "own"],
      ],
      body: "x",
    });
    const { headers } = await client.request("/");
    expect(without(headers, "date", "x-envoy-upstream-service-time").toSorted()).toEqual([
      "content-length: 1",
      "server: envoy",
      "set-cookie: a=1",
      "set-cookie: b=2",
      "x-a: 1",
    ]);
    expect(fieldsOf(headers, "date")).toHaveLength(1);
    expect(fieldsOf(headers, "x-envoy-upstream-service-time")[0]).toMatch(/^\d+$/);
  },
);

traffic(
  "every append action does what it says, on requests and responses",
  {
    virtualHost: {
      request_headers_to_add: [
        add("x-append", "proxy", "APPEND_IF_EXISTS_OR_ADD"),
        add("x-absent", "proxy", "ADD_IF_ABSENT"),
        add("x-overwrite", "proxy", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("x-exists", "proxy", "OVERWRITE_IF_EXISTS"),
      ],
      request_headers_to_remove: ["x-gone"],
      response_headers_to_add: [
        add("y-append", "proxy", "APPEND_IF_EXISTS_OR_ADD"),
        add("y-absent", "proxy", "ADD_IF_ABSENT"),
        add("y-overwrite", "proxy", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("y-exists", "proxy", "OVERWRITE_IF_EXISTS"),
      ],
      response_headers_to_remove: ["y-gone"],
    },
  },
  async ({ client, application: { v1 } }) => {
    const names = ["append", "absent", "overwrite", "exists", "gone"];
    const own = (prefix: string) => names.map((name): Field => [`${prefix}-${name}`, "own"]);
    const values = (headers: readonly Field[], prefix: string) =>
      names.map((name) => fieldsOf(headers, `${prefix}-${name}`).join("|"));
    v1.script((_, n) => (n === 0 ? { kind: "echo", headers: own("y") } : { kind: "echo" }));
    const first = await client.request("/", { headers: own("x") });
    expect(values(first.echo.headers, "x")).toEqual(["own|proxy", "own", "proxy", "proxy", ""]);
    expect(values(first.headers, "y")).toEqual(["own|proxy", "own", "proxy", "proxy", ""]);
    const second = await client.request("/");
    expect(values(second.echo.headers, "x")).toEqual(["proxy", "proxy", "proxy", "", ""]);
    expect(values(second.headers, "y")).toEqual(["proxy", "proxy", "proxy", "", ""]);
  },
);

const LEVELS: Message = {
  request_headers_to_add: [add("x-level", "configuration")],
  response_headers_to_add: [add("y-level", "configuration", "OVERWRITE_IF_EXISTS_OR_ADD")],
};

traffic(
  "operations apply from the route outwards",
  {
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "upstream" },
        request_headers_to_add: [add("x-level", "route")],
        response_headers_to_add: [add("y-level", "route", "OVERWRITE_IF_EXISTS_OR_ADD")],
      },
    ],
    virtualHost: {
      request_headers_to_add: [add("x-level", "host")],
      response_headers_to_add: [add("y-level", "host", "OVERWRITE_IF_EXISTS_OR_ADD")],
    },
    routeConfiguration: LEVELS,
  },
  async ({ client }) => {
    const response = await client.request("/");
    expect(fieldsOf(response.echo.headers, "x-level")).toEqual(["route", "host", "configuration"]);
    expect(response.all("y-level")).toEqual(["configuration"]);
  },
);

traffic(
  "values may hold variables",
  {
    legs: ALL_LEGS,
    virtualHost: {
      request_headers_to_add: [
        add("x-protocol", "%PROTOCOL%"),
        add("x-copy", "<%REQ(x-own)%>"),
        add("x-first", "%REQ(x-none?x-own)%"),
        add("x-percent", "100%%"),
        add("x-from", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
      ],
      response_headers_to_add: [
        add("y-host", "%UPSTREAM_HOST%"),
        add("y-route", "%ROUTE_NAME%"),
        add("y-cluster", "%UPSTREAM_CLUSTER%"),
      ],
    },
  },
  async ({ client }) => {
    const response = await client.request("/", { headers: { "x-own": "mine" } });
    const value = (name: string) => fieldsOf(response.echo.headers, name);
    expect(value("x-protocol")).toEqual(["HTTP/1.1"]);
    expect(value("x-copy")).toEqual(["<mine>"]);
    expect(value("x-first")).toEqual(["mine"]);
    expect(value("x-percent")).toEqual(["100%"]);
    expect(value("x-from")).toEqual(["127.0.0.1"]);
    expect(response.header("y-host")).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(response.header("y-route")).toBe("default");
    expect(response.header("y-cluster")).toBe("upstream");
  },
);

traffic(
  "a prefix is rewritten, the original kept in a header",
  {
    routes: [
      { match: { prefix: "/old/" }, route: { cluster: "upstream", prefix_rewrite: "/new/" } },
      { match: { path_separated_prefix: "/api" }, route: { cluster: "upstream", prefix_rewrite: "/v2" } },
      { match: { prefix: "/Case", case_sensitive: false }, route: { cluster: "upstream", prefix_rewrite: "/lower" } },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client, logs }) => {
    const rewritten = async (path: string) => {
      const { echo } = await client.request(path);
      return [echo.path, fieldsOf(echo.headers, "x-envoy-original-path")[0]];
    };
    expect(await rewritten("/old/x?q=/old/")).toEqual(["/new/x?q=/old/", "/old/x?q=/old/"]);
    expect(await rewritten("/api")).toEqual(["/v2", "/api"]);
    expect(await rewritten("/api/x")).toEqual(["/v2/x", "/api/x"]);
    expect(await rewritten("/cASEx")).toEqual(["/lowerx", "/cASEx"]);
    expect(await rewritten("/untouched")).toEqual(["/untouched", undefined]);
    // The log has the path that was sent on, and the original by x-envoy-original-path.
    expect((await logs(1))[0]?.path).toBe("/new/x?q=/old/");
  },
);

traffic("the host is rewritten", { route: { host_rewrite_literal: "inner.test" } }, async ({ client }) => {
  const { echo } = await client.request("/", { authority: "outer.test" });
  expect(echo.authority).toBe("inner.test");
});

traffic(
  "attempts are counted for the application and for the client",
  {
    legs: ALL_LEGS,
    virtualHost: { include_request_attempt_count: true, include_attempt_count_in_response: true },
    route: { retry_policy: { retry_on: "5xx", num_retries: 2 } },
  },
  async ({ client, application: { v1 } }) => {
    v1.answers({ kind: "respond", status: 503 }, { kind: "echo" });
    const response = await client.request("/");
    expect(response.header("x-envoy-attempt-count")).toBe("2");
    const counts = v1.requests.map(({ headers }) => fieldsOf(headers, "x-envoy-attempt-count").join());
    expect(counts).toEqual(["1", "2"]);
  },
);

traffic(
  "dots and doubled slashes of a path are merged where the listener says so",
  { legs: DIRECT, manager: { normalize_path: true, merge_slashes: true } },
  async ({ client }) => {
    const sent = async (path: string) => (await client.request(path)).echo.path;
    expect(await sent("/a/../b")).toBe("/b");
    expect(await sent("/a/./b/")).toBe("/a/b/");
    expect(await sent("/a//b///c?x=//y")).toBe("/a/b/c?x=//y");
    expect(await sent("/%61%2Fb")).toBe("/a%2Fb");
    expect(await sent("/a/b/../../../c")).toBe("/c");
    expect(await sent("/a//../b//?x")).toBe("/a/b/?x");
    expect(await sent("/a/..//")).toBe("//");
  },
);

traffic(
  "a prefix rewrite replaces a path that was matched exactly, too",
  {
    legs: DIRECT,
    routes: [{ match: { path: "/exact" }, route: { cluster: "upstream", prefix_rewrite: "/other" } }],
  },
  async ({ client }) => {
    const { echo } = await client.request("/exact?q");
    expect([echo.path, ...fieldsOf(echo.headers, "x-envoy-original-path")]).toEqual(["/other?q", "/exact?q"]);
  },
);

traffic(
  "a variable without a value adds no header",
  {
    legs: DIRECT,
    virtualHost: { request_headers_to_add: [add("x-missing", "%REQ(x-none)%")] },
  },
  async ({ client }) => {
    expect(fieldsOf((await client.request("/")).echo.headers, "x-missing")).toEqual([]);
  },
);

traffic(
  "a response header may hold the response's code and other headers",
  {
    legs: DIRECT,
    virtualHost: {
      response_headers_to_add: [add("y-code", "%RESPONSE_CODE%"), add("y-type", "%RESP(content-type)%")],
    },
  },
  async ({ client }) => {
    const { header } = await client.request("/");
    expect([header("y-code"), header("y-type")]).toEqual(["200", "application/json"]);
  },
);

traffic(
  "of one level what overwrites comes before what is added, and values are those of before",
  {
    legs: DIRECT,
    route: { cluster: "upstream" },
    virtualHost: {
      request_headers_to_add: [
        add("x-a", "added"),
        add("x-a", "set", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("x-b", "%REQ(x-a)%", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("x-a", "absent", "ADD_IF_ABSENT"),
      ],
      response_headers_to_add: [add("y-a", "added"), add("y-a", "set", "OVERWRITE_IF_EXISTS_OR_ADD")],
    },
    routeConfiguration: { request_headers_to_remove: ["x-b"], request_headers_to_add: [add("x-a", "outer")] },
  },
  async ({ client }) => {
    const { echo, headers } = await client.request("/", { headers: [["x-a", "own"]] });
    expect(fieldsOf(echo.headers, "x-a")).toEqual(["set", "added", "outer"]);
    expect(fieldsOf(echo.headers, "x-b")).toEqual([]);
    expect(fieldsOf(headers, "y-a")).toEqual(["set", "added"]);
    const without = await client.request("/");
    expect(fieldsOf(without.echo.headers, "x-a")).toEqual(["set", "added", "absent", "outer"]);
  },
);

traffic(
  "the scheme of a target in origin-form is what x-forwarded-proto says, where that is one",
  {
    legs: DIRECT,
    routes: [
      {
        match: { prefix: "/", headers: [{ name: ":scheme", string_match: { exact: "https" } }] },
        direct_response: { status: 204 },
      },
      { match: { prefix: "/" }, direct_response: { status: 202 } },
    ],
  },
  async ({ client }) => {
    const status = async (path: string, protocol: string) =>
      (await client.request(path, { headers: { "x-forwarded-proto": protocol } })).status;
    expect(await status("/", "https")).toBe(204);
    expect(await status("/", "http")).toBe(202);
    expect(await status("/", "other")).toBe(202);
    expect(await status("http://upstream.test/", "https")).toBe(202);
    const http2 = await client.http2();
    expect((await http2.request("/", { headers: { "x-forwarded-proto": "https" } })).status).toBe(202);
  },
);

traffic(
  "escapes that stand for what must be escaped stay as they are written",
  { legs: DIRECT, manager: { normalize_path: true } },
  async ({ client, application: { v1 } }) => {
    for (const path of ["/a%2fb", "/%61%2fb", "/a%2Fb", "/a%c3%A9"]) await client.request(path);
    expect(v1.requests.map(({ path }) => path)).toEqual(["/a%2fb", "/a%2fb", "/a%2Fb", "/a%c3%A9"]);
  },
);
