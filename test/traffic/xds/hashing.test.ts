// Consistent hashing: a key lands on the same host on Heddle's proxy as on Envoy.

import { expect } from "bun:test";
import type { Application } from "./application.ts";
import { DIRECT, type EndpointParts } from "./configuration.ts";
import { extension, type Message, merge, typed } from "./message.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";
import { fieldOf } from "./wire.ts";

const KEYS = 200;
const BY_KEY: Message = { hash_policy: [{ header: { header_name: "x-key" } }] };
const weighted = (to: "v1" | "v2" | "v3", load_balancing_weight: number, fields: Message = {}): EndpointParts => ({
  to,
  fields: { load_balancing_weight, ...fields },
});

/** Where keys landed on the proxy that ran first, by case. */
const landed = new Map<string, readonly string[]>();

async function hostsOf({ client, application: { v1, v2, v3 } }: Traffic): Promise<readonly string[]> {
  const connection = await client.http1();
  for (let key = 0; key < KEYS; key++) await connection.request("/", { headers: { "x-key": `key-${key}` } });
  const found = new Map(
    [v1, v2, v3].flatMap((application: Application) =>
      application.requests.map(({ headers }) => [fieldOf(headers, "x-key")!, application.name] as const),
    ),
  );
  return Array.from({ length: KEYS }, (_, key) => found.get(`key-${key}`)!);
}

/** Every application has at least `least` of the keys, and each key is where the other proxy sends it. */
function landsAlike(name: string, cluster: Message, endpoints: readonly EndpointParts[], least = 20): void {
  traffic(`${name}: keys land alike`, { route: BY_KEY, cluster, endpoints, legs: DIRECT }, async (context) => {
    const found = await hostsOf(context);
    for (const application of ["v1", "v2", "v3"])
      expect(found.filter((one) => one === application).length).toBeGreaterThanOrEqual(least);
    const before = landed.get(name);
    landed.set(name, found);
    if (before) expect(found).toEqual(before);
  });
}

const ALIKE: readonly EndpointParts[] = ["v1", "v2", "v3"];
const UNLIKE: readonly EndpointParts[] = [weighted("v1", 1), weighted("v2", 2), weighted("v3", 3)];
const NAMED: readonly EndpointParts[] = ["v1", "v2", "v3"].map((name) => ({
  to: name as "v1",
  fields: { endpoint: { hostname: `${name}.example.com` } },
}));
const KEYED: readonly EndpointParts[] = ["v1", "v2", "v3"].map((name) => ({
  to: name as "v1",
  fields: { metadata: { filter_metadata: { "envoy.lb": { hash_key: `key of ${name} é` } } } },
}));
const RING: Message = { lb_policy: "RING_HASH" };
const MAGLEV: Message = { lb_policy: "MAGLEV" };
const BY_NAME: Message = { consistent_hashing_lb_config: { use_hostname_for_hashing: true } };
const policy = (name: string, fields: Message): Message => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: extension(
          `envoy.load_balancing_policies.${name}`,
          `extensions.load_balancing_policies.${name}.v3.${name === "maglev" ? "Maglev" : "RingHash"}`,
          fields,
        ),
      },
    ],
  },
});

landsAlike("a ring", RING, ALIKE);
landsAlike("a ring of weights", RING, UNLIKE, 10);
landsAlike("a ring of hash_key", RING, KEYED);
landsAlike(
  "a ring of MurmurHash2",
  merge(RING, { ring_hash_lb_config: { hash_function: "MURMUR_HASH_2", minimum_ring_size: 3_000 } }),
  ALIKE,
);
landsAlike(
  "a small ring",
  merge(RING, { ring_hash_lb_config: { minimum_ring_size: 7, maximum_ring_size: 10 } }),
  UNLIKE,
  1,
);
landsAlike(
  "a ring as an extension",
  policy("ring_hash", {
    hash_function: "MURMUR_HASH_2",
    ...BY_NAME,
  }),
  NAMED,
);
landsAlike("Maglev", MAGLEV, ALIKE);
landsAlike("Maglev of weights", MAGLEV, UNLIKE, 10);
landsAlike("Maglev of names as an extension", policy("maglev", BY_NAME), NAMED);
landsAlike("Maglev of hash_key", MAGLEV, KEYED);
landsAlike("a small Maglev as an extension", policy("maglev", { table_size: 101 }), ALIKE);

const LOCALITIES = [
  { fields: { locality: { zone: "a" }, load_balancing_weight: 3 }, endpoints: ["v1"] as const },
  { fields: { locality: { zone: "b" }, load_balancing_weight: 1 }, endpoints: ["v2", "v3"] as const },
];

for (const [name, lb] of [
  ["a ring", RING],
  ["Maglev", MAGLEV],
] as const)
  traffic(
    `${name} goes by the weights of localities`,
    {
      route: BY_KEY,
      legs: DIRECT,
      clusters: { upstream: { localities: LOCALITIES } },
      cluster: merge(lb, { common_lb_config: { locality_weighted_lb_config: {} } }),
    },
    async (context) => {
      const found = await hostsOf(context);
      const heavy = found.filter((one) => one === "v1").length;
      expect(heavy).toBeGreaterThan(KEYS * 0.55);
      expect(heavy).toBeLessThan(KEYS * 0.95);
      const key = `localities ${name}`;
      const before = landed.get(key);
      landed.set(key, found);
      if (before) expect(found).toEqual(before);
    },
  );

traffic(
  "a host with more than its part gives way, and its keys to the same others on either proxy",
  {
    route: BY_KEY,
    legs: DIRECT,
    endpoints: ALIKE,
    cluster: merge(RING, { common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 100 } } }),
  },
  async (context) => {
    const { client, application } = context;
    const all = [application.v1, application.v2, application.v3];
    for (const one of all) one.script(() => ({ kind: "hang" }));
    // One key for all: (n + 1) / 3 at a time for its own host, the rest elsewhere.
    for (let i = 0; i < 12; i++) {
      const connection = await client.http1();
      const before = application.requests.length;
      connection.send("/", { headers: { "x-key": "one" } });
      while (application.requests.length === before) await Bun.sleep(2);
    }
    const counts = all.map(({ requests }) => requests.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(6);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
    const before = landed.get("bounded");
    landed.set("bounded", counts.map(String));
    if (before) expect(counts.map(String)).toEqual([...before]);
  },
);

traffic(
  "without anything to hash, requests go anywhere",
  { cluster: RING, endpoints: ALIKE, legs: DIRECT },
  async ({ client, application: { v1, v2, v3 } }) => {
    await client.inTurn(60, "/");
    for (const { requests } of [v1, v2, v3]) expect(requests.length).toBeGreaterThan(3);
  },
);

refused(
  "a ring with its sizes the wrong way round",
  { cluster: merge(RING, { ring_hash_lb_config: { minimum_ring_size: 20, maximum_ring_size: 10 } }) },
  (reason) => expect(reason).toContain("minimum_ring_size"),
);

refused(
  "a Maglev table that is no prime",
  { cluster: merge(MAGLEV, { maglev_lb_config: { table_size: 100 } }) },
  (reason) => expect(reason).toContain("prime"),
);

refused(
  "a policy that is not known",
  {
    cluster: {
      load_balancing_policy: {
        policies: [
          {
            typed_extension_config: {
              name: "x",
              typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            },
          },
        ],
      },
    },
  },
  (reason) => expect(reason).not.toBe(""),
);

const STATE = "extensions.filters.http.set_filter_state.v3.Config";
const kept = (factory_key: string): Message =>
  extension("state", STATE, {
    on_request_headers: [
      { object_key: "user", factory_key, format_string: { text_format_source: { inline_string: "%REQ(x-key)%" } } },
    ],
  });
const BY_OBJECT: Message = { hash_policy: [{ filter_state: { key: "user" } }] };

traffic(
  "an object that a filter keeps: keys land alike",
  { route: BY_OBJECT, filters: [kept("envoy.hashable_string")], cluster: RING, endpoints: ALIKE, legs: DIRECT },
  async (context) => {
    const found = await hostsOf(context);
    for (const application of ["v1", "v2", "v3"])
      expect(found.filter((one) => one === application).length).toBeGreaterThanOrEqual(20);
    const before = landed.get("object");
    landed.set("object", found);
    if (before) expect(found).toEqual(before);
  },
);

traffic(
  "an object that is not hashable is nothing to go by",
  { route: BY_OBJECT, filters: [kept("envoy.string")], cluster: RING, endpoints: ALIKE, legs: DIRECT },
  async ({ client, application: { v1, v2, v3 } }) => {
    await client.inTurn(60, "/", { headers: { "x-key": "one" } });
    for (const { requests } of [v1, v2, v3]) expect(requests.length).toBeGreaterThan(3);
  },
);
