// When the names of a cluster are asked for again, and what becomes of its hosts.

import { afterAll, expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { type ClusterParts, DIRECT } from "./configuration.ts";
import { type DnsAnswer, DnsServer } from "./dns-server.ts";
import { APPLICATIONS } from "./lab.ts";
import { extension, type Message, socketAddress } from "./message.ts";
import type { ProxyProcess } from "./process.ts";
import { refused, type Traffic, traffic } from "./traffic.ts";

const server = await DnsServer.start();
afterAll(() => server.stop());

const resolvers = (addresses: readonly Message[]) =>
  extension("envoy.network.dns_resolver.cares", "extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
    resolvers: [...addresses],
  });

function named(name: string, fields: Message): ClusterParts {
  const address = { socket_address: { address: name, port_value: APPLICATIONS.v1.port } };
  return {
    fields: {
      type: "STRICT_DNS",
      dns_lookup_family: "V4_ONLY",
      typed_dns_resolver_config: resolvers([socketAddress(server.port)]),
      load_assignment: { cluster_name: "upstream", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
      ...fields,
    },
  };
}

function hasHosts(process: ProxyProcess, ...addresses: readonly string[]): Promise<unknown> {
  const expected = addresses.map((address) => `${address}:${APPLICATIONS.v1.port}`).join();
  return until(
    `hosts are ${expected}`,
    async () => [...(await process.hosts("upstream")).keys()].sort().join() === expected,
  );
}

const ONE = "127.0.0.1";
const TWO = "127.0.0.2";

/** A cluster of one name, which leads to ONE when it is asked for first. `say`: what it leads to from then on. */
function resolved(
  about: string,
  fields: Message,
  ttlSeconds: number,
  body: (lab: Traffic, say: (answer: readonly string[] | DnsAnswer) => void) => Promise<void>,
): void {
  const name = `${about
    .replaceAll(/[^a-z]+/gi, "-")
    .toLowerCase()
    .slice(0, 40)}.lab.test`;
  const reset = () => server.says(name, [ONE], ttlSeconds);
  reset();
  traffic(about, { legs: DIRECT, clusters: { upstream: named(name, fields) } }, async (lab) => {
    try {
      await body(lab, (answer) => {
        if ("kind" in answer) server.answers(name, answer);
        else server.says(name, answer, 600);
      });
    } finally {
      reset();
      await lab.update({});
    }
  });
}

resolved("every so often, whatever the TTL", { dns_refresh_rate: "0.05s" }, 600, async ({ process, client }, say) => {
  await hasHosts(process, ONE);
  expect((await client.request("/")).status).toBe(200);
  say([ONE, TWO]);
  await hasHosts(process, ONE, TWO);
  say([TWO]);
  await hasHosts(process, TWO);
});

resolved("when its TTL is over", { dns_refresh_rate: "600s", respect_dns_ttl: true }, 1, async ({ process }, say) => {
  await hasHosts(process, ONE);
  say([TWO]);
  await hasHosts(process, TWO);
  const { queries } = server;
  say([ONE]);
  await Bun.sleep(300);
  expect(server.queries).toBe(queries);
});

resolved(
  "soon after a failure, and hosts stay",
  {
    dns_refresh_rate: "600s",
    respect_dns_ttl: true,
    dns_failure_refresh_rate: { base_interval: "0.03s", max_interval: "0.06s" },
  },
  1,
  async ({ process, client }, say) => {
    await hasHosts(process, ONE);
    say({ kind: "fails" });
    const { queries } = server;
    await until("more questions", () => server.queries > queries + 3);
    await hasHosts(process, ONE);
    expect((await client.request("/")).status).toBe(200);
    say([TWO]);
    await hasHosts(process, TWO);
  },
);

resolved(
  "a name that is none any more has no hosts",
  { dns_refresh_rate: "0.05s" },
  600,
  async ({ process, client }, say) => {
    await hasHosts(process, ONE);
    say({ kind: "unknown" });
    await hasHosts(process);
    expect((await client.request("/")).status).toBe(503);
    say([TWO]);
    await hasHosts(process, TWO);
  },
);

resolved(
  "LOGICAL_DNS has one host, whatever its address, and jitter may be added",
  {
    type: "LOGICAL_DNS",
    dns_refresh_rate: "0.05s",
    dns_jitter: "0.02s",
  },
  600,
  async ({ process, client }, say) => {
    await until("an answer", async () => (await client.request("/")).status === 200);
    say([TWO]);
    await until("nobody there", async () => (await client.request("/")).status === 503);
    say([ONE, TWO]);
    await until("an answer", async () => (await client.request("/")).status === 200);
    expect((await process.hosts("upstream")).size).toBe(1);
  },
);

resolved(
  "LOGICAL_DNS lets connections go when its name leads elsewhere, but for what they carry, and none when it leads nowhere",
  { type: "LOGICAL_DNS", dns_refresh_rate: "0.05s" },
  600,
  async ({ process, client, application: { v1 } }, say) => {
    expect((await client.request("/")).status).toBe(200);
    v1.answers({ kind: "echo", delayMs: 500 });
    const carried = client.request("/");
    await until("it has come", () => v1.requests.length === 2);
    say([TWO]);
    await hasHosts(process, TWO);
    expect((await client.request("/")).status).toBe(503);
    expect((await carried).status).toBe(200);
    v1.answers({ kind: "echo" });
    say([ONE]);
    await hasHosts(process, ONE);
    expect((await client.request("/")).status).toBe(200);
    expect(v1.requests.map(({ connection }) => connection)).toEqual([0, 0, 1]);
    const { queries } = server;
    say({ kind: "unknown" });
    await until("more questions", () => server.queries > queries + 3);
    await hasHosts(process, ONE);
    expect((await client.request("/")).status).toBe(200);
  },
);

const extended = (fields: Message): Message => ({
  type: null,
  dns_lookup_family: null,
  typed_dns_resolver_config: null,
  cluster_type: extension("envoy.clusters.dns", "extensions.clusters.dns.v3.DnsCluster", {
    dns_lookup_family: "V4_ONLY",
    typed_dns_resolver_config: resolvers([socketAddress(server.port)]),
    ...fields,
  }),
});

for (const [name, single, hosts] of [
  ["all of its addresses are hosts", false, [ONE, TWO]],
  ["all of its addresses are one host", true, [ONE]],
] as const)
  resolved(
    `as an extension, ${name}`,
    extended({ dns_refresh_rate: "0.05s", dns_jitter: "0.01s", all_addresses_in_single_endpoint: single }),
    600,
    async ({ process, client }, say) => {
      await hasHosts(process, ONE);
      expect((await client.request("/")).status).toBe(200);
      say([ONE, TWO]);
      const { queries } = server;
      await until("more questions", () => server.queries > queries + 2);
      await hasHosts(process, ...hosts);
    },
  );

resolved(
  "as an extension, a TTL is no shorter than the least",
  extended({ dns_refresh_rate: "600s", respect_dns_ttl: true, dns_min_refresh_rate: "300s" }),
  1,
  async ({ process }) => {
    await hasHosts(process, ONE);
    const { queries } = server;
    await Bun.sleep(1_500);
    expect(server.queries).toBe(queries);
  },
);

resolved(
  "as an extension, soon after a failure",
  extended({
    dns_refresh_rate: "600s",
    respect_dns_ttl: true,
    dns_failure_refresh_rate: { base_interval: "0.03s", max_interval: "0.06s" },
  }),
  1,
  async ({ process }, say) => {
    await hasHosts(process, ONE);
    say({ kind: "fails" });
    const { queries } = server;
    await until("more questions", () => server.queries > queries + 3);
    await hasHosts(process, ONE);
    say([TWO]);
    await hasHosts(process, TWO);
  },
);

refused(
  "a resolver that is a name",
  {
    clusters: {
      upstream: named("none.lab.test", { typed_dns_resolver_config: resolvers([socketAddress(53, "dns.test")]) }),
    },
  },
  (reason) => expect(reason).not.toBe(""),
);
