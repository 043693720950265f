// Role-based access control of requests and of byte streams.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import type { RequestOptions } from "./response.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";

const RBAC = "envoy.filters.http.rbac";
const TYPE = "extensions.filters.http.rbac.v3.RBAC";
const ANY: readonly Message[] = [{ any: true }];

const rbac = (fields: Message, name = RBAC) => extension(name, TYPE, fields);
const policy = (permissions: readonly Message[], principals: readonly Message[] = ANY): Message => ({
  permissions: [...permissions],
  principals: [...principals],
});
const rules = (action: string, policies: Record<string, Message>): Message => ({ action, policies });
const header = (name: string, match: Message): Message => ({ header: { name, ...match } });
const exact = (text: string): Message => ({ string_match: { exact: text } });

const REPEATED = ["allow", "deny", "allow-not", "deny-not", "deny-prefix", "allow-present"];

traffic(
  "ALLOW lets through what some policy matches, and refuses the rest with the policy in the details",
  {
    filters: [rbac({ rules: rules("ALLOW", { "read only": policy([header(":method", exact("GET"))]) }) })],
  },
  async ({ client, application, logs }) => {
    expect((await client.request("/")).status).toBe(200);
    const refusal = await client.request("/", { method: "POST", body: "x" });
    expect([refusal.status, refusal.text]).toEqual([403, "RBAC: access denied"]);
    expect(application.requests).toHaveLength(1);
    expect((await logs(2))[1]).toMatchObject({ code: "403", details: "rbac_access_denied_matched_policy[none]" });
  },
);

traffic(
  "DENY names the policy that matched",
  {
    legs: DIRECT,
    filters: [rbac({ rules: rules("DENY", { "no admin": policy([{ url_path: { path: { prefix: "/admin" } } }]) }) })],
  },
  async ({ client, logs }) => {
    expect((await client.request("/")).status).toBe(200);
    expect((await client.request("/admin?x=1")).status).toBe(403);
    expect((await logs(2))[1]).toMatchObject({ details: "rbac_access_denied_matched_policy[no_admin]" });
  },
);

traffic(
  "rules without a policy let nobody through; no rules let everybody",
  {
    legs: DIRECT,
    filters: [rbac({ rules: rules("ALLOW", {}) })],
    routes: [
      {
        match: { prefix: "/free" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute") },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(403);
    expect((await client.request("/free")).status).toBe(200);
  },
);

/** With `admin`, `guest`, and both in either order, and `admin` twice. */
async function statuses({ client }: Traffic): Promise<Record<string, string>> {
  const roles = [["admin"], ["guest"], ["admin", "guest"], ["guest", "admin"], ["admin", "admin"]];
  const found: Record<string, string> = {};
  for (const kind of REPEATED) {
    const answers = [];
    for (const values of roles) {
      const headers = values.map((role) => ["x-role", role] as const);
      answers.push((await client.request(`/${kind}/`, { headers })).status);
    }
    found[kind] = answers.join(" ");
  }
  return found;
}

traffic(
  "a header that is there twice",
  {
    legs: DIRECT,
    differs: {
      heddle: {
        because:
          "a value that a caller adds must not open what an ALLOW policy keeps closed: it needs every value, DENY any",
        expect: async (traffic) =>
          expect(await statuses(traffic)).toEqual({
            allow: "200 403 403 403 200",
            deny: "403 200 403 403 403",
            "allow-not": "403 200 403 403 403",
            "deny-not": "200 403 403 403 200",
            "deny-prefix": "403 200 403 403 403",
            "allow-present": "200 200 200 200 200",
          }),
      },
    },
    filters: [rbac({})],
    routes: REPEATED.map((kind) => ({
      match: { prefix: `/${kind}/` },
      route: { cluster: "upstream" },
      typed_per_filter_config: {
        [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", {
          rbac: {
            rules: rules(kind.startsWith("allow") ? "ALLOW" : "DENY", {
              p: policy([
                header(
                  "x-role",
                  kind.endsWith("present")
                    ? { present_match: true }
                    : kind.endsWith("prefix")
                      ? { string_match: { prefix: "adm" } }
                      : { ...exact("admin"), invert_match: kind.endsWith("not") },
                ),
              ]),
            }),
          },
        }),
      },
    })),
  },
  async (traffic) => {
    // Envoy (rbac_match_headers_individually): one value that matches is enough, for ALLOW and for DENY.
    expect(await statuses(traffic)).toEqual({
      allow: "200 403 200 200 200",
      deny: "403 200 403 403 403",
      "allow-not": "403 200 403 403 403",
      "deny-not": "200 403 200 200 200",
      "deny-prefix": "403 200 403 403 403",
      "allow-present": "200 200 200 200 200",
    });
  },
);

traffic(
  "shadow rules and what filters say of their decisions",
  {
    legs: DIRECT,
    log: {
      all: "%DYNAMIC_METADATA(envoy.filters.http.rbac)%",
      hint: "%DYNAMIC_METADATA(envoy.common:access_log_hint)%",
    },
    filters: [
      rbac({
        rules: rules("DENY", { bad: policy([header("x-bad", { present_match: true })]) }),
        rules_stat_prefix: "r_",
        shadow_rules: rules("ALLOW", { good: policy([header("x-good", { present_match: true })]) }),
        shadow_rules_stat_prefix: "s_",
      }),
      rbac({ rules: rules("LOG", { noted: policy([header("x-log", { present_match: true })]) }) }, "second"),
    ],
  },
  async ({ client, logs }) => {
    for (const headers of [{}, { "x-good": "1" }, { "x-bad": "1" }, { "x-log": "1" }])
      await client.request("/", { headers } as RequestOptions);
    const allowed = { r_enforced_engine_result: "allowed", enforced_engine_result: "allowed" };
    const lines = (await logs(4)).map(({ code, all, hint }) => [code, JSON.parse(all!), hint]);
    expect(lines).toEqual([
      ["200", { ...allowed, s_shadow_engine_result: "denied" }, "false"],
      ["200", { ...allowed, s_shadow_engine_result: "allowed", s_shadow_effective_policy_id: "good" }, "false"],
      [
        "403",
        { s_shadow_engine_result: "denied", r_enforced_engine_result: "denied", r_enforced_effective_policy_id: "bad" },
        "-",
      ],
      ["200", { ...allowed, s_shadow_engine_result: "denied", enforced_effective_policy_id: "noted" }, "true"],
    ]);
  },
);

traffic(
  "addresses: the direct peer, and the client that a trusted proxy names",
  {
    legs: DIRECT,
    filters: [rbac({})],
    routes: (
      [
        ["direct", { direct_remote_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } }],
        ["source", { source_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } }],
        ["remote", { remote_ip: { address_prefix: "10.9.0.0", prefix_len: 16 } }],
      ] as const
    ).map(([name, principal]) => ({
      match: { prefix: `/${name}` },
      route: { cluster: "upstream" },
      typed_per_filter_config: {
        [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", {
          rbac: { rules: rules("ALLOW", { p: policy(ANY, [principal]) }) },
        }),
      },
    })),
  },
  async ({ client }) => {
    const ask = async (path: string, forwarded: string) =>
      (await client.request(path, { headers: { "x-forwarded-for": forwarded } })).status;
    expect(await ask("/direct", "10.9.8.7")).toBe(200);
    expect(await ask("/source", "10.9.8.7")).toBe(200);
    expect(await ask("/remote", "10.9.8.7")).toBe(200);
    expect(await ask("/remote", "10.9.8.7, 1.2.3.4")).toBe(403);
    expect(await ask("/remote", "nonsense")).toBe(403);
    expect((await client.request("/remote")).status).toBe(403);
  },
);

traffic(
  "of a list of clients, one is believed for each trusted hop",
  {
    legs: DIRECT,
    manager: { use_remote_address: true, xff_num_trusted_hops: 1 },
    filters: [
      rbac({
        rules: rules("ALLOW", { p: policy(ANY, [{ remote_ip: { address_prefix: "10.9.0.0", prefix_len: 16 } }]) }),
      }),
    ],
  },
  async ({ client }) => {
    const ask = async (forwarded: string) =>
      (await client.request("/", { headers: { "x-forwarded-for": forwarded } })).status;
    expect(await ask("10.9.8.7")).toBe(200);
    expect(await ask("10.9.8.7, 1.2.3.4")).toBe(403);
    expect(await ask("1.2.3.4, 10.9.8.7")).toBe(200);
  },
);

traffic(
  "the path is one, whatever it is spelt like: what normalises to /admin is /admin",
  {
    legs: DIRECT,
    manager: { normalize_path: true, merge_slashes: true },
    filters: [rbac({ rules: rules("DENY", { p: policy([{ url_path: { path: { prefix: "/admin" } } }]) }) })],
  },
  async ({ client, application }) => {
    for (const path of [
      "/admin",
      "//admin",
      "/./admin",
      "/x/../admin",
      "/%61dmin",
      "/x/%2e%2e/admin",
      "/admin?x",
      "/\\admin",
    ])
      expect([path, (await client.request(path)).status]).toEqual([path, 403]);
    expect(application.requests).toEqual([]);
    expect((await client.request("/Admin")).status).toBe(200);
  },
);

traffic(
  "a CONNECT has no path: no rule on paths matches it",
  {
    legs: DIRECT,
    manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
    filters: [rbac({})],
    routes: (["DENY", "ALLOW"] as const).map((action) => ({
      match: { connect_matcher: {}, headers: [{ name: ":authority", string_match: { prefix: action.toLowerCase() } }] },
      route: { cluster: "bytes", upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] },
      typed_per_filter_config: {
        [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", {
          rbac: { rules: rules(action, { p: policy([{ url_path: { path: { safe_regex: { regex: ".*" } } } }]) }) },
        }),
      },
    })),
    clusters: { bytes: { endpoints: ["bytes"] } },
  },
  async ({ client }) => {
    const ask = async (authority: string) => {
      const raw = await client.connect();
      raw.send(`CONNECT ${authority}:80 HTTP/1.1\r\nhost: ${authority}:80\r\n\r\n`);
      await raw.hears("\r\n\r\n");
      return raw.text;
    };
    expect(await ask("allow.test")).toContain(" 403 ");
    expect(await ask("deny.test")).toContain(" 200 ");
  },
);

traffic(
  "metadata of the route and of other filters",
  {
    legs: DIRECT,
    filters: [
      extension("tag", "extensions.filters.http.header_to_metadata.v3.Config", {
        request_rules: [{ header: "x-tier", on_header_present: { metadata_namespace: "tags", key: "tier" } }],
      }),
      rbac({}),
    ],
    routes: ["dynamic", "route"].map((name) => ({
      match: { prefix: `/${name}` },
      route: { cluster: "upstream" },
      metadata: { filter_metadata: { tags: { tier: "gold", level: 3 } } },
      typed_per_filter_config: {
        [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", {
          rbac: {
            rules: rules("ALLOW", {
              p: policy([
                {
                  sourced_metadata: {
                    metadata_matcher: {
                      filter: "tags",
                      path: [{ key: "tier" }],
                      value: { string_match: { exact: "gold" } },
                    },
                    metadata_source: name === "route" ? "ROUTE" : "DYNAMIC",
                  },
                },
              ]),
            }),
          },
        }),
      },
    })),
  },
  async ({ client }) => {
    expect((await client.request("/route")).status).toBe(200);
    expect((await client.request("/dynamic")).status).toBe(403);
    expect((await client.request("/dynamic", { headers: { "x-tier": "lead" } })).status).toBe(403);
    expect((await client.request("/dynamic", { headers: { "x-tier": "gold" } })).status).toBe(200);
  },
);

refused(
  "a matcher that the proxy does not have",
  {
    filters: [
      rbac({
        rules: rules("ALLOW", {
          p: policy([
            { matcher: { name: "nobody.has.this", typed_config: typed("extensions.filters.http.cors.v3.Cors") } },
          ]),
        }),
      }),
    ],
  },
  (reason) => expect(reason).not.toBe(""),
);

traffic(
  "rules of a connection, before its first request",
  {
    legs: ["h2", "h1"],
    server: {
      networkFilters: [
        extension("envoy.filters.network.rbac", "extensions.filters.network.rbac.v3.RBAC", {
          stat_prefix: "lab",
          rules: rules("DENY", {
            p: policy([{ any: true }], [{ authenticated: { principal_name: { prefix: "spiffe://" } } }]),
          }),
        }),
      ],
    },
  },
  async ({ client, application }) => {
    expect((await client.request("/")).status).toBe(503);
    expect(application.requests).toEqual([]);
  },
);
