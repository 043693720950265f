// TLS that takes its names of the request (auto_sni, auto_san_validation): who proved to be one host has proved to be no other.

import { afterEach, expect, test } from "bun:test";
import { createServer, type TLSSocket } from "node:tls";
import type { JsonObject } from "@bufbuild/protobuf";
import { testLeaf, testRoot } from "../../pki/certificate-fixtures.ts";
import { TestProxy } from "../proxy-fixture.ts";

const NOW = Date.now();
const root = testRoot(NOW);
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const EXTENSIONS = "type.googleapis.com/envoy.extensions";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Serves any number of requests a connection, and tells the server name of each connection. */
async function serve(...names: readonly string[]): Promise<{ readonly port: number; readonly asked: string[] }> {
  const leaf = testLeaf(root, "spiffe://outside/a", NOW, { dnsNames: names });
  const asked: string[] = [];
  const server = createServer({ cert: leaf.pem, key: leaf.keyPem }, (socket) => {
    asked.push(String((socket as TLSSocket & { readonly servername?: string | false }).servername || "none"));
    socket.on("error", () => {});
    socket.on("data", () => void socket.write(OK));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  return { port: (server.address() as { port: number }).port, asked };
}

function proxyTo(port: number, options: JsonObject, context: JsonObject): TestProxy {
  const proxy = new TestProxy({
    ports: [port],
    cluster: {
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": `${EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions`,
          explicit_http_config: { http_protocol_options: {} },
          upstream_http_protocol_options: options,
        },
      },
      transport_socket: {
        name: "tls",
        typed_config: {
          "@type": `${EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext`,
          common_tls_context: context,
        },
      },
    },
  });
  open.unshift(proxy);
  return proxy;
}

async function status(proxy: TestProxy, host: string): Promise<string> {
  const client = await proxy.sends(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  await client.isClosed();
  return client.text.split(" ")[1] ?? "";
}

const TRUSTED = { validation_context: { trusted_ca: { inline_string: root.pem } } };
const BOTH = { auto_sni: true, auto_san_validation: true };

test("requests for two hosts have connections of their own, and each host must be one of the certificate's", async () => {
  const { port, asked } = await serve("a.test", "*.wild.test");
  const proxy = proxyTo(port, BOTH, TRUSTED);
  const hosts = ["a.test", "A.test:80", "b.test", "x.wild.test", "a.test", "wild.test"];
  const answers: string[] = [];
  for (const host of hosts) answers.push(await status(proxy, host));
  expect(answers).toEqual(["200", "200", "503", "200", "200", "503"]);
  expect(asked).toEqual(["a.test", "x.wild.test"]);
});

test("an address is sent as no server name", async () => {
  const { port, asked } = await serve("a.test");
  const proxy = proxyTo(port, { auto_sni: true }, TRUSTED);
  expect(await status(proxy, "127.0.0.1")).toBe("200");
  expect(await status(proxy, "[::1]:80")).toBe("200");
  expect(asked).toEqual(["none"]);
});

test("of a server whom nobody verifies the name is not looked at", async () => {
  const { port } = await serve("a.test");
  expect(await status(proxyTo(port, BOTH, {}), "b.test")).toBe("200");
});

test("without them all requests share connections, under the context's name", async () => {
  const { port, asked } = await serve("a.test");
  const proxy = proxyTo(port, {}, TRUSTED);
  expect([await status(proxy, "a.test"), await status(proxy, "b.test")]).toEqual(["200", "200"]);
  expect(asked).toEqual(["none"]);
});

test("a pool whose last connection is gone is forgotten: hosts that clients name are without number", async () => {
  const { port } = await serve("a.test");
  const proxy = proxyTo(port, BOTH, TRUSTED);
  for (let i = 0; i < 20; i++) expect(await status(proxy, `x${i}.test`)).toBe("503");
  const [host] = proxy.proxy.configuration.clusters.get("upstream")!.hosts;
  expect([...(host!.named?.keys() ?? [])]).toEqual([]);
  expect(await status(proxy, "a.test")).toBe("200");
  expect([...host!.named!.keys()]).toHaveLength(1);
});
