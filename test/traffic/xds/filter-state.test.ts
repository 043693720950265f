// What filters keep for those after them: objects of connections and requests, and metadata.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { RawServer } from "../../../src/proxy/raw-peer-fixture.ts";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { refused, traffic } from "./traffic.ts";

const STATE = "extensions.filters.http.set_filter_state.v3.Config";

const text = (inline_string: string): Message => ({ text_format_source: { inline_string } });
const object = (object_key: string, format: string, fields: Message = {}): Message => ({
  object_key,
  factory_key: "envoy.string",
  format_string: text(format),
  ...fields,
});
const forRequests = (...on_request_headers: readonly Message[]) =>
  extension("state", STATE, { on_request_headers: [...on_request_headers] });
const forConnections = (...on_new_connection: readonly Message[]) =>
  extension("connection", "extensions.filters.network.set_filter_state.v3.Config", {
    on_new_connection: [...on_new_connection],
  });

traffic(
  "objects of a request are in logs and headers",
  {
    legs: DIRECT,
    filters: [
      forRequests(
        object("user", "%REQ(x-user)% from %REQ(x-place)%"),
        object("whole", "%REQ(x-nobody)%", {
          skip_if_empty: true,
          format_string: { ...text("%REQ(x-nobody)%"), omit_empty_values: true },
        }),
        object("envoy.string", "by itself", { factory_key: "" }),
      ),
    ],
    virtualHost: {
      request_headers_to_add: [{ header: { key: "x-state", value: "%FILTER_STATE(user:PLAIN)%" } }],
      response_headers_to_add: [{ header: { key: "x-typed", value: "%FILTER_STATE(user)%" } }],
    },
    log: {
      typed: "%FILTER_STATE(user)%",
      plain: "%FILTER_STATE(user:PLAIN)%",
      cut: "%FILTER_STATE(user:PLAIN):3%",
      whole: "%FILTER_STATE(whole:PLAIN)%",
      missing: "%FILTER_STATE(nobody)%",
      own: "%FILTER_STATE(envoy.string:PLAIN)%",
    },
  },
  async ({ client, logs }) => {
    const response = await client.request("/", { headers: { "x-user": 'a"nn' } });
    expect(response.header("x-typed")).toBe('"a\\"nn from -"');
    expect(Object.fromEntries(response.echo.headers)["x-state"]).toBe('a"nn from -');
    expect((await logs(1))[0]).toMatchObject({
      typed: '"a\\"nn from -"',
      plain: 'a"nn from -',
      cut: 'a"n',
      whole: "-",
      missing: "-",
      own: "by itself",
    });
  },
);

traffic(
  "an object of a connection is every request's, until a filter has another",
  {
    legs: DIRECT,
    filtersBefore: [
      forConnections(object("place", "of the connection"), object("kept", "the first", { read_only: true })),
    ],
    filters: [forRequests(object("own", "%FILTER_STATE(place:PLAIN)%"))],
    log: { place: "%FILTER_STATE(place:PLAIN)%", own: "%FILTER_STATE(own:PLAIN)%", kept: "%FILTER_STATE(kept:PLAIN)%" },
  },
  async ({ client, logs }) => {
    await client.request("/");
    expect((await logs(1))[0]).toMatchObject({
      place: "of the connection",
      own: "of the connection",
      kept: "the first",
    });
  },
);

traffic(
  "a route has objects of its own",
  {
    legs: DIRECT,
    filters: [forRequests(object("a", "listener"), object("b", "listener"))],
    routes: [
      {
        match: { prefix: "/own" },
        route: { cluster: "upstream" },
        typed_per_filter_config: { state: typed(STATE, { on_request_headers: [object("b", "route")] }) },
      },
      { match: { prefix: "/" }, route: { cluster: "upstream" } },
    ],
    log: { a: "%FILTER_STATE(a:PLAIN)%", b: "%FILTER_STATE(b:PLAIN)%" },
  },
  async ({ client, logs }) => {
    await client.request("/own");
    await client.request("/");
    expect((await logs(2)).map(({ a, b }) => [a, b])).toEqual([
      ["listener", "route"],
      ["listener", "listener"],
    ]);
  },
);

const OTHER = new RawServer((peer) => peer.send("other"));

/** Forty draws of two reach one alone once in 5e11 runs. */
const CONNECTIONS = 40;

/** Each has an object of its own. */
async function connectOften(
  connect: () => Promise<{ send(text: string): void; readonly text: string; reset(): void }>,
) {
  for (let i = 0; i < CONNECTIONS; i++) {
    const raw = await connect();
    raw.send("x");
    await until("an answer", () => raw.text.length > 0);
    raw.reset();
  }
}

for (const [name, factory_key, format, hosts] of [
  ["one object leads to one endpoint", "envoy.hashable_string", "the same", 1],
  ["others lead to others", "envoy.hashable_string", "%CONNECTION_ID% %DOWNSTREAM_REMOTE_ADDRESS%", 2],
  ["a string that is not made for it leads nowhere", "envoy.string", "the same", 2],
] as const)
  traffic(
    `a byte stream goes by an object of its connection: ${name}`,
    {
      legs: DIRECT,
      endpoints: ["bytes", OTHER.port],
      filtersBefore: [forConnections(object("key", format, { factory_key }))],
      tcp: { hash_policy: [{ filter_state: { key: "key" } }] },
      cluster: { lb_policy: "RING_HASH" },
    },
    async ({ client, logs }) => {
      await connectOften(() => client.connect());
      expect(new Set((await logs(CONNECTIONS)).map(({ host }) => host)).size).toBe(hosts);
    },
  );

const METADATA = (name: string, fields: Message) =>
  extension(name, "extensions.filters.http.set_metadata.v3.Config", fields);

traffic(
  "metadata goes together, and rules decide by it",
  {
    legs: DIRECT,
    manager: { stat_prefix: "set_metadata" },
    filters: [
      METADATA("first", {
        metadata: [
          { metadata_namespace: "ns", value: { tier: "gold", list: [1], deep: { a: 1, b: 2 } } },
          { metadata_namespace: "ns", value: { tier: "lead" } },
          { metadata_namespace: "other", value: { x: true } },
        ],
      }),
      METADATA("second", {
        metadata: [
          {
            metadata_namespace: "ns",
            allow_overwrite: true,
            value: { list: [2], deep: { b: "3", c: null }, more: 1.5 },
          },
        ],
      }),
      METADATA("deprecated", { metadata_namespace: "other", value: { x: false, y: "z" } }),
      extension("envoy.filters.http.rbac", "extensions.filters.http.rbac.v3.RBAC", {
        rules: {
          action: "ALLOW",
          policies: {
            p: {
              permissions: [
                {
                  sourced_metadata: {
                    metadata_matcher: {
                      filter: "ns",
                      path: [{ key: "tier" }],
                      value: { string_match: { exact: "gold" } },
                    },
                  },
                },
              ],
              principals: [{ any: true }],
            },
          },
        },
      }),
    ],
    virtualHost: { request_headers_to_add: [{ header: { key: "x-tier", value: "%DYNAMIC_METADATA(ns:tier)%" } }] },
    log: { ns: "%DYNAMIC_METADATA(ns)%", other: "%DYNAMIC_METADATA(other)%", deep: "%DYNAMIC_METADATA(ns:deep:a)%" },
  },
  async ({ client, logs, process }) => {
    const response = await client.request("/");
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.echo.headers)["x-tier"]).toBe("gold");
    const [line] = await logs(1);
    expect(JSON.parse(line!.ns!)).toEqual({ tier: "gold", list: [1, 2], deep: { a: 1, b: "3", c: null }, more: 1.5 });
    expect(JSON.parse(line!.other!)).toEqual({ x: false, y: "z" });
    expect(line!.deep).toBe("1");
    await until("the count", async () =>
      (await process.admin("/stats/prometheus"))
        .split("\n")
        .some((one) => one.startsWith("envoy_http_set_metadata_overwrite_denied{") && /"set_metadata"} 1$/.test(one)),
    );
  },
);

refused(
  "an object of a factory that nobody has",
  { filters: [forRequests(object("a", "b", { factory_key: "nobody.has.this" }))] },
  (reason) => expect(reason).toMatch(/object factory/),
);
