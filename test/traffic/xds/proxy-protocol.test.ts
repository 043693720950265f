// The PROXY protocol before a connection: who it is from is what its header says, and nobody may say it twice.

import { expect } from "bun:test";
import { encodeProxyV2 } from "../../../src/net/proxy-protocol.ts";
import { identityOf } from "./certificates.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { extension, httpManager, type Message, typed } from "./message.ts";
import { TlsClient } from "./tls-client.ts";
import { traffic } from "./traffic.ts";

const FROM = { address: "10.1.2.3", port: 4_567 };
const TO = { address: "10.9.9.9", port: 8_080 };
const V1 = Buffer.from("PROXY TCP4 10.1.2.3 10.9.9.9 4567 8080\r\n");
const V2 = encodeProxyV2(FROM, TO, [{ type: 0xe0, value: Buffer.from("more") }]);
const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const GET = "GET / HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n";
const LOG = {
  remote: "%DOWNSTREAM_REMOTE_ADDRESS%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  directRemote: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
  directLocal: "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%",
} as const;

function proxyProtocol(fields: Message = {}): Message {
  return extension("proxy_protocol", "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", fields);
}

function behind(fields: Message = {}): CaseConfiguration {
  return { listener: { listener_filters: [proxyProtocol(fields)] }, log: LOG };
}

for (const [version, header] of [
  ["1", V1],
  ["2", V2],
] as const)
  traffic(
    `version ${version} tells the addresses, cut anywhere`,
    { legs: DIRECT, ...behind() },
    async ({ client, logs }) => {
      const whole = await client.connect();
      whole.send(Buffer.concat([header, Buffer.from(GET)]));
      await whole.isClosed();
      expect(whole.text).toStartWith("HTTP/1.1 200");
      const cut = await client.connect();
      cut.socket!.setNoDelay(true);
      for (let at = 0; at < header.length; at += 5) {
        cut.send(header.subarray(at, at + 5));
        await Bun.sleep(1);
      }
      cut.send(GET);
      await cut.isClosed();
      expect(cut.text).toStartWith("HTTP/1.1 200");
      for (const line of await logs(2))
        expect(line).toMatchObject({
          remote: "10.1.2.3:4567",
          local: "10.9.9.9:8080",
          directRemote: "127.0.0.1",
          directLocal: `${client.place.host}:${client.place.port}`,
        });
    },
  );

traffic(
  "a header of nobody leaves the connection's own addresses",
  { legs: DIRECT, ...behind() },
  async ({ client, logs }) => {
    for (const header of [Buffer.from("PROXY UNKNOWN\r\n"), encodeProxyV2(FROM, { address: "::1", port: 1 }, [])]) {
      const raw = await client.connect();
      raw.send(Buffer.concat([header, Buffer.from(GET)]));
      await raw.isClosed();
      expect(raw.text).toStartWith("HTTP/1.1 200");
    }
    for (const line of await logs(2)) expect(line.remote).toStartWith("127.0.0.1:");
  },
);

const MALFORMED: Readonly<Record<string, string>> = {
  "no header": GET,
  "another family": `PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n${GET}`,
  "a port missing": `PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n${GET}`,
  "a port too large": `PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n${GET}`,
  "no address": `PROXY TCP4 a b 1 2\r\n${GET}`,
  "the wrong family": `PROXY TCP4 ::1 ::1 1 2\r\n${GET}`,
  "another version": `${SIGNATURE}\x11\x11\0\x0c${"\x01".repeat(12)}${GET}`,
  "another command": `${SIGNATURE}\x22\x11\0\x0c${"\x01".repeat(12)}${GET}`,
  "too short for its addresses": `${SIGNATURE}\x21\x11\0\x0b${"\x01".repeat(11)}${GET}`,
  "a Unix socket": `${SIGNATURE}\x21\x31\0\xd8${"\x01".repeat(216)}${GET}`,
};

traffic(
  "what is no header is closed without an answer",
  { legs: DIRECT, ...behind() },
  async ({ client, application }) => {
    for (const [name, bytes] of Object.entries(MALFORMED)) {
      const raw = await client.connect();
      raw.send(bytes);
      await raw.isClosed();
      expect([name, raw.text]).toEqual([name, ""]);
    }
    expect(application.requests).toHaveLength(0);
  },
);

traffic(
  "it may be left out where that is allowed, and a second header is the application's",
  { legs: DIRECT, endpoints: ["bytes"], tcp: {}, ...behind({ allow_requests_without_proxy_protocol: true }) },
  async ({ client, logs }) => {
    const cases = [
      ["hello", "hello"],
      ["PROXI", "PROXI"],
      ["PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n"],
      [`${V1}${V1}`, `${V1}`],
    ] as const;
    for (const [sent, heard] of cases) {
      const raw = await client.connect();
      raw.send(sent);
      await raw.hears(heard);
      raw.end();
      await raw.isClosed();
      expect(raw.text).toBe(heard);
    }
    const remotes = (await logs(4)).map(({ remote }) => remote);
    expect(remotes.filter((remote) => remote!.startsWith("10.1.2.3:"))).toHaveLength(1);
  },
);

traffic(
  "a version that is not allowed is closed",
  { legs: DIRECT, ...behind({ disallowed_versions: ["V1"] }) },
  async ({ client }) => {
    const raw = await client.connect();
    raw.send(Buffer.concat([V1, Buffer.from(GET)]));
    await raw.isClosed();
    expect(raw.text).toBe("");
    const second = await client.connect();
    second.send(Buffer.concat([V2, Buffer.from(GET)]));
    await second.isClosed();
    expect(second.text).toStartWith("HTTP/1.1 200");
  },
);

const SERVER = identityOf("a");

function says(text: string): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: text } } }];
  return httpManager({ route_config: { name: text, virtual_hosts: [{ name: text, domains: ["*"], routes }] } });
}

const tlsSocket: Message = {
  name: "envoy.transport_sockets.tls",
  typed_config: typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    common_tls_context: {
      tls_certificates: [
        { certificate_chain: { inline_string: SERVER.chain }, private_key: { inline_string: SERVER.key } },
      ],
    },
  }),
};
const TEN = [{ address_prefix: "10.0.0.0", prefix_len: 8 }];
const LOOPBACK = [{ address_prefix: "127.0.0.0", prefix_len: 8 }];

traffic(
  "TLS follows the header, and chains are chosen by what it says, or by who really connected",
  {
    legs: DIRECT,
    listener: {
      listener_filters: [
        proxyProtocol(),
        extension("tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector"),
      ],
      filter_chains: [
        {
          name: "proxied",
          filter_chain_match: {
            source_prefix_ranges: TEN,
            direct_source_prefix_ranges: LOOPBACK,
            destination_port: 8080,
          },
          filters: [says("proxied")],
          transport_socket: tlsSocket,
        },
        {
          name: "local",
          filter_chain_match: { source_prefix_ranges: LOOPBACK },
          filters: [says("local")],
          transport_socket: tlsSocket,
        },
      ],
    },
  },
  async ({ client }) => {
    for (const [before, expected] of [
      [V1, "proxied"],
      [V2, "proxied"],
      [Buffer.from("PROXY UNKNOWN\r\n"), "local"],
    ] as const) {
      const tls = await TlsClient.connect(client.place, { before, serverName: "x.example.com", pieces: 100 });
      expect(await tls.body()).toBe(expected);
      tls.close();
    }
  },
);

traffic(
  "bytes that follow the header at once are the application's, all of them",
  { legs: DIRECT, endpoints: ["bytes"], tcp: {}, ...behind() },
  async ({ client, application }) => {
    const raw = await client.connect();
    raw.send(Buffer.concat([V2, Buffer.from("hello")]));
    await raw.hears("hello");
    expect(application.bytes.connections[0]!.text).toBe("hello");
  },
);
