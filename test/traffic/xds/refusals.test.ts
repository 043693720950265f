// Updates that poison: each is refused in words that name what is wrong, and what was in force goes on serving.

import { expect } from "bun:test";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { closedPort } from "../../../src/proxy/raw-peer-fixture.ts";
import { CLIENT, SERVER } from "./certificates.ts";
import type { CaseConfiguration, ClusterParts } from "./configuration.ts";
import { httpManager, type Message, socketAddress, typed } from "./message.ts";
import { refused, traffic } from "./traffic.ts";

const GARBAGE = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";

function tlsOf(certificate: string, key: string, curves: readonly string[] = []): Message {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      common_tls_context: {
        tls_params: { ecdh_curves: [...curves] },
        tls_certificates: [{ certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } }],
      },
    },
  };
}

const OTHER_KEY = CLIENT.key;

function aggregate(...clusters: readonly string[]): ClusterParts {
  const config = typed("extensions.clusters.aggregate.v3.ClusterConfig", { clusters: [...clusters] });
  const cluster_type = { name: "envoy.clusters.aggregate", typed_config: config };
  return { fields: { type: null, load_assignment: null, lb_policy: "CLUSTER_PROVIDED", cluster_type } };
}

/** Clusters that stand for each other. */
const CIRCLE: CaseConfiguration = {
  routes: ["a", "b", "upstream"].map((cluster) => ({ match: { prefix: `/${cluster}` }, route: { cluster } })),
  clusters: { a: aggregate("b"), b: aggregate("a", "upstream") },
};

interface Poison {
  readonly name: string;
  readonly config: CaseConfiguration;
  readonly says: Readonly<Record<ProxyKind, RegExp>> | RegExp;
}

const POISONS: readonly Poison[] = [
  {
    name: "a pattern that is none",
    config: { routes: [{ match: { safe_regex: { regex: "a(" } }, route: { cluster: "upstream" } }] },
    says: /a\(/,
  },
  {
    name: "a pattern of a header that is none",
    config: {
      routes: [
        {
          match: { prefix: "/", headers: [{ name: "x-a", string_match: { safe_regex: { regex: "[" } } }] },
          route: { cluster: "upstream" },
        },
      ],
    },
    says: /\[/,
  },
  {
    name: "a cluster that is missing, in a listener's own routes",
    config: {
      routes: [{ match: { prefix: "/" }, route: { cluster: "nowhere" } }],
      routeConfiguration: { validate_clusters: true },
    },
    says: /unknown cluster 'nowhere'/,
  },
  {
    name: "a cluster that is missing, among weighted ones",
    config: {
      routes: [
        {
          match: { prefix: "/" },
          route: {
            weighted_clusters: {
              clusters: [
                { name: "upstream", weight: 1 },
                { name: "nowhere", weight: 1 },
              ],
            },
          },
        },
      ],
      routeConfiguration: { validate_clusters: true },
    },
    says: /unknown weighted cluster 'nowhere'/,
  },
  {
    name: "a certificate that is none",
    config: { cluster: { transport_socket: tlsOf(GARBAGE, SERVER.key) } },
    says: /cert|PEM|ASN1/i,
  },
  {
    name: "a certificate with another's key",
    config: { cluster: { transport_socket: tlsOf(SERVER.chain, OTHER_KEY) } },
    says: /key/i,
  },
  {
    name: "a curve that nobody knows",
    config: { cluster: { transport_socket: tlsOf(SERVER.chain, SERVER.key, ["P-384", "P-255"]) } },
    says: /curve/i,
  },
  {
    name: "an HTTP filter that nobody has",
    config: {
      filters: [
        { name: "a", typed_config: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "a" } },
      ],
    },
    says: /StringValue|Didn't find a registered implementation/,
  },
  { name: "a listener without a chain", config: { listener: { filter_chains: [] } }, says: /filter.?chain/i },
  {
    name: "a cluster without a name for its routes",
    config: { routes: [{ match: { prefix: "/" }, route: { cluster: "" } }] },
    says: /cluster/i,
  },
  {
    name: "an update of a cluster with an endpoint whose port cannot be",
    config: {
      cluster: {
        load_assignment: {
          cluster_name: "upstream",
          endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(70_000) } }] }],
        },
      },
    },
    says: /port|65535/i,
  },
];

function reasonOf({ says }: Poison, proxy: ProxyKind): RegExp {
  return says instanceof RegExp ? says : says[proxy];
}

for (const poison of POISONS) {
  refused(poison.name, poison.config, (reason, proxy) => expect(reason).toMatch(reasonOf(poison, proxy)));

  traffic(
    `${poison.name}: what was in force goes on`,
    { legs: ["plaintext"] },
    async ({ client, update, proxy, application: { v1 } }) => {
      v1.answers({ kind: "respond", body: "as before" });
      await expect(update(poison.config)).rejects.toThrow(reasonOf(poison, proxy));
      const response = await client.request("/");
      expect([response.status, response.text]).toEqual([200, "as before"]);
    },
  );
}

traffic(
  "clusters that stand for each other",
  {
    legs: ["plaintext"],
    ...CIRCLE,
    clusters: { a: aggregate("b"), b: aggregate("upstream") },
    differs: {
      envoy: {
        because: "it takes them, and finds nobody for the first of the circle; Heddle says so instead of a 503",
        expect: async ({ client, update }) => {
          await update(CIRCLE);
          expect((await client.request("/a")).status).toBe(503);
          expect((await client.request("/upstream")).status).toBe(200);
        },
      },
    },
  },
  async ({ client, update }) => {
    await expect(update(CIRCLE)).rejects.toThrow(/b: cluster_type.typed_config.clusters: .*stand for itself/);
    for (const path of ["/a", "/b", "/upstream"]) expect((await client.request(path)).status).toBe(200);
  },
);

traffic("a second listener on the address of another", { legs: ["plaintext"] }, async ({ client, process }) => {
  const port = closedPort();
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 204 } }];
  const one = (name: string) => ({
    name,
    address: socketAddress(port),
    filter_chains: [
      { filters: [httpManager({ route_config: { name, virtual_hosts: [{ name, domains: ["*"], routes }] } })] },
    ],
  });
  expect((await client.request("/")).status).toBe(200);
  await process.apply({ lds: [one("first")] });
  await expect(process.apply({ lds: [one("first"), one("second")] })).rejects.toThrow(/duplicate address/);
  await process.place("first");
  expect((await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).status).toBe(204);
});
