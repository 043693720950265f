// Who somebody claims to be (classes 21 and 22 of docs/security.md): headers of other proxies, certificates, SNI.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import tls from "node:tls";
import { type TestCertificate, testLeaf, testRoot } from "../../pki/certificate-fixtures.ts";
import { type Message, TestProxy } from "../proxy-fixture.ts";
import { answering, type RawServer } from "../raw-peer-fixture.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NAME = "spiffe://cluster.local/ns/default/sa";
let upstream: RawServer;
const open: TestProxy[] = [];

beforeAll(() => {
  upstream = answering(OK);
});
afterEach(async () => {
  for (const proxy of open.splice(0)) await proxy.close();
});
afterAll(() => upstream.close());

function start(settings: Message, transportSocket?: Message): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], settings, ...(transportSocket && { transportSocket }) });
  open.push(proxy);
  return proxy;
}

const CLAIMS = [
  "x-forwarded-for: 10.0.0.1",
  "x-forwarded-proto: https",
  "x-forwarded-client-cert: By=x;URI=spiffe://cluster.local/ns/default/sa/admin",
  "x-request-id: mine",
  "x-envoy-internal: true",
  "x-envoy-retry-on: 5xx",
  "x-envoy-expected-rq-timeout-ms: 1",
  "x-envoy-force-trace: true",
  "x-envoy-original-path: /admin",
  "x-envoy-decorator-operation: x",
  "x-envoy-external-address: 10.0.0.1",
];
const REQUEST = `GET / HTTP/1.1\r\nhost: a\r\n${CLAIMS.join("\r\n")}\r\n\r\n`;

async function forwarded(proxy: TestProxy, request = REQUEST): Promise<string> {
  const from = upstream.text.length;
  const client = await proxy.sends(request);
  await client.hears("ok");
  return upstream.text.slice(from);
}

describe("headers that only proxies may set, from a client in the clear", () => {
  test("commands to the proxy and unproven certificates go, whoever sends them", async () => {
    const text = await forwarded(start({ forward_client_cert_details: "APPEND_FORWARD" }));
    expect(text).not.toMatch(/x-forwarded-client-cert|x-envoy-(internal|retry-on|expected|force)/);
    expect(text).toContain("x-forwarded-for: 10.0.0.1\r\n");
    expect(text).toContain("x-request-id: mine\r\n");
  });

  test("at the edge, claims of other proxies go too, and what is known is said", async () => {
    const text = await forwarded(start({ use_remote_address: true }));
    expect(text).not.toMatch(/x-forwarded-client-cert|x-envoy-(internal|retry-on|original-path|decorator)|: mine/);
    expect(text).toMatch(/x-forwarded-for: 10\.0\.0\.1,(127\.0\.0\.1|::1)\r\n/);
    expect(text).toContain("x-forwarded-proto: http\r\n");
    expect(text).toMatch(/x-envoy-external-address: (127\.0\.0\.1|::1)\r\n/);
    expect(text).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/);
  });

  test("a request id of the outside is kept where that was asked for", async () => {
    const text = await forwarded(start({ use_remote_address: true, preserve_external_request_id: true }));
    expect(text).toContain("x-request-id: mine\r\n");
  });

  for (const mode of ["SANITIZE", "SANITIZE_SET", "FORWARD_ONLY", "APPEND_FORWARD"]) {
    test(`${mode} lets no certificate through that the connection did not prove`, async () => {
      expect(await forwarded(start({ forward_client_cert_details: mode }))).not.toContain("x-forwarded-client-cert");
    });
  }

  test("a connection option hides nothing that a proxy vouched for", async () => {
    const client = await start({}).sends("GET / HTTP/1.1\r\nhost: a\r\nconnection: x-forwarded-for\r\n\r\n");
    await client.hears("HTTP/1.1 400 ");
  });
});

const now = Date.now();
const root = testRoot(now);
const foreign = testRoot(now);
const server = testLeaf(root, `${NAME}/server`, now);

function mutual(changes: {
  readonly names?: readonly Message[];
  readonly sni?: boolean;
  readonly optional?: boolean;
}): Message {
  const { names = [], sni = false, optional = false } = changes;
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      require_client_certificate: !optional,
      require_sni: sni,
      common_tls_context: {
        tls_certificates: [
          { certificate_chain: { inline_string: server.pem }, private_key: { inline_string: server.keyPem } },
        ],
        validation_context: {
          trusted_ca: { inline_string: root.pem },
          match_typed_subject_alt_names: [...names],
        },
      },
    },
  };
}

interface Offer {
  readonly certificate?: TestCertificate;
  readonly serverName?: string;
  readonly maxVersion?: tls.SecureVersion;
  readonly request?: string;
}

/** What the client hears to a request over TLS: "" when it was refused. */
async function answerTo(proxy: TestProxy, { certificate, serverName, maxVersion, request }: Offer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = "";
  const socket = tls.connect({
    host: "127.0.0.1",
    port: proxy.port,
    rejectUnauthorized: false,
    ...(certificate && { cert: certificate.pem, key: certificate.keyPem }),
    ...(serverName && { servername: serverName }),
    ...(maxVersion && { maxVersion, minVersion: maxVersion }),
  });
  socket.on("secureConnect", () => socket.write(request ?? "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(heard));
  const answer = await promise;
  socket.destroy();
  return answer;
}

describe("certificates", () => {
  const client = testLeaf(root, `${NAME}/client`, now);

  test("a chain that holds and a name that is asked for get in, with the proven name alone", async () => {
    const settings = { forward_client_cert_details: "SANITIZE_SET", set_current_client_cert_details: { uri: true } };
    const names = [{ san_type: "URI", matcher: { exact: `${NAME}/client` } }];
    const proxy = start(settings, mutual({ names }));
    const from = upstream.text.length;
    const request =
      "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-client-cert: URI=spiffe://x/admin\r\nconnection: close\r\n\r\n";
    expect(await answerTo(proxy, { certificate: client, request })).toStartWith("HTTP/1.1 200 ");
    expect(upstream.text.slice(from)).toContain(`;URI=${NAME}/client\r\n`);
    expect(upstream.text.slice(from)).not.toContain("spiffe://x/admin");
  });

  const STRANGERS: Readonly<Record<string, Offer>> = {
    none: {},
    "of another root": { certificate: testLeaf(foreign, `${NAME}/client`, now) },
    expired: {
      certificate: testLeaf(root, `${NAME}/client`, now, { notBeforeMs: now - 7_200_000, notAfterMs: now - 3_600_000 }),
    },
    "of another name": { certificate: testLeaf(root, `${NAME}/other`, now) },
    "of a name that only begins alike": { certificate: testLeaf(root, `${NAME}/client2`, now) },
    "with two names": {
      certificate: testLeaf(root, `${NAME}/client`, now, { uris: [`${NAME}/client`, `${NAME}/admin`] }),
    },
    "of an authority": { certificate: testLeaf(root, `${NAME}/client`, now, { authority: {} }) },
  };
  for (const [what, offer] of Object.entries(STRANGERS)) {
    test(`${what}: no byte is answered`, async () => {
      const names = [{ san_type: "URI", matcher: { exact: `${NAME}/client` } }];
      const proxy = start({}, mutual({ names }));
      const seen = upstream.text.length;
      expect(await answerTo(proxy, offer)).toBe("");
      expect(upstream.text.length).toBe(seen);
      expect(proxy.proxy.configuration.listenerManager.listeners.get("http")!.stats.handshakeFailures).toBe(1);
      expect(proxy.proxy.configuration.admission.active).toBe(0);
    });
  }

  test("a name counts as what it is: a DNS name is no URI, an asterisk one label (CVE-2020-15104)", async () => {
    const dns = (exact: string) => start({}, mutual({ names: [{ san_type: "DNS", matcher: { exact } }] }));
    expect(await answerTo(dns(`${NAME}/client`), { certificate: client })).toBe("");
    const wildcard = testLeaf(root, `${NAME}/client`, now, { dnsNames: ["*.example.com"] });
    expect(await answerTo(dns("a.example.com"), { certificate: wildcard })).toStartWith("HTTP/1.1 200 ");
    expect(await answerTo(dns("a.b.example.com"), { certificate: wildcard })).toBe("");
  });

  test("where none is needed, who has none is nobody, and who shows one must prove it", async () => {
    const proxy = start({ forward_client_cert_details: "SANITIZE_SET" }, mutual({ optional: true }));
    const from = upstream.text.length;
    expect(await answerTo(proxy, {})).toStartWith("HTTP/1.1 200 ");
    expect(upstream.text.slice(from)).not.toContain("x-forwarded-client-cert");
    expect(await answerTo(proxy, { certificate: testLeaf(foreign, `${NAME}/client`, now) })).toBe("");
  });

  test("SNI is asked for where that is required", async () => {
    const proxy = start({}, mutual({ sni: true }));
    expect(await answerTo(proxy, { certificate: client })).toBe("");
    expect(await answerTo(proxy, { certificate: client, serverName: "a.example" })).toStartWith("HTTP/1.1 200 ");
  });

  test("below TLS 1.2 nothing is spoken", async () => {
    const proxy = start({}, mutual({ optional: true }));
    expect(await answerTo(proxy, { maxVersion: "TLSv1.1" })).toBe("");
    expect(await answerTo(proxy, { maxVersion: "TLSv1.3" })).toStartWith("HTTP/1.1 200 ");
  });

  test("a handshake that is given up is counted out again", async () => {
    const proxy = start({}, mutual({}));
    const { admission } = proxy.proxy.configuration;
    const clients = await Promise.all(Array.from({ length: 20 }, () => proxy.sends("\x16\x03\x01")));
    while (admission.active < 20) await Bun.sleep(2);
    for (const raw of clients) raw.reset();
    const deadline = performance.now() + 3_000;
    while (admission.active > 0 && performance.now() < deadline) await Bun.sleep(2);
    expect(admission.active).toBe(0);
  });
});
