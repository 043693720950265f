// What streamed access logs say of the client's TLS.

import { afterAll, beforeEach, expect } from "bun:test";
import { toJson } from "@bufbuild/protobuf";
import { until } from "../../../src/base/until-fixture.ts";
import { AccessLogCommonSchema } from "../../../src/xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { CLIENT, identityOf, ROOTS } from "./certificates.ts";
import { collectorCluster } from "./collector-cluster.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { LogReceiver } from "./log-receiver.ts";
import { extension, httpManager, type Message, tcpProxy, typed } from "./message.ts";
import { TlsClient, type TlsOptions } from "./tls-client.ts";
import { traffic } from "./traffic.ts";

const receiver = new LogReceiver();
afterAll(() => receiver.stop());
beforeEach(() => receiver.restart());

const OWN = identityOf("own");

function log(kind: "HttpGrpc" | "TcpGrpc"): Message {
  const common = {
    log_name: "mine",
    grpc_service: { envoy_grpc: { cluster_name: "tls-logs" } },
    transport_api_version: "V3",
    buffer_flush_interval: "0.05s",
  };
  const type = `extensions.access_loggers.grpc.v3.${kind}AccessLogConfig`;
  return { name: `envoy.access_loggers.${kind}`, typed_config: typed(type, { common_config: common }) };
}

const ROUTES = [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "ok" } } }];
const MANAGER = httpManager({
  access_log: [log("HttpGrpc")],
  route_config: { name: "r", virtual_hosts: [{ name: "h", domains: ["*"], routes: ROUTES }] },
});

function ending(filter: Message): CaseConfiguration {
  const contexts = {
    alpn_protocols: ["http/1.1"],
    tls_certificates: [{ certificate_chain: { inline_string: OWN.chain }, private_key: { inline_string: OWN.key } }],
    validation_context: { trusted_ca: { inline_string: ROOTS } },
  };
  const transport_socket = {
    name: "envoy.transport_sockets.tls",
    typed_config: typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", { common_tls_context: contexts }),
  };
  const inspector = extension("tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector");
  return {
    clusters: { "tls-logs": collectorCluster(receiver.port, "http2") },
    listener: { listener_filters: [inspector], filter_chains: [{ filters: [filter], transport_socket }] },
  };
}

const own = { subjectAltName: [{ uri: OWN.uri }] };
const peer = { subjectAltName: [{ uri: CLIENT.uri }], issuer: expect.any(String) };
const TLS_1_3 = {
  tlsVersion: "TLSv1_3",
  tlsCipherSuite: expect.any(Number),
  tlsSniHostname: "lab.test",
  localCertificateProperties: own,
  peerCertificateProperties: peer,
};

const HANDSHAKES: readonly (readonly [what: string, TlsOptions, object])[] = [
  ["TLS 1.3 with a certificate", { serverName: "lab.test", identity: CLIENT }, TLS_1_3],
  [
    "TLS 1.2 without one",
    { maxVersion: "TLSv1.2" },
    {
      tlsVersion: "TLSv1_2",
      tlsCipherSuite: 0xc02b,
      localCertificateProperties: own,
      peerCertificateProperties: {},
    },
  ],
];

for (const [what, options, expected] of HANDSHAKES)
  traffic(`what the handshake agreed on: ${what}`, { ...ending(MANAGER), legs: DIRECT }, async ({ client }) => {
    const tls = await TlsClient.connect(client.place, options);
    expect(await tls.body()).toBe("ok");
    tls.close();
    await until("an entry", () => receiver.http.length > 0);
    const common = toJson(AccessLogCommonSchema, receiver.http[0]!.commonProperties!);
    expect((common as { tlsProperties?: unknown }).tlsProperties).toEqual(expected);
  });

traffic(
  "what the handshake agreed on: of bytes, when the client is gone",
  {
    ...ending(tcpProxy({ cluster: "upstream", access_log: [log("TcpGrpc")] })),
    endpoints: ["bytes"],
    legs: DIRECT,
  },
  async ({ client }) => {
    const tls = await TlsClient.connect(client.place, { serverName: "lab.test", identity: CLIENT });
    tls.socket.write("hello");
    await tls.hears("hello");
    tls.close();
    await until("an entry", () => receiver.tcp.length > 0);
    const common = toJson(AccessLogCommonSchema, receiver.tcp[0]!.commonProperties!);
    expect((common as { tlsProperties?: unknown }).tlsProperties).toEqual(TLS_1_3);
  },
);
