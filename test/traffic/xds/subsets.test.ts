// Clusters divided by the metadata of their hosts.

import { expect } from "bun:test";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { type Applications, refused, traffic } from "./traffic.ts";

const counts = ({ v1, v2, v3 }: Applications) => [v1, v2, v3].map(({ requests }) => requests.length);
const labeled = (to: "v1" | "v2" | "v3", labels: Message, fields: Message = {}): EndpointParts => ({
  to,
  fields: { metadata: { filter_metadata: { "envoy.lb": labels } }, ...fields },
});
const match = (labels: Message): Message => ({ metadata_match: { filter_metadata: { "envoy.lb": labels } } });
const ENDPOINTS = [
  labeled("v1", { version: "1", stage: "prod" }),
  labeled("v2", { version: "2", stage: "prod" }),
  labeled("v3", { version: "2", stage: "test" }),
];
const subsets = (config: Message): Message => ({
  lb_subset_config: { subset_selectors: [{ keys: ["version"] }, { keys: ["version", "stage"] }], ...config },
});

traffic(
  "a route's match leads to the hosts that have it",
  { cluster: subsets({}), endpoints: ENDPOINTS, route: match({ version: "2" }), legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([0, 10, 10]);
  },
);

traffic(
  "a match of several keys, in any order",
  { cluster: subsets({}), endpoints: ENDPOINTS, route: match({ version: "2", stage: "test" }), legs: DIRECT },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([0, 0, 10]);
  },
);

traffic(
  "weighted clusters say more than their route",
  {
    cluster: subsets({}),
    endpoints: ENDPOINTS,
    route: {
      cluster: null,
      ...match({ version: "2", stage: "prod" }),
      weighted_clusters: { clusters: [{ name: "upstream", weight: 1, ...match({ stage: "test" }) }] },
    } as unknown as Message,
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([0, 0, 10]);
  },
);

const FALLBACKS = [
  ["NO_FALLBACK", {}, undefined],
  ["ANY_ENDPOINT", {}, [10, 10, 10]],
  ["DEFAULT_SUBSET", { default_subset: { stage: "prod" } }, [15, 15, 0]],
] as const;

for (const [fallback_policy, more, expected] of FALLBACKS)
  for (const [what, route] of [
    ["a match that nobody has", match({ version: "9" })],
    ["keys that nobody selects by", match({ color: "red" })],
    ["no match", {}],
  ] as const)
    traffic(
      `${fallback_policy} for ${what}`,
      { cluster: subsets({ fallback_policy, ...more }), endpoints: ENDPOINTS, route, legs: DIRECT },
      async ({ client, application }) => {
        const responses = await client.inTurn(30, "/");
        if (expected) expect(counts(application)).toEqual([...expected]);
        else expect(responses.map(({ status }) => status)).toEqual(Array(30).fill(503));
      },
    );

traffic(
  "a selector has a fallback of its own",
  {
    cluster: subsets({
      fallback_policy: "ANY_ENDPOINT",
      default_subset: { stage: "test" },
      subset_selectors: [
        { keys: ["version"], fallback_policy: "NO_FALLBACK" },
        { keys: ["stage"], fallback_policy: "DEFAULT_SUBSET" },
        { keys: ["stage", "version"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["stage"] },
      ],
    }),
    endpoints: ENDPOINTS,
    routes: [
      { match: { path: "/version" }, route: { cluster: "upstream", ...match({ version: "9" }) } },
      { match: { path: "/stage" }, route: { cluster: "upstream", ...match({ stage: "none" }) } },
      { match: { path: "/keys" }, route: { cluster: "upstream", ...match({ version: "9", stage: "prod" }) } },
      { match: { path: "/keys-of-none" }, route: { cluster: "upstream", ...match({ version: "9", stage: "none" }) } },
    ],
    legs: DIRECT,
  },
  async ({ client, application }) => {
    expect((await client.request("/version")).status).toBe(503);
    await client.inTurn(4, "/stage");
    expect(counts(application)).toEqual([0, 0, 4]);
    await client.inTurn(10, "/keys");
    expect(counts(application)).toEqual([5, 5, 4]);
    await client.inTurn(4, "/keys-of-none");
    expect(counts(application)).toEqual([5, 5, 8]);
  },
);

traffic(
  "panic_mode_any: where the default subset is empty, any host will do",
  {
    cluster: subsets({ fallback_policy: "DEFAULT_SUBSET", default_subset: { stage: "none" }, panic_mode_any: true }),
    endpoints: ENDPOINTS,
    route: match({ version: "9" }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(30, "/");
    expect(counts(application)).toEqual([10, 10, 10]);
  },
);

traffic(
  "list_as_any: a list stands for each of its elements",
  {
    cluster: subsets({ list_as_any: true }),
    endpoints: [
      labeled("v1", { version: ["1", "2"] }),
      labeled("v2", { version: "2" }),
      labeled("v3", { version: ["3"] }),
    ],
    route: match({ version: "2" }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([10, 10, 0]);
  },
);

traffic(
  "values are numbers and booleans too",
  {
    cluster: subsets({}),
    endpoints: [labeled("v1", { version: 1 }), labeled("v2", { version: true }), labeled("v3", { version: "1" })],
    routes: [
      { match: { path: "/number" }, route: { cluster: "upstream", ...match({ version: 1 }) } },
      { match: { path: "/boolean" }, route: { cluster: "upstream", ...match({ version: true }) } },
    ],
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(3, "/number");
    await client.inTurn(4, "/boolean");
    expect(counts(application)).toEqual([3, 4, 0]);
  },
);

traffic(
  "single_host_per_subset: the first of them takes all",
  {
    cluster: subsets({ subset_selectors: [{ keys: ["version"], single_host_per_subset: true }] }),
    endpoints: ENDPOINTS,
    route: match({ version: "2" }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([0, 10, 0]);
  },
);

traffic(
  "a fallback_list is gone through until somebody is there",
  {
    cluster: subsets({ metadata_fallback_policy: "FALLBACK_LIST" }),
    endpoints: ENDPOINTS,
    route: match({ fallback_list: [{ version: "9" }, { version: "1" }, { version: "2" }] }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(10, "/");
    expect(counts(application)).toEqual([10, 0, 0]);
  },
);

const INSIDE: Message = {
  policies: [
    {
      typed_extension_config: extension(
        "envoy.load_balancing_policies.round_robin",
        "extensions.load_balancing_policies.round_robin.v3.RoundRobin",
      ),
    },
  ],
};

traffic(
  "the policy extension divides as well",
  {
    cluster: {
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: extension(
              "envoy.load_balancing_policies.subset",
              "extensions.load_balancing_policies.subset.v3.Subset",
              { subset_selectors: [{ keys: ["version"] }], allow_redundant_keys: true, subset_lb_policy: INSIDE },
            ),
          },
        ],
      },
    },
    endpoints: ENDPOINTS,
    route: match({ version: "2", color: "red" }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(20, "/");
    expect(counts(application)).toEqual([0, 10, 10]);
  },
);

traffic(
  "a subset whose hosts are sick is in panic by itself",
  {
    cluster: subsets({}),
    endpoints: [
      labeled("v1", { version: "1" }),
      labeled("v2", { version: "2" }, { health_status: "UNHEALTHY" }),
      labeled("v3", { version: "1" }),
    ],
    route: match({ version: "2" }),
    legs: DIRECT,
  },
  async ({ client, application }) => {
    await client.inTurn(5, "/");
    expect(counts(application)).toEqual([0, 5, 0]);
  },
);

traffic(
  "an update of metadata moves a host to another subset, with its connection",
  {
    cluster: subsets({}),
    clusters: { upstream: { eds: true } },
    endpoints: ENDPOINTS,
    route: match({ version: "1" }),
    legs: DIRECT,
  },
  async ({ client, application, update }) => {
    await client.inTurn(2, "/");
    expect(counts(application)).toEqual([2, 0, 0]);
    await update({
      cluster: subsets({}),
      clusters: { upstream: { eds: true } },
      endpoints: [labeled("v1", { version: "2" }), labeled("v2", { version: "1" })],
      route: match({ version: "1" }),
    });
    await client.inTurn(2, "/");
    expect(counts(application)).toEqual([2, 2, 0]);
    await update({
      cluster: subsets({}),
      clusters: { upstream: { eds: true } },
      endpoints: ENDPOINTS,
      route: match({ version: "1" }),
    });
    await client.inTurn(2, "/");
    expect(counts(application)).toEqual([4, 2, 0]);
    expect(application.v1.connections).toBe(1);
  },
);

refused(
  "fallback keys that are all of the keys",
  {
    cluster: subsets({
      subset_selectors: [{ keys: ["a"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["a"] }],
    }),
  },
  (reason) => expect(reason).not.toBe(""),
);
