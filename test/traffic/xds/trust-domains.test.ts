// Roots by trust domain (envoy.tls.cert_validator.spiffe): one that vouches for its own domain says nothing of another's.

import { afterAll, expect } from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { organizationName } from "../../../src/pki/certificate-builder.ts";
import { type TestCertificate, testIntermediate, testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { CLIENT, type Identity, identityOf, ROOTS } from "./certificates.ts";
import { collectorCluster } from "./collector-cluster.ts";
import { type ClusterParts, DIRECT } from "./configuration.ts";
import { extension, httpManager, type Message, typed } from "./message.ts";
import { TlsClient } from "./tls-client.ts";
import { traffic } from "./traffic.ts";

const NOW = Date.now();
const NAME = organizationName("far.example");
const FAR = testRoot(NOW, { issuer: NAME, subject: NAME, uris: [] });
const BELOW = testIntermediate(FAR, NOW, { uris: [] });

const FAR_ID = "spiffe://far.example/ns/default/sa/client";

function identity(uri: string, issuer: TestCertificate = FAR): Identity {
  const leaf = testLeaf(issuer, uri, NOW);
  return { uri, chain: issuer === FAR ? leaf.pem : `${leaf.pem}${issuer.pem}`, key: leaf.keyPem };
}

const VALIDATION: Message = {
  custom_validator_config: {
    name: "envoy.tls.cert_validator.spiffe",
    typed_config: typed("extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig", {
      trust_domains: [
        { name: "cluster.local", trust_bundle: { inline_string: ROOTS } },
        { name: "far.example", trust_bundle: { inline_string: FAR.pem } },
      ],
    }),
  },
};

/** Each with whether it is who it says. */
const PEERS: readonly (readonly [what: string, identity: Identity, isTaken: boolean])[] = [
  ["the one domain's root of its own", CLIENT, true],
  ["the other's of its own", identity(FAR_ID), true],
  ["the other's over an intermediate", identity(FAR_ID, BELOW), true],
  ["the other's of the one domain", identity(CLIENT.uri), false],
  ["the other's of the one domain over an intermediate", identity(CLIENT.uri, BELOW), false],
  ["the other's of a domain that nobody speaks for", identity("spiffe://third.example/ns/a/sa/b"), false],
  ["a root that nobody knows, of a known domain", identity(FAR_ID, testRoot(NOW)), false],
];

const OWN = identityOf("own");
const ROUTES = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "ok" } } }];
const MANAGER = httpManager({
  route_config: { name: "r", virtual_hosts: [{ name: "h", domains: ["*"], routes: ROUTES }] },
});
const ENDING = {
  name: "envoy.transport_sockets.tls",
  typed_config: typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { inline_string: OWN.chain }, private_key: { inline_string: OWN.key } }],
      validation_context: VALIDATION,
    },
  }),
};

traffic(
  "a client is taken by a root of its own trust domain alone",
  { listener: { filter_chains: [{ filters: [MANAGER], transport_socket: ENDING }] }, legs: DIRECT },
  async ({ client }) => {
    const answer = async (shown: Identity): Promise<string> => {
      try {
        const tls = await TlsClient.connect(client.place, { identity: shown });
        const closed = new Promise<string>((resolve) => tls.socket.once("close", () => resolve("closed")));
        const body = await Promise.race([tls.body(), closed]);
        tls.close();
        return body;
      } catch {
        return "closed";
      }
    };
    for (const [what, shown, isTaken] of PEERS)
      expect(`${what}: ${await answer(shown)}`).toBe(`${what}: ${isTaken ? "ok" : "closed"}`);
  },
);

const SERVERS = await Promise.all(
  PEERS.map(async ([what, { chain, key }, isTaken]) => {
    const server = createServer({ cert: chain, key }, (_, response) => response.end("secure"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { what, isTaken, server, port: (server.address() as AddressInfo).port };
  }),
);
afterAll(() => {
  for (const { server } of SERVERS) server.close();
});

const TOWARDS = extension("envoy.transport_sockets.tls", "extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
  common_tls_context: { validation_context: VALIDATION },
});

function cluster(port: number): ClusterParts {
  const plain = collectorCluster(port, "http1");
  return { ...plain, fields: { ...plain.fields, transport_socket: TOWARDS } };
}

traffic(
  "a server is taken by a root of its own trust domain alone",
  {
    clusters: Object.fromEntries(SERVERS.map(({ port }, i) => [`server-${i}`, cluster(port)])),
    routes: SERVERS.map((_, i) => ({ match: { prefix: `/${i}` }, route: { cluster: `server-${i}` } })),
    legs: DIRECT,
  },
  async ({ client }) => {
    for (const [i, { what, isTaken }] of SERVERS.entries()) {
      const { status } = await client.request(`/${i}`);
      expect(`${what}: ${status}`).toBe(`${what}: ${isTaken ? 200 : 503}`);
    }
  },
);
