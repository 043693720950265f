// Sessions that stay with a host.

import { expect } from "bun:test";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import type { ClientResponse } from "./response.ts";
import { refused, traffic } from "./traffic.ts";

const ENDPOINTS: readonly EndpointParts[] = ["v1", "v2", "v3"];
const FILTER = "envoy.filters.http.stateful_session";

function sessions(state: Message, fields: Message = {}): Message {
  return extension(FILTER, "extensions.filters.http.stateful_session.v3.StatefulSession", {
    session_state: state,
    ...fields,
  });
}

const cookie = (fields: Message = {}): Message =>
  extension(
    "envoy.http.stateful_session.cookie",
    "extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
    {
      cookie: { name: "session", path: "/", ...fields },
    },
  );
const HEADER = extension(
  "envoy.http.stateful_session.header",
  "extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
  { name: "x-session" },
);

const setCookie = (response: ClientResponse) => response.header("set-cookie");
const sessionValue = (line: string) => /^session="([^"]*)"/.exec(line)![1]!;

traffic(
  "a cookie names the host, and brings the client back to it",
  { filters: [sessions(cookie())], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client, logs }) => {
    const first = await client.request("/");
    const line = setCookie(first)!;
    const host = (await logs(1))[0]!.host;
    expect(line).toBe(
      `session="${Buffer.from(`\n${String.fromCharCode(host.length)}${host}`).toString("base64")}"; Path=/; HttpOnly`,
    );
    const headers = { cookie: `other=1; session=${sessionValue(line)}` };
    for (const response of await client.inTurn(9, "/", { headers })) {
      expect(response.echo.app).toBe(first.echo.app);
      expect(setCookie(response)).toBeUndefined();
    }
  },
);

traffic(
  "a cookie with a lifetime says so, and when it is over",
  { filters: [sessions(cookie({ ttl: "120s" }))], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client }) => {
    const first = await client.request("/");
    const line = setCookie(first)!;
    expect(line).toMatch(/^session="[A-Za-z0-9+/=]+"; Max-Age=120; Path=\/; HttpOnly$/);
    const headers = { cookie: `session="${sessionValue(line)}"` };
    for (const response of await client.inTurn(6, "/", { headers })) expect(response.echo.app).toBe(first.echo.app);
  },
);

traffic(
  "elsewhere than under the cookie's path there is no session",
  { filters: [sessions(cookie({ path: "/shop" }))], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client }) => {
    expect(setCookie(await client.request("/"))).toBeUndefined();
    expect(setCookie(await client.request("/shopping"))).toBeUndefined();
    expect(setCookie(await client.request("/shop?x"))).toContain("Path=/shop;");
  },
);

traffic(
  "a header names the host in base64",
  { filters: [sessions(HEADER)], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client, logs }) => {
    const first = await client.request("/");
    const value = first.header("x-session")!;
    expect(Buffer.from(value, "base64").toString()).toBe((await logs(1))[0]!.host);
    for (const response of await client.inTurn(9, "/", { headers: { "x-session": value } }))
      expect(response.echo.app).toBe(first.echo.app);
  },
);

const NOWHERE = Buffer.from("192.0.2.1:80").toString("base64");

traffic(
  "a host that is not there is replaced by another, of which the client hears",
  { filters: [sessions(HEADER)], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client }) => {
    const response = await client.request("/", { headers: { "x-session": NOWHERE } });
    expect(response.status).toBe(200);
    expect(response.header("x-session")).not.toBe(NOWHERE);
  },
);

traffic(
  "strict sessions have no other host",
  { filters: [sessions(HEADER, { strict: true })], endpoints: ENDPOINTS, legs: DIRECT },
  async ({ client, logs }) => {
    const response = await client.request("/", { headers: { "x-session": NOWHERE } });
    expect([response.status, response.text]).toEqual([503, "no healthy upstream"]);
    expect((await logs(1))[0]).toMatchObject({ flags: "UH" });
    expect((await client.request("/", { headers: { "x-session": "%%%" } })).status).toBe(200);
  },
);

traffic(
  "a host that drains keeps its sessions only where that is said",
  {
    filters: [sessions(HEADER)],
    clusters: { upstream: { eds: true } },
    endpoints: ENDPOINTS,
    legs: DIRECT,
  },
  async ({ client, update }) => {
    const first = await client.request("/");
    const headers = { "x-session": first.header("x-session")! };
    const draining = ENDPOINTS.map(
      (to): EndpointParts => (to === first.echo.app ? { to: to as "v1", fields: { health_status: "DRAINING" } } : to),
    );
    await update({ filters: [sessions(HEADER)], clusters: { upstream: { eds: true } }, endpoints: draining });
    for (const response of await client.inTurn(4, "/", { headers })) expect(response.echo.app).not.toBe(first.echo.app);
    await update({
      filters: [sessions(HEADER)],
      clusters: { upstream: { eds: true } },
      endpoints: draining,
      cluster: { common_lb_config: { override_host_status: { statuses: ["HEALTHY", "DRAINING"] } } },
    });
    for (const response of await client.inTurn(4, "/", { headers })) expect(response.echo.app).toBe(first.echo.app);
  },
);

traffic(
  "a retry goes elsewhere",
  {
    filters: [sessions(HEADER)],
    endpoints: ["v1", "v2"],
    legs: DIRECT,
    route: {
      retry_policy: {
        retry_on: "5xx",
        num_retries: 5,
        host_selection_retry_max_attempts: 20,
        retry_host_predicate: [
          extension(
            "envoy.retry_host_predicates.previous_hosts",
            "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
          ),
        ],
      },
    },
  },
  async ({ client, application }) => {
    const first = await client.request("/");
    const headers = { "x-session": first.header("x-session")! };
    application[first.echo.app as "v1"].script(() => ({ kind: "respond", status: 503 }));
    const response = await client.request("/", { headers });
    expect(response.status).toBe(200);
    expect(response.header("x-session")).not.toBe(headers["x-session"]);
  },
);

const PER_ROUTE = "extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";

traffic(
  "a route has sessions of its own, or none",
  {
    filters: [sessions(cookie())],
    endpoints: ENDPOINTS,
    routes: [
      {
        match: { prefix: "/none" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [FILTER]: typed(PER_ROUTE, { disabled: true }) },
      },
      {
        match: { prefix: "/own" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [FILTER]: typed(PER_ROUTE, { stateful_session: { session_state: HEADER } }) },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
    legs: DIRECT,
  },
  async ({ client }) => {
    const seen = async (path: string) => {
      const response = await client.request(path);
      return [setCookie(response) !== undefined, response.header("x-session") !== undefined];
    };
    expect(await seen("/none")).toEqual([false, false]);
    expect(await seen("/own")).toEqual([false, true]);
    expect(await seen("/")).toEqual([true, false]);
  },
);

refused("a cookie without a name", { filters: [sessions(cookie({ name: "" }))] }, (reason) =>
  expect(reason.toLowerCase()).toContain("name"),
);
