// Role-based access control by matcher trees (xds.type.matcher.v3.Matcher), of requests and of connections.

import { expect } from "bun:test";
import { CLIENT } from "./certificates.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";

const RBAC = "envoy.filters.http.rbac";
const rbac = (fields: Message) => extension(RBAC, "extensions.filters.http.rbac.v3.RBAC", fields);

const NETWORK = "extensions.matching.common_inputs.network.v3";
const SSL = "extensions.matching.common_inputs.ssl.v3";
const header = (name: string): Message =>
  extension("header", "type.matcher.v3.HttpRequestHeaderMatchInput", { header_name: name });
const network = (name: string): Message => extension(name, `${NETWORK}.${name}`);
const ssl = (name: string): Message => extension(name, `${SSL}.${name}`);

const action = (name: string, what: string): Message => ({
  action: extension("action", "config.rbac.v3.Action", { name, action: what }),
});
const ALLOW = action("let in", "ALLOW");
const DENY = action("keep out", "DENY");
const LOG = action("watched", "LOG");

const on = (input: Message, value_match: Message): Message => ({ single_predicate: { input, value_match } });
const within = (input: Message, prefix: string, length: number): Message => ({
  single_predicate: {
    input,
    custom_match: extension("ip", "extensions.matching.input_matchers.ip.v3.Ip", {
      stat_prefix: "lab",
      cidr_ranges: [{ address_prefix: prefix, prefix_len: length }],
    }),
  },
});
const list = (entries: readonly (readonly [Message, Message])[], otherwise?: Message): Message => ({
  matcher_list: { matchers: entries.map(([predicate, on_match]) => ({ predicate, on_match })) },
  ...(otherwise && { on_no_match: otherwise }),
});
const tree = (input: Message, kind: "exact" | "prefix", map: Message, otherwise?: Message): Message => ({
  matcher_tree: { input, [`${kind}_match_map`]: { map } },
  ...(otherwise && { on_no_match: otherwise }),
});
const nested = (matcher: Message): Message => ({ matcher });

/** A route for each matcher, under its name. */
function routes(matchers: Readonly<Record<string, Message>>): Message[] {
  return Object.entries(matchers).map(([name, matcher]) => ({
    match: { prefix: `/${name}/` },
    route: { cluster: "upstream" },
    typed_per_filter_config: {
      [RBAC]: typed("extensions.filters.http.rbac.v3.RBACPerRoute", { rbac: { matcher } }),
    },
  }));
}

async function status({ client }: Traffic, path: string, headers: Record<string, string> = {}): Promise<number> {
  return (await client.request(path, { headers })).status;
}

const LISTS = {
  value: list([
    [on(header("x-role"), { exact: "admin" }), ALLOW],
    [on(header("x-role"), { prefix: "gu" }), DENY],
  ]),
  // What leads nowhere does not end the list.
  nested: list(
    [
      [on(header("x-role"), { prefix: "a" }), nested(list([[on(header("x-team"), { exact: "red" }), DENY]]))],
      [on(header("x-role"), { contains: "dmi" }), ALLOW],
    ],
    DENY,
  ),
  and: list([
    [
      {
        and_matcher: {
          predicate: [
            on(header("x-role"), { exact: "ADMIN", ignore_case: true }),
            { not_matcher: on(header("x-team"), { exact: "red" }) },
          ],
        },
      },
      ALLOW,
    ],
  ]),
  or: list([
    [
      { or_matcher: { predicate: [on(header("x-role"), { suffix: "min" }), on(header("x-team"), { exact: "red" })] } },
      ALLOW,
    ],
  ]),
  regex: list([[on(header(":path"), { safe_regex: { google_re2: {}, regex: "/regex/\\d+" } }), ALLOW]]),
  otherwise: list([[on(header("x-role"), { exact: "guest" }), DENY]], ALLOW),
};

traffic(
  "a list: the first that matches and leads somewhere, else what is said for none, else nobody",
  { legs: DIRECT, filters: [rbac({})], routes: routes(LISTS) },
  async (traffic) => {
    const ask = (path: string, headers: Record<string, string> = {}) => status(traffic, path, headers);
    expect(await ask("/value/", { "x-role": "admin" })).toBe(200);
    expect(await ask("/value/", { "x-role": "guest" })).toBe(403);
    expect(await ask("/value/")).toBe(403);
    expect(await ask("/nested/", { "x-role": "admin" })).toBe(200);
    expect(await ask("/nested/", { "x-role": "admin", "x-team": "red" })).toBe(403);
    expect(await ask("/and/", { "x-role": "admin" })).toBe(200);
    expect(await ask("/and/", { "x-role": "admin", "x-team": "red" })).toBe(403);
    expect(await ask("/or/", { "x-role": "admin" })).toBe(200);
    expect(await ask("/or/", { "x-team": "red" })).toBe(200);
    expect(await ask("/or/", { "x-team": "blue" })).toBe(403);
    expect(await ask("/regex/12")).toBe(200);
    expect(await ask("/regex/12/a")).toBe(403);
    expect(await ask("/otherwise/")).toBe(200);
    expect(await ask("/otherwise/", { "x-role": "guest" })).toBe(403);
  },
);

const NOWHERE = nested(list([[on(header("x-team"), { exact: "red" }), DENY]]));
const TREES = {
  exact: tree(header("x-role"), "exact", { admin: ALLOW, guest: DENY }, ALLOW),
  "exact-nowhere": tree(header("x-role"), "exact", { admin: NOWHERE }, ALLOW),
  prefix: tree(header("x-role"), "prefix", { a: DENY, adm: ALLOW, b: ALLOW }),
  "prefix-nowhere": tree(header("x-role"), "prefix", { a: ALLOW, adm: NOWHERE }, DENY),
  address: {
    matcher_tree: {
      input: network("SourceIPInput"),
      custom_match: {
        name: "ip",
        typed_config: {
          "@type": "type.googleapis.com/xds.type.matcher.v3.IPMatcher",
          range_matchers: [
            { ranges: [{ address_prefix: "0.0.0.0", prefix_len: 0 }], on_match: DENY },
            { ranges: [{ address_prefix: "127.0.0.0", prefix_len: 8 }], on_match: ALLOW },
          ],
        },
      },
    },
  },
};

traffic(
  "a tree: by the whole value, by the longest prefix, by the narrowest range",
  { legs: DIRECT, filters: [rbac({})], routes: routes(TREES) },
  async (traffic) => {
    const ask = (path: string, role?: string, team?: string) =>
      status(traffic, path, { ...(role && { "x-role": role }), ...(team && { "x-team": team }) });
    expect(await ask("/exact/", "admin")).toBe(200);
    expect(await ask("/exact/", "guest")).toBe(403);
    expect(await ask("/exact/", "other")).toBe(200);
    expect(await ask("/exact/")).toBe(200);
    expect(await ask("/exact-nowhere/", "admin")).toBe(200);
    expect(await ask("/exact-nowhere/", "admin", "red")).toBe(403);
    expect(await ask("/prefix/", "admin")).toBe(200);
    expect(await ask("/prefix/", "abc")).toBe(403);
    expect(await ask("/prefix/", "b")).toBe(200);
    expect(await ask("/prefix/", "c")).toBe(403);
    expect(await ask("/prefix/")).toBe(403);
    expect(await ask("/prefix-nowhere/", "admin")).toBe(200);
    expect(await ask("/prefix-nowhere/", "admin", "red")).toBe(403);
    expect(await ask("/address/")).toBe(200);
  },
);

const ADDRESSES = {
  source: list([[within(network("SourceIPInput"), "127.0.0.0", 8), ALLOW]]),
  "not-source": list([[within(network("SourceIPInput"), "10.0.0.0", 8), ALLOW]]),
  direct: list([[on(network("DirectSourceIPInput"), { exact: "127.0.0.1" }), ALLOW]]),
  destination: list([[within(network("DestinationIPInput"), "127.0.0.0", 8), ALLOW]]),
  port: list([[on(network("DestinationPortInput"), { safe_regex: { google_re2: {}, regex: "[0-9]{2,5}" } }), ALLOW]]),
  "source-port": list([
    [on(network("SourcePortInput"), { safe_regex: { google_re2: {}, regex: "[0-9]{2,5}" } }), ALLOW],
  ]),
  "no-name": list([[on(network("ServerNameInput"), { safe_regex: { google_re2: {}, regex: ".*" } }), ALLOW]]),
  "no-san": list([[on(ssl("UriSanInput"), { safe_regex: { google_re2: {}, regex: ".*" } }), ALLOW]]),
  "no-subject": list([[on(ssl("SubjectInput"), { safe_regex: { google_re2: {}, regex: ".*" } }), ALLOW]]),
};

traffic(
  "what is known of the connection; what is not known matches nothing",
  { legs: DIRECT, filters: [rbac({})], routes: routes(ADDRESSES) },
  async (traffic) => {
    const found: Record<string, number> = {};
    for (const name of Object.keys(ADDRESSES)) found[name] = await status(traffic, `/${name}/`);
    expect(found).toEqual({
      source: 200,
      "not-source": 403,
      direct: 200,
      destination: 200,
      port: 200,
      "source-port": 200,
      "no-name": 403,
      "no-san": 403,
      "no-subject": 403,
    });
  },
);

const CALLERS = {
  "/uri/": nested(list([[on(ssl("UriSanInput"), { exact: CLIENT.uri }), ALLOW]])),
  "/other/": nested(list([[on(ssl("UriSanInput"), { exact: `${CLIENT.uri}2` }), ALLOW]])),
  "/dns/": nested(list([[on(ssl("DnsSanInput"), { safe_regex: { google_re2: {}, regex: ".*" } }), ALLOW]])),
  "/name/": nested(list([[on(network("ServerNameInput"), { prefix: "outbound_.80_._.upstream." }), ALLOW]])),
};

traffic(
  "who the caller proved to be, and the name that it asked for",
  {
    legs: ["h2", "h1"],
    server: {
      // Envoy knows the name by the inspector alone.
      listener: { listener_filters: [extension("tls", "extensions.filters.listener.tls_inspector.v3.TlsInspector")] },
      filters: [rbac({ matcher: tree(header(":path"), "exact", CALLERS) })],
    },
  },
  async (traffic) => {
    expect(await status(traffic, "/uri/")).toBe(200);
    expect(await status(traffic, "/other/")).toBe(403);
    expect(await status(traffic, "/dns/")).toBe(403);
    expect(await status(traffic, "/name/")).toBe(200);
  },
);

const RESULTS = "%DYNAMIC_METADATA(envoy.filters.http.rbac)%";
const HINT = "%DYNAMIC_METADATA(envoy.common:access_log_hint)%";

traffic(
  "the action's name is the policy's, in details and metadata; LOG lets in and says so",
  {
    legs: DIRECT,
    log: { results: RESULTS, hint: HINT },
    filters: [
      rbac({
        matcher: tree(header("x-role"), "exact", { admin: ALLOW, guest: DENY, spy: LOG }),
        shadow_matcher: tree(header("x-role"), "exact", { admin: DENY, spy: LOG }, ALLOW),
      }),
    ],
  },
  async (traffic) => {
    const { logs } = traffic;
    const ask = (role: string) => status(traffic, "/", { "x-role": role });
    expect([await ask("admin"), await ask("guest"), await ask("spy"), await ask("other")]).toEqual([
      200, 403, 200, 403,
    ]);
    const lines = await logs(4);
    expect(lines.map(({ details, results, hint }) => [details, JSON.parse(results ?? ""), hint])).toEqual([
      [
        "via_upstream",
        {
          enforced_effective_policy_id: "let in",
          enforced_engine_result: "allowed",
          shadow_effective_policy_id: "keep out",
          shadow_engine_result: "denied",
        },
        "false",
      ],
      [
        "rbac_access_denied_matched_policy[keep_out]",
        {
          enforced_effective_policy_id: "keep out",
          enforced_engine_result: "denied",
          shadow_effective_policy_id: "let in",
          shadow_engine_result: "allowed",
        },
        "false",
      ],
      [
        "via_upstream",
        {
          enforced_effective_policy_id: "watched",
          enforced_engine_result: "allowed",
          shadow_effective_policy_id: "watched",
          shadow_engine_result: "allowed",
        },
        "true",
      ],
      [
        "rbac_access_denied_matched_policy[none]",
        { enforced_engine_result: "denied", shadow_effective_policy_id: "let in", shadow_engine_result: "allowed" },
        "-",
      ],
    ]);
  },
);

traffic(
  "a shadow that logs says nothing to access logs; a matcher goes before rules",
  {
    legs: DIRECT,
    log: { hint: HINT },
    filters: [
      rbac({
        rules: { action: "ALLOW", policies: {} },
        matcher: { on_no_match: ALLOW },
        shadow_rules: {
          action: "LOG",
          policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } },
        },
      }),
    ],
  },
  async (traffic) => {
    expect(await status(traffic, "/")).toBe(200);
    expect((await traffic.logs(1))[0]).toMatchObject({ hint: "-" });
  },
);

traffic(
  "a connection's matcher",
  {
    legs: ["h2", "h1"],
    server: {
      networkFilters: [
        extension("envoy.filters.network.rbac", "extensions.filters.network.rbac.v3.RBAC", {
          stat_prefix: "lab",
          matcher: tree(ssl("UriSanInput"), "exact", { [CLIENT.uri]: DENY }, ALLOW),
        }),
      ],
    },
  },
  async (traffic) => {
    expect(await status(traffic, "/")).toBe(503);
    expect(traffic.application.requests).toEqual([]);
  },
);

refused(
  "an input that RBAC does not take",
  { filters: [rbac({ matcher: tree(network("TransportProtocolInput"), "exact", { tls: ALLOW }) })] },
  (reason) => expect(reason).toContain("TransportProtocolInput"),
);

refused(
  "an action that is not RBAC's",
  {
    filters: [
      rbac({ matcher: { on_no_match: { action: extension("action", "extensions.filters.http.cors.v3.Cors") } } }),
    ],
  },
  (reason) => expect(reason).not.toBe(""),
);

refused(
  "one predicate where there are to be two",
  {
    filters: [
      rbac({
        matcher: list([[{ and_matcher: { predicate: [on(header("x-role"), { exact: "admin" })] } }, ALLOW]]),
      }),
    ],
  },
  (reason) => expect(reason).not.toBe(""),
);

traffic(
  "the values of a header that is there twice are one, joined by commas: what begins as it should is let in whatever follows",
  {
    legs: DIRECT,
    filters: [rbac({})],
    routes: routes({
      prefix: tree(header("x-role"), "prefix", { adm: ALLOW }),
      exact: tree(header("x-role"), "exact", { admin: ALLOW }),
    }),
  },
  async ({ client }) => {
    const ask = async (kind: string, ...roles: readonly string[]) => {
      const headers = roles.map((role) => ["x-role", role] as const);
      return (await client.request(`/${kind}/`, { headers })).status;
    };
    expect([await ask("prefix", "admin"), await ask("prefix", "guest")]).toEqual([200, 403]);
    expect([await ask("prefix", "admin", "guest"), await ask("prefix", "guest", "admin")]).toEqual([200, 403]);
    expect([await ask("exact", "admin", "guest"), await ask("exact", "guest", "admin")]).toEqual([403, 403]);
  },
);
