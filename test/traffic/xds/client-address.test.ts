// Who the client is when proxies stand before this one, and who looks at it.

import { expect } from "bun:test";
import { DIRECT } from "./configuration.ts";
import { extension, type Message, typed } from "./message.ts";
import { type CaseOptions, refused, traffic } from "./traffic.ts";

const XFF = "extensions.http.original_ip_detection.xff.v3.XffConfig";
const HEADER = "extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig";

const LOG = {
  label: "%DOWNSTREAM_REMOTE_ADDRESS%",
  address: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  port: "%DOWNSTREAM_REMOTE_PORT%",
  direct: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
};
const PEER = "127.0.0.1";
const cidr = (address_prefix: string, prefix_len: number): Message => ({ address_prefix, prefix_len });
const found = (...extensions: readonly Message[]): Message => ({ original_ip_detection_extensions: [...extensions] });
const xff = (fields: Message): Message => extension("xff", XFF, fields);
const byHeader = (fields: Message): Message => extension("header", HEADER, { header_name: "X-Client", ...fields });
const trusting = (...cidrs: readonly Message[]): Message => xff({ xff_trusted_cidrs: { cidrs: [...cidrs] } });

/** Whom a request with the header is taken to be of. */
type Row = readonly [value: string | undefined, address: string];

function clients(name: string, manager: Message, rows: readonly Row[], header = "x-forwarded-for"): void {
  traffic(`${name}: the client`, { legs: DIRECT, manager, log: LOG }, async ({ client, logs }) => {
    for (const [value] of rows) await client.request("/", { headers: value === undefined ? {} : { [header]: value } });
    const lines = await logs(rows.length);
    expect(lines.map(({ address }) => address)).toEqual(rows.map(([, address]) => address));
    for (const { address = "", direct, label, port } of lines) {
      expect(direct).toBe(PEER);
      if (address === PEER) expect([label, port === "0"]).toEqual([`${PEER}:${port}`, false]);
      else expect([label, port]).toEqual([address.includes(":") ? `[${address}]:0` : `${address}:0`, "0"]);
    }
  });
}

clients("behind proxies", {}, [
  [undefined, PEER],
  ["203.0.113.7", "203.0.113.7"],
  ["203.0.113.7, 10.1.2.3", "10.1.2.3"],
  ["203.0.113.7,10.1.2.3  ", "10.1.2.3"],
  ["2001:db8::7", "2001:db8::7"],
  ["203.0.113.7:1234", PEER],
  ["203.0.113.7, somebody", PEER],
  ["203.0.113.7,", PEER],
]);
clients("behind two proxies that are trusted", { xff_num_trusted_hops: 2 }, [
  ["198.51.100.1, 203.0.113.7, 10.1.2.3, 10.1.2.4", "203.0.113.7"],
  ["10.1.2.3, 10.1.2.4", PEER],
]);
clients("at the edge", { use_remote_address: true }, [["203.0.113.7", PEER]]);
clients("at the edge, behind two proxies that are trusted", { use_remote_address: true, xff_num_trusted_hops: 2 }, [
  ["198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"],
  ["10.1.2.3", PEER],
  [undefined, PEER],
]);
clients("with a detection by hops", found(xff({ xff_num_trusted_hops: 1 })), [
  ["203.0.113.7, 10.1.2.3", "203.0.113.7"],
  ["203.0.113.7", PEER],
]);
clients("with a detection by the proxies' addresses", found(trusting(cidr("127.0.0.0", 8), cidr("10.0.0.0", 8))), [
  ["198.51.100.1, 203.0.113.7, 10.1.2.3, 10.1.2.4", "203.0.113.7"],
  ["10.1.2.3, 10.1.2.4", "10.1.2.3"],
  ["203.0.113.7,, 10.1.2.4", PEER],
  ["203.0.113.7, somebody, 10.1.2.4", PEER],
  [undefined, PEER],
]);
clients("with a detection by proxies of which the peer is none", found(trusting(cidr("10.0.0.0", 8))), [
  ["203.0.113.7, 10.1.2.4", PEER],
]);
clients(
  "with a detection by a header",
  found(byHeader({})),
  [
    ["203.0.113.7", "203.0.113.7"],
    ["somebody", PEER],
    [undefined, PEER],
  ],
  "x-client",
);
clients("with two detections, the first that finds one", found(byHeader({}), xff({})), [
  ["203.0.113.7", "203.0.113.7"],
]);

/** What the application sees of the origin. */
function origin(name: string, manager: Message, headers: Readonly<Record<string, string>>, seen: Message): void {
  traffic(`${name}: headers`, { legs: DIRECT, manager }, async ({ client }) => {
    const { echo } = await client.request("/", { headers });
    const received = Object.fromEntries(echo.headers);
    const names = [
      "x-forwarded-for",
      "x-forwarded-proto",
      "x-envoy-external-address",
      "x-envoy-internal",
      "x-envoy-downstream-service-node",
    ];
    const shown = names.flatMap((one) => (received[one] === undefined ? [] : [[one, received[one]]]));
    expect(Object.fromEntries(shown)).toEqual(seen);
  });
}

const INTERNAL = { internal_address_config: { cidr_ranges: [cidr("10.0.0.0", 8)] } };
const PROTO = { "x-forwarded-proto": "https", "x-envoy-downstream-service-node": "n" };
origin(
  "at the edge behind a trusted proxy",
  { use_remote_address: true, xff_num_trusted_hops: 1, skip_xff_append: true },
  { "x-forwarded-for": "203.0.113.7", ...PROTO },
  { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-envoy-external-address": "203.0.113.7" },
);
origin(
  "at the edge, nothing added",
  { use_remote_address: true, skip_xff_append: true },
  { "x-forwarded-for": "203.0.113.7", ...PROTO },
  { "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "http", "x-envoy-external-address": PEER },
);
origin(
  "one address behind it",
  INTERNAL,
  { "x-forwarded-for": "10.1.2.3", ...PROTO },
  {
    "x-forwarded-for": "10.1.2.3",
    "x-forwarded-proto": "https",
    "x-envoy-internal": "true",
    "x-envoy-downstream-service-node": "n",
  },
);
origin(
  "two addresses behind it",
  INTERNAL,
  { "x-forwarded-for": "10.1.2.4, 10.1.2.3", ...PROTO },
  {
    "x-forwarded-for": "10.1.2.4, 10.1.2.3",
    "x-forwarded-proto": "https",
    "x-envoy-downstream-service-node": "n",
  },
);
for (const [name, isTrusted] of [
  ["a header that is trusted", true],
  ["a header that is not trusted", false],
] as const)
  origin(
    name,
    { ...INTERNAL, ...found(byHeader({ allow_extension_to_set_address_as_trusted: isTrusted })) },
    { "x-client": "10.1.2.3" },
    { "x-forwarded-proto": "http", ...(isTrusted && { "x-envoy-internal": "true" }) },
  );
traffic(
  "a detection that adds the peer",
  { legs: DIRECT, manager: found(xff({ skip_xff_append: false })) },
  async ({ client, proxy }) => {
    const { echo } = await client.request("/", { headers: { "x-forwarded-for": "203.0.113.7" } });
    const forwarded = Object.fromEntries(echo.headers)["x-forwarded-for"];
    // In place of a loopback address Envoy writes the machine's.
    if (proxy === "heddle") expect(forwarded).toBe(`203.0.113.7,${PEER}`);
    else expect(forwarded).toMatch(/^203\.0\.113\.7,[\da-f.:]+$/);
  },
);

for (const [code, status] of [
  [401, 401],
  [200, 403],
] as const)
  traffic(
    `who does not say who he is gets ${status}`,
    { legs: DIRECT, manager: found(byHeader({ reject_with_status: { code } })) },
    async ({ client, application, logs }) => {
      expect((await client.request("/", { headers: { "x-client": "203.0.113.7" } })).status).toBe(200);
      const response = await client.request("/");
      expect([response.status, response.text]).toEqual([status, ""]);
      expect(application.requests).toHaveLength(1);
      expect((await logs(2))[1]).toMatchObject({
        code: String(status),
        details: "rejecting_because_detection_failed",
        flags: "-",
      });
    },
  );

const FROM = { "x-forwarded-for": "203.0.113.7" };

traffic(
  "header operations say the client",
  {
    legs: DIRECT,
    virtualHost: {
      request_headers_to_add: [{ header: { key: "x-from", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" } }],
      response_headers_to_add: [{ header: { key: "x-to", value: "%DOWNSTREAM_REMOTE_ADDRESS%" } }],
    },
  },
  async ({ client }) => {
    const response = await client.request("/", { headers: FROM });
    expect(response.header("x-to")).toBe("203.0.113.7:0");
    expect(Object.fromEntries(response.echo.headers)["x-from"]).toBe("203.0.113.7");
  },
);

const RBAC = "extensions.filters.http.rbac.v3.RBAC";
const PRINCIPALS = {
  "remote-ip": { remote_ip: cidr("203.0.113.0", 24) },
  "direct-remote-ip": { direct_remote_ip: cidr("127.0.0.0", 8) },
  "source-ip": { source_ip: cidr("127.0.0.0", 8) },
};
for (const [name, principal] of Object.entries(PRINCIPALS))
  traffic(
    `a policy's ${name}`,
    {
      legs: DIRECT,
      filters: [
        extension("envoy.filters.http.rbac", RBAC, {
          rules: { action: "ALLOW", policies: { p: { permissions: [{ any: true }], principals: [principal] } } },
        }),
      ],
    },
    async ({ client }) => expect((await client.request("/", { headers: FROM })).status).toBe(200),
  );

const NETWORK = "extensions.matching.common_inputs.network.v3";
const tree = (input: string, value: string): CaseOptions => ({
  legs: DIRECT,
  filters: [
    extension("envoy.filters.http.rbac", RBAC, {
      matcher: {
        matcher_tree: {
          input: extension(input, `${NETWORK}.${input}`),
          exact_match_map: {
            map: { [value]: { action: extension("action", "config.rbac.v3.Action", { name: "in", action: "ALLOW" }) } },
          },
        },
      },
    }),
  ],
});
for (const [input, value] of [
  ["SourceIPInput", "203.0.113.7"],
  ["SourcePortInput", "0"],
  ["DirectSourceIPInput", PEER],
] as const)
  traffic(`a policy tree's ${input}`, tree(input, value), async ({ client }) => {
    expect((await client.request("/", { headers: FROM })).status).toBe(200);
    if (value !== PEER) expect((await client.request("/")).status).toBe(403);
  });

/** Where clients land on the proxy that ran first. */
let landed: readonly string[] | undefined;

traffic(
  "clients behind one proxy land on hosts by their own addresses, alike on both",
  {
    legs: DIRECT,
    route: { hash_policy: [{ connection_properties: { source_ip: true } }] },
    cluster: { lb_policy: "RING_HASH" },
    endpoints: ["v1", "v2", "v3"],
  },
  async ({ client }) => {
    const connection = await client.http1();
    const hosts: string[] = [];
    for (let i = 0; i < 40; i++)
      hosts.push((await connection.request("/", { headers: { "x-forwarded-for": `203.0.113.${i}` } })).echo.app);
    expect(new Set(hosts).size).toBe(3);
    landed ??= hosts;
    expect(hosts).toEqual([...landed]);
  },
);

refused(
  "detections beside use_remote_address",
  { manager: { ...found(xff({})), use_remote_address: true } },
  (reason) => expect(reason).toMatch(/use_remote_address|remote address/),
);
refused("detections beside trusted hops", { manager: { ...found(xff({})), xff_num_trusted_hops: 1 } }, (reason) =>
  expect(reason).toContain("xff_num_trusted_hops"),
);
refused(
  "a detection that nobody knows",
  {
    manager: found({
      name: "x",
      typed_config: typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
    }),
  },
  (reason) => expect(reason).not.toBe(""),
);
