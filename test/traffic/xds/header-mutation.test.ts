// Header operations as a filter.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { traffic } from "./traffic.ts";
import { fieldOf, fieldsOf } from "./wire.ts";

const NAME = "envoy.filters.http.header_mutation";
const TYPE = "extensions.filters.http.header_mutation.v3.HeaderMutation";
const PER_ROUTE = "extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute";

const set = (key: string, value: string, append_action = "OVERWRITE_IF_EXISTS_OR_ADD"): Message => ({
  append: { header: { key, value }, append_action },
});
const perRoute = (request: readonly Message[], response: readonly Message[] = []): Message => ({
  typed_per_filter_config: {
    [NAME]: typed(PER_ROUTE, { mutations: { request_mutations: [...request], response_mutations: [...response] } }),
  },
});

traffic(
  "requests and responses, in the order of the list",
  {
    filters: [
      extension(NAME, TYPE, {
        mutations: {
          request_mutations: [
            { remove: "x-gone" },
            set("x-path", "%REQ(:PATH)%"),
            set("x-more", "two", "APPEND_IF_EXISTS_OR_ADD"),
            set("x-late", "1"),
            { remove: "x-late" },
            set("x-if", "new", "OVERWRITE_IF_EXISTS"),
          ],
          response_mutations: [set("x-code", "%RESPONSE_CODE%"), { remove: "x-envoy-upstream-service-time" }],
        },
      }),
    ],
  },
  async ({ client }) => {
    const response = await client.request("/p?q", { headers: { "x-gone": "1", "x-more": "one", "x-late": "0" } });
    const { headers } = response.echo;
    expect(fieldOf(headers, "x-gone")).toBeUndefined();
    expect(fieldOf(headers, "x-late")).toBeUndefined();
    expect(fieldOf(headers, "x-if")).toBeUndefined();
    expect(fieldOf(headers, "x-path")).toBe("/p?q");
    expect(fieldsOf(headers, "x-more")).toEqual(["one", "two"]);
    expect(response.header("x-code")).toBe("200");
    expect(response.header("x-envoy-upstream-service-time")).toBeUndefined();
  },
);

for (const wins of [false, true])
  traffic(
    `levels of routes are all applied, the most specific ${wins ? "last" : "first"}`,
    {
      legs: DIRECT,
      filters: [
        extension(NAME, TYPE, {
          mutations: { request_mutations: [set("x-by", "filter"), set("x-filter", "1")] },
          most_specific_header_mutations_wins: wins,
        }),
      ],
      virtualHost: perRoute([set("x-by", "host"), set("x-host", "1")], [set("x-answer", "host")]),
      routes: [
        {
          match: { prefix: "/none" },
          direct_response: { status: 204 },
          ...perRoute([], [set("x-answer", "route")]),
        },
        {
          match: { prefix: "/" },
          route: { cluster: "upstream" },
          ...perRoute([set("x-by", "route"), set("x-route", "1")]),
        },
      ],
    },
    async ({ client }) => {
      const { headers } = (await client.request("/")).echo;
      expect(fieldOf(headers, "x-by")).toBe(wins ? "route" : "host");
      expect([fieldOf(headers, "x-filter"), fieldOf(headers, "x-host"), fieldOf(headers, "x-route")]).toEqual([
        "1",
        "1",
        "1",
      ]);
      expect((await client.request("/none")).header("x-answer")).toBe(wins ? "route" : "host");
    },
  );
