// Token buckets of one proxy. None of them is filled again within a case.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, tcpProxy, typed } from "./message.ts";
import type { RequestOptions } from "./response.ts";
import { refused, traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const LIMIT = "envoy.filters.http.local_ratelimit";
const TYPE = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const ALWAYS = { default_value: { numerator: 100, denominator: "HUNDRED" } };

const bucket = (tokens: number, seconds = 3_600): Message => ({
  max_tokens: tokens,
  tokens_per_fill: tokens,
  fill_interval: `${seconds}s`,
});
const fields = (more: Message): Message => ({
  stat_prefix: "lab",
  filter_enabled: ALWAYS,
  filter_enforced: ALWAYS,
  ...more,
});
const limit = (more: Message = {}) => extension(LIMIT, TYPE, fields(more));
const ofRoute = (more: Message): Message => ({ typed_per_filter_config: { [LIMIT]: typed(TYPE, fields(more)) } });
const descriptor = (tokens: number, ...entries: readonly [string, string][]): Message => ({
  entries: entries.map(([key, value]) => ({ key, value })),
  token_bucket: bucket(tokens),
});

traffic(
  "what is more than the bucket holds is refused: 429, RL",
  { filters: [limit({ token_bucket: bucket(2) })] },
  async ({ client, application, logs }) => {
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await client.request("/"));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]!.text).toBe("local_rate_limited");
    expect(application.requests).toHaveLength(2);
    expect((await logs(3))[2]).toMatchObject({ code: "429", flags: "RL", details: "local_rate_limited" });
  },
);

traffic(
  "without filter_enabled nothing is limited; without filter_enforced it is told and let through",
  {
    legs: DIRECT,
    filters: [extension(LIMIT, TYPE, { stat_prefix: "lab" })],
    routes: [
      {
        match: { prefix: "/told" },
        route: { cluster: "upstream" },
        typed_per_filter_config: {
          [LIMIT]: typed(TYPE, {
            stat_prefix: "told",
            filter_enabled: ALWAYS,
            token_bucket: bucket(1),
            request_headers_to_add_when_not_enforced: [
              { header: { key: "x-limited", value: "%REQ(:METHOD)%" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
            ],
          }),
        },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client, logs }) => {
    for (let i = 0; i < 2; i++) expect((await client.request("/")).status).toBe(200);
    expect((await client.request("/told")).echo.headers.some(([name]) => name === "x-limited")).toBe(false);
    const told = await client.request("/told");
    expect([told.status, fieldOf(told.echo.headers, "x-limited")]).toEqual([200, "GET"]);
    expect((await logs(4)).map(({ flags }) => flags)).toEqual(["-", "-", "-", "-"]);
  },
);

traffic(
  "a route has buckets of its own",
  {
    legs: DIRECT,
    filters: [limit({ token_bucket: bucket(1) })],
    routes: [
      { match: { prefix: "/a" }, route: { cluster: "upstream" }, ...ofRoute({ token_bucket: bucket(2) }) },
      { match: { prefix: "/b" }, route: { cluster: "upstream" }, ...ofRoute({ token_bucket: bucket(2) }) },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client }) => {
    const statuses = async (path: string) => {
      const found = [];
      for (let i = 0; i < 3; i++) found.push((await client.request(path)).status);
      return found;
    };
    expect(await statuses("/a")).toEqual([200, 200, 429]);
    expect(await statuses("/b")).toEqual([200, 200, 429]);
    expect(await statuses("/")).toEqual([200, 429, 429]);
  },
);

traffic(
  "a connection may have a bucket of its own",
  { legs: DIRECT, filters: [limit({ token_bucket: bucket(2), local_rate_limit_per_downstream_connection: true })] },
  async ({ client }) => {
    for (let i = 0; i < 2; i++)
      expect((await client.inTurn(3, "/")).map(({ status }) => status)).toEqual([200, 200, 429]);
  },
);

traffic(
  "the answer may be another, with headers, and tell what is left",
  {
    legs: DIRECT,
    filters: [
      limit({
        token_bucket: bucket(2),
        status: { code: "ServiceUnavailable" },
        enable_x_ratelimit_headers: "DRAFT_VERSION_03",
        response_headers_to_add: [{ header: { key: "x-why", value: "too many for %REQ(:PATH)%" } }],
      }),
    ],
  },
  async ({ client }) => {
    const seen = [];
    for (let i = 0; i < 3; i++) {
      const { status, header } = await client.request("/p");
      seen.push([
        status,
        header("x-why"),
        header("x-ratelimit-limit"),
        header("x-ratelimit-remaining"),
        header("x-ratelimit-reset"),
      ]);
    }
    expect(seen).toEqual([
      [200, undefined, "2", "1", "0"],
      [200, undefined, "2", "0", "1800"],
      [503, "too many for /p", "2", "0", "1800"],
    ]);
  },
);

traffic(
  "gRPC is told UNAVAILABLE, or RESOURCE_EXHAUSTED",
  {
    legs: DIRECT,
    application: "http2",
    filters: [limit({ token_bucket: bucket(1) })],
    routes: [
      {
        match: { prefix: "/e/" },
        route: { cluster: "upstream" },
        ...ofRoute({ token_bucket: bucket(1), rate_limited_as_resource_exhausted: true }),
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
  },
  async ({ client }) => {
    const http2 = await client.http2();
    const call = async (path: string) => {
      const headers = { "content-type": "application/grpc", te: "trailers" };
      const answer = await http2.request(path, { method: "POST", headers });
      return [answer.status, fieldOf(answer.headers, "grpc-status"), fieldOf(answer.headers, "grpc-message")];
    };
    await call("/s/m");
    await call("/e/m");
    expect(await call("/s/m")).toEqual([200, "14", "local_rate_limited"]);
    expect(await call("/e/m")).toEqual([200, "8", "local_rate_limited"]);
  },
);

const ACTIONS: Readonly<Record<string, Message>> = {
  source: { source_cluster: {} },
  destination: { destination_cluster: {} },
  header: { request_headers: { header_name: "x-plan", descriptor_key: "plan" } },
  query: { query_parameters: { query_parameter_name: "q", descriptor_key: "query" } },
  address: { remote_address: {} },
  masked: { masked_remote_address: { v4_prefix_mask_len: 16 } },
  generic: { generic_key: { descriptor_value: "fixed" } },
  "header-match": {
    header_value_match: { descriptor_value: "m", headers: [{ name: "x-plan", string_match: { exact: "free" } }] },
  },
  "query-match": {
    query_parameter_value_match: {
      descriptor_key: "k",
      descriptor_value: "v",
      query_parameters: [{ name: "q", string_match: { exact: "1" } }],
    },
  },
  metadata: {
    metadata: {
      descriptor_key: "tier",
      metadata_key: { key: "tags", path: [{ key: "tier" }] },
      source: "ROUTE_ENTRY",
    },
  },
};

traffic(
  "each action of a rate limit makes its entry",
  {
    legs: DIRECT,
    filters: [
      limit({
        token_bucket: bucket(1_000),
        descriptors: [
          descriptor(1, ["source_cluster", "client"]),
          descriptor(1, ["destination_cluster", "upstream"]),
          descriptor(1, ["plan", "free"]),
          descriptor(1, ["query", "a b"]),
          descriptor(1, ["remote_address", "10.1.2.3"]),
          descriptor(1, ["masked_remote_address", "10.1.0.0/16"]),
          descriptor(1, ["generic_key", "fixed"]),
          descriptor(1, ["header_match", "m"]),
          descriptor(1, ["k", "v"]),
          descriptor(1, ["tier", "gold"]),
        ],
      }),
    ],
    routes: Object.entries(ACTIONS).map(([name, action]) => ({
      match: { prefix: `/${name}/` },
      metadata: { filter_metadata: { tags: { tier: "gold" } } },
      route: { cluster: "upstream", rate_limits: [{ actions: [action] }] },
    })),
  },
  async ({ client }) => {
    const matching: Record<string, [string, Record<string, string>]> = {
      header: ["", { "x-plan": "free" }],
      query: ["?q=a%20b", {}],
      address: ["", { "x-forwarded-for": "10.1.2.3" }],
      masked: ["", { "x-forwarded-for": "10.1.9.9" }],
      "header-match": ["", { "x-plan": "free" }],
      "query-match": ["?q=1", {}],
    };
    for (const name of Object.keys(ACTIONS)) {
      const [query, headers] = matching[name] ?? ["", {}];
      const statuses = [];
      for (let i = 0; i < 2; i++) statuses.push((await client.request(`/${name}/${query}`, { headers })).status);
      expect([name, ...statuses]).toEqual([name, 200, 429]);
      if (matching[name]) expect([name, (await client.request(`/${name}/`)).status]).toEqual([name, 200]);
    }
  },
);

traffic(
  "several entries are one descriptor; an absent one takes it away, or leaves itself out",
  {
    legs: DIRECT,
    filters: [
      limit({
        token_bucket: bucket(1_000),
        descriptors: [
          descriptor(1, ["generic_key", "g"], ["plan", "free"]),
          descriptor(2, ["generic_key", "g"]),
          descriptor(1, ["plan", "free"], ["generic_key", "other order"]),
        ],
      }),
    ],
    routes: [false, true].map((skip) => ({
      match: { prefix: `/${skip}` },
      route: {
        cluster: "upstream",
        rate_limits: [
          {
            actions: [
              { generic_key: { descriptor_value: "g" } },
              { request_headers: { header_name: "x-plan", descriptor_key: "plan", skip_if_absent: skip } },
            ],
          },
        ],
      },
    })),
  },
  async ({ client }) => {
    const statuses = async (path: string, headers: Record<string, string>) => {
      const found = [];
      for (let i = 0; i < 3; i++) found.push((await client.request(path, { headers })).status);
      return found;
    };
    expect(await statuses("/false", { "x-plan": "free" })).toEqual([200, 429, 429]);
    expect(await statuses("/false", { "x-plan": "paid" })).toEqual([200, 200, 200]);
    expect(await statuses("/false", {})).toEqual([200, 200, 200]);
    expect(await statuses("/true", {})).toEqual([200, 200, 429]);
  },
);

traffic(
  "the limits of the virtual host hold where the route has none, or includes them",
  {
    legs: DIRECT,
    filters: [
      limit({
        token_bucket: bucket(1_000),
        descriptors: [descriptor(1, ["generic_key", "host"]), descriptor(2, ["generic_key", "route"])],
      }),
    ],
    virtualHost: { rate_limits: [{ actions: [{ generic_key: { descriptor_value: "host" } }] }] },
    routes: [
      { match: { prefix: "/none" }, route: { cluster: "upstream" } },
      ...["own", "include", "option", "ignore"].map((name) => ({
        match: { prefix: `/${name}` },
        route: {
          cluster: "upstream",
          rate_limits: [{ actions: [{ generic_key: { descriptor_value: "route" } }] }],
          ...(name === "include" && { include_vh_rate_limits: true }),
        },
        ...(name === "option" || name === "ignore"
          ? ofRoute({
              token_bucket: bucket(1_000),
              vh_rate_limits: name === "option" ? "INCLUDE" : "IGNORE",
              descriptors: [descriptor(1, ["generic_key", "host"]), descriptor(2, ["generic_key", "route"])],
            })
          : {}),
      })),
    ],
  },
  async ({ client }) => {
    const statuses = async (path: string) => {
      const found = [];
      for (let i = 0; i < 3; i++) found.push((await client.request(path)).status);
      return found;
    };
    expect(await statuses("/own")).toEqual([200, 200, 429]);
    expect(await statuses("/none")).toEqual([200, 429, 429]);
    expect(await statuses("/include")).toEqual([429, 429, 429]);
    expect(await statuses("/option")).toEqual([200, 429, 429]);
    expect(await statuses("/ignore")).toEqual([200, 200, 429]);
  },
);

traffic(
  "only limits of the filter's stage are its own",
  {
    legs: DIRECT,
    filters: [
      limit({
        stage: 1,
        token_bucket: bucket(1_000),
        descriptors: [descriptor(1, ["generic_key", "one"]), descriptor(1, ["generic_key", "zero"])],
      }),
    ],
    route: {
      rate_limits: [
        {
          actions: [
            {
              header_value_match: {
                descriptor_key: "generic_key",
                descriptor_value: "zero",
                headers: [{ name: "x-zero", present_match: true }],
              },
            },
          ],
        },
        {
          stage: 1,
          actions: [
            {
              header_value_match: {
                descriptor_key: "generic_key",
                descriptor_value: "one",
                headers: [{ name: "x-one", present_match: true }],
              },
            },
          ],
        },
      ],
    },
  },
  async ({ client }) => {
    const twice = async (name: string) => [
      (await client.request("/", { headers: { [name]: "1" } })).status,
      (await client.request("/", { headers: { [name]: "1" } })).status,
    ];
    expect(await twice("x-zero")).toEqual([200, 200]);
    expect(await twice("x-one")).toEqual([200, 429]);
  },
);

traffic(
  "each caller has a bucket of its own, known by what its certificate proves",
  {
    legs: ["h2", "h1"],
    server: {
      filters: [
        limit({
          rate_limits: [
            { actions: [{ generic_key: { descriptor_key: "caller", descriptor_value: "%DOWNSTREAM_PEER_URI_SAN%" } }] },
          ],
          descriptors: [descriptor(2, ["caller", ""])],
        }),
      ],
    },
  },
  async ({ client, serverLog }) => {
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await client.request("/")).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await serverLog.atLeast(3))[2]).toMatchObject({ flags: "RL" });
  },
);

traffic(
  "any value has a bucket of its own, and the ones used longest ago are forgotten",
  {
    legs: DIRECT,
    filters: [
      limit({
        max_dynamic_descriptors: 2,
        rate_limits: [
          { actions: [{ request_headers: { header_name: "x-user", descriptor_key: "user" } }] },
          {
            actions: [
              { generic_key: { descriptor_key: "agent", descriptor_value: "%REQ(x-agent)%", default_value: "nobody" } },
            ],
          },
        ],
        descriptors: [descriptor(1, ["user", ""]), descriptor(2, ["user", "known"])],
      }),
    ],
  },
  async ({ client }) => {
    const ask = async (user: string) => (await client.request("/", { headers: { "x-user": user } })).status;
    expect([await ask("a"), await ask("a"), await ask("b"), await ask("b")]).toEqual([200, 429, 200, 429]);
    expect([await ask("known"), await ask("known"), await ask("known")]).toEqual([200, 200, 429]);
    // The third takes the place of the first.
    expect([await ask("c"), await ask("b"), await ask("a")]).toEqual([200, 429, 200]);
  },
);

traffic(
  "an entry whose operator finds nothing",
  {
    legs: DIRECT,
    filters: [limit({ token_bucket: bucket(1_000) })],
    routes: (
      [
        ["dash", "-", {}],
        ["otherwise", "nobody", { default_value: "nobody" }],
        ["empty-part", "a", {}],
      ] as const
    ).map(([name, value, more]) => ({
      match: { prefix: `/${name}` },
      route: { cluster: "upstream" },
      ...ofRoute({
        token_bucket: bucket(1_000),
        rate_limits: [
          {
            actions: [
              {
                generic_key: {
                  descriptor_key: "agent",
                  descriptor_value: name === "empty-part" ? "a%REQ(x-agent)%" : "%REQ(x-agent)%",
                  ...more,
                },
              },
            ],
          },
        ],
        descriptors: [descriptor(1, ["agent", value]), descriptor(1, ["agent", "somebody"])],
      }),
    })),
  },
  async ({ client }) => {
    const found: Record<string, string> = {};
    for (const name of ["dash", "otherwise", "empty-part"]) {
      const statuses = [];
      for (const headers of [{}, {}, { "x-agent": "somebody" }, { "x-agent": "somebody" }])
        statuses.push((await client.request(`/${name}`, { headers } as RequestOptions)).status);
      found[name] = statuses.join(" ");
    }
    expect(found).toEqual({
      dash: "200 200 200 429",
      otherwise: "200 429 200 429",
      "empty-part": "200 429 200 200",
    });
  },
);

traffic(
  "the default bucket is taken from beside a descriptor's unless told otherwise",
  {
    legs: DIRECT,
    filters: [limit({ token_bucket: bucket(1) })],
    routes: [true, false].map((always) => ({
      match: { prefix: `/${always}` },
      route: { cluster: "upstream", rate_limits: [{ actions: [{ generic_key: { descriptor_value: "g" } }] }] },
      ...ofRoute({
        token_bucket: bucket(1),
        descriptors: [descriptor(2, ["generic_key", "g"])],
        always_consume_default_token_bucket: always,
      }),
    })),
  },
  async ({ client }) => {
    const statuses = async (path: string) => {
      const found = [];
      for (let i = 0; i < 3; i++) found.push((await client.request(path)).status);
      return found;
    };
    expect(await statuses("/true")).toEqual([200, 429, 429]);
    expect(await statuses("/false")).toEqual([200, 200, 429]);
  },
);

traffic(
  "a bucket fills again",
  { legs: DIRECT, filters: [limit({ token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "0.2s" } })] },
  async ({ client }) => {
    expect((await client.request("/")).status).toBe(200);
    for (;;) if ((await client.request("/")).status === 200) break;
  },
);

traffic(
  "connections beyond a bucket are closed before anything is read of them",
  {
    legs: DIRECT,
    endpoints: ["bytes"],
    listener: {
      filter_chains: [
        {
          filters: [
            extension("limit", "extensions.filters.network.local_ratelimit.v3.LocalRateLimit", {
              stat_prefix: "connections",
              token_bucket: bucket(2),
            }),
            tcpProxy({ cluster: "upstream" }),
          ],
        },
      ],
    },
  },
  async ({ client }) => {
    for (let i = 0; i < 2; i++) {
      const raw = await client.connect();
      raw.send("hello");
      await raw.hears("hello");
    }
    const third = await client.connect();
    third.send("hello");
    await third.isClosed();
    expect(third.text).toBe("");
  },
);

refused(
  "a bucket that would be filled too often",
  { filters: [limit({ token_bucket: { max_tokens: 1, fill_interval: "0.01s" } })] },
  (reason) => expect(reason).not.toBe(""),
);
