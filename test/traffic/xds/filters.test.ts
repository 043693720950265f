// HTTP filters.

import { expect } from "bun:test";
import { CLIENT } from "./certificates.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const RBAC_NAME = "envoy.filters.http.rbac";

function rbac(config: Message): Message {
  return extension(RBAC_NAME, "extensions.filters.http.rbac.v3.RBAC", config);
}

function rules(action: string, policies: Message): Message {
  return { action, policies };
}

const ANYONE: Message = { principals: [{ any: true }] };
const ANYTHING: Message = { permissions: [{ any: true }] };

traffic(
  "RBAC refuses what a deny policy matches, with the policy's name in the log",
  {
    filters: [
      rbac({
        rules: rules("DENY", {
          "no admin": {
            ...ANYONE,
            permissions: [
              { url_path: { path: { prefix: "/admin" } } },
              { header: { name: ":method", string_match: { exact: "DELETE" } } },
            ],
          },
        }),
      }),
    ],
  },
  async ({ client, application: { v1 }, logs }) => {
    const denied = await client.request("/admin/x");
    expect([denied.status, denied.text]).toEqual([403, "RBAC: access denied"]);
    expect((await client.request("/x", { method: "DELETE" })).status).toBe(403);
    expect((await client.request("/x?/admin")).status).toBe(200);
    expect(v1.requests).toHaveLength(1);
    expect((await logs(1))[0]).toMatchObject({
      code: "403",
      flags: "-",
      details: "rbac_access_denied_matched_policy[no_admin]",
      cluster: "upstream",
    });
  },
);

traffic(
  "RBAC lets through what an allow policy matches, and nothing else",
  {
    legs: DIRECT,
    filters: [
      rbac({
        rules: rules("ALLOW", {
          both: {
            permissions: [
              {
                and_rules: {
                  rules: [
                    { header: { name: ":method", string_match: { exact: "GET" } } },
                    { not_rule: { url_path: { path: { prefix: "/private" } } } },
                  ],
                },
              },
            ],
            principals: [{ header: { name: "x-user", string_match: { safe_regex: { regex: "j.*" } } } }],
          },
        }),
      }),
    ],
  },
  async ({ client, logs }) => {
    const as = async (user: string, path = "/", method = "GET") =>
      (await client.request(path, { method, headers: { "x-user": user } })).status;
    expect(await as("jane")).toBe(200);
    expect(await as("bob")).toBe(403);
    expect(await as("jane", "/private/x")).toBe(403);
    expect(await as("jane", "/", "PUT")).toBe(403);
    expect((await logs(2))[1]?.details).toBe("rbac_access_denied_matched_policy[none]");
  },
);

traffic(
  "RBAC without a policy refuses everything, without rules nothing",
  {
    legs: DIRECT,
    filters: [rbac({ rules: { action: "ALLOW" } })],
    routes: [
      {
        match: { prefix: "/open" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [RBAC_NAME]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", { rbac: {} }) },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(403);
    expect((await client.request("/open")).status).toBe(200);
  },
);

traffic(
  "a route's own rules count in place of the listener's",
  {
    legs: DIRECT,
    filters: [rbac({ rules: rules("ALLOW", { all: { ...ANYONE, ...ANYTHING } }) })],
    routes: [
      {
        match: { prefix: "/closed" },
        route: { cluster: "upstream" },
        typed_per_filter_config: {
          [RBAC_NAME]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", {
            rbac: { rules: rules("DENY", { all: { ...ANYONE, ...ANYTHING } }) },
          }),
        },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client }) => {
    expect((await client.request("/closed")).status).toBe(403);
    expect((await client.request("/")).status).toBe(200);
  },
);

traffic(
  "shadow rules refuse nothing",
  { legs: DIRECT, filters: [rbac({ shadow_rules: rules("DENY", { all: { ...ANYONE, ...ANYTHING } }) })] },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(200);
  },
);

traffic(
  "RBAC at the server knows the caller by its certificate",
  {
    legs: ["h2", "h1"],
    server: {
      filters: [
        rbac({
          rules: rules("DENY", {
            client: {
              permissions: [{ url_path: { path: { prefix: "/closed" } } }],
              principals: [{ authenticated: { principal_name: { exact: CLIENT.uri } } }],
            },
            stranger: {
              permissions: [{ url_path: { path: { prefix: "/stranger" } } }],
              principals: [
                { authenticated: { principal_name: { exact: "spiffe://cluster.local/ns/default/sa/other" } } },
              ],
            },
          }),
        }),
      ],
    },
  },
  async ({ client, serverLog, logs }) => {
    const denied = await client.request("/closed");
    expect([denied.status, denied.text]).toEqual([403, "RBAC: access denied"]);
    expect((await client.request("/stranger")).status).toBe(200);
    expect((await serverLog.atLeast(1))[0]?.details).toBe("rbac_access_denied_matched_policy[client]");
    expect((await logs(1))[0]?.details).toBe("via_upstream");
  },
);

traffic(
  "header-to-metadata takes the header away where it says so",
  {
    legs: DIRECT,
    filters: [
      extension("envoy.filters.http.header_to_metadata", "extensions.filters.http.header_to_metadata.v3.Config", {
        request_rules: [
          {
            header: "x-take",
            on_header_present: { metadata_namespace: "lab", key: "taken", type: "STRING" },
            remove: true,
          },
          { header: "x-keep", on_header_present: { metadata_namespace: "lab", key: "kept", type: "STRING" } },
        ],
      }),
    ],
  },
  async ({ client }) => {
    const { headers } = (await client.request("/", { headers: { "x-take": "1", "x-keep": "2" } })).echo;
    expect([fieldOf(headers, "x-take"), fieldOf(headers, "x-keep")]).toEqual([undefined, "2"]);
  },
);
