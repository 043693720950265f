// Cross-origin requests.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import type { ClientResponse } from "./response.ts";
import { traffic } from "./traffic.ts";

const CORS = "envoy.filters.http.cors";
const FILTER = extension(CORS, "extensions.filters.http.cors.v3.Cors");

function policy(fields: Message): Message {
  return { typed_per_filter_config: { [CORS]: typed("extensions.filters.http.cors.v3.CorsPolicy", fields) } };
}

function corsHeaders({ headers }: ClientResponse): readonly string[] {
  return headers
    .filter(([name]) => name.startsWith("access-control-"))
    .map(([name, value]) => `${name}: ${value}`)
    .sort();
}

const OPEN = {
  allow_origin_string_match: [{ exact: "https://a.test" }, { suffix: ".b.test" }],
  allow_methods: "GET, PUT",
  allow_headers: "x-own",
  expose_headers: "x-shown",
  max_age: "600",
  allow_credentials: true,
};

traffic(
  "a preflight of an origin that is allowed is answered here",
  { filters: [FILTER], virtualHost: policy(OPEN), legs: DIRECT },
  async ({ client, application }) => {
    const response = await client.request("/", {
      method: "OPTIONS",
      headers: [
        ["origin", "https://x.b.test"],
        ["access-control-request-method", "PUT"],
      ],
    });
    expect(response.status).toBe(200);
    expect(corsHeaders(response)).toEqual([
      "access-control-allow-credentials: true",
      "access-control-allow-headers: x-own",
      "access-control-allow-methods: GET, PUT",
      "access-control-allow-origin: https://x.b.test",
      "access-control-expose-headers: x-shown",
      "access-control-max-age: 600",
    ]);
    expect(application.requests).toEqual([]);
  },
);

traffic(
  "responses tell the browser what it may read",
  { filters: [FILTER], virtualHost: policy(OPEN) },
  async ({ client }) => {
    const response = await client.request("/", { headers: [["origin", "https://a.test"]] });
    expect(corsHeaders(response)).toEqual([
      "access-control-allow-credentials: true",
      "access-control-allow-origin: https://a.test",
      "access-control-expose-headers: x-shown",
    ]);
  },
);

traffic(
  "an origin that is not allowed is forwarded without a word, preflights too; so is a request without one",
  { filters: [FILTER], virtualHost: policy(OPEN), legs: DIRECT },
  async ({ client, application }) => {
    const responses = [
      await client.request("/", { headers: [["origin", "https://evil.test"]] }),
      await client.request("/", {
        method: "OPTIONS",
        headers: [
          ["origin", "https://evil.test"],
          ["access-control-request-method", "PUT"],
        ],
      }),
      await client.request("/"),
      await client.request("/", { method: "OPTIONS", headers: [["origin", "https://a.test"]] }),
    ];
    expect(responses.map(corsHeaders).map(({ length }) => length)).toEqual([0, 0, 0, 3]);
    expect(application.requests).toHaveLength(4);
  },
);

traffic(
  "a preflight that does not match can be kept from the application",
  {
    filters: [FILTER],
    virtualHost: policy({ ...OPEN, forward_not_matching_preflights: false }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    const response = await client.request("/", {
      method: "OPTIONS",
      headers: [
        ["origin", "https://evil.test"],
        ["access-control-request-method", "PUT"],
      ],
    });
    expect(response.status).toBe(200);
    expect(corsHeaders(response)).not.toContainEqual(expect.stringContaining("allow-origin"));
    expect(application.requests).toEqual([]);
  },
);

traffic(
  "a route's policy stands over the virtual host's, field by field",
  {
    filters: [FILTER],
    virtualHost: policy(OPEN),
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: "upstream" },
        ...policy({ allow_origin_string_match: [{ exact: "https://c.test" }] }),
      },
    ],
    legs: DIRECT,
  },
  async ({ client }) => {
    const ask = async (origin: string) => corsHeaders(await client.request("/", { headers: [["origin", origin]] }));
    expect(await ask("https://c.test")).toEqual([
      "access-control-allow-credentials: true",
      "access-control-allow-origin: https://c.test",
      "access-control-expose-headers: x-shown",
    ]);
    expect(await ask("https://a.test")).toEqual([]);
  },
);

traffic(
  "a filter is off for a route that says so, and on for one that says so",
  {
    filters: [{ ...FILTER, disabled: true }],
    routes: [
      {
        match: { prefix: "/on" },
        route: { cluster: "upstream" },
        ...policy({ allow_origin_string_match: [{ prefix: "https://" }] }),
      },
      {
        match: { prefix: "/off" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [CORS]: typed("config.route.v3.FilterConfig", { disabled: true }) },
      },
    ],
    legs: DIRECT,
  },
  async ({ client }) => {
    const ask = async (path: string) =>
      corsHeaders(await client.request(path, { headers: [["origin", "https://a.test"]] })).length;
    expect([await ask("/on"), await ask("/off")]).toEqual([1, 0]);
  },
);

traffic(
  "several origins are one text, which is none that is allowed by name",
  { filters: [FILTER], virtualHost: policy(OPEN), legs: DIRECT },
  async ({ client }) => {
    const origins = (...values: readonly string[]) =>
      client.request("/", { headers: values.map((value) => ["origin", value] as const) });
    expect((await origins("https://a.test")).header("access-control-allow-origin")).toBe("https://a.test");
    expect((await origins("https://a.test", "https://c.test")).header("access-control-allow-origin")).toBeUndefined();
    expect((await origins("https://c.test", "https://x.b.test")).header("access-control-allow-origin")).toBe(
      "https://c.test,https://x.b.test",
    );
  },
);
