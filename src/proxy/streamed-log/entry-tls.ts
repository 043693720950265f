// What an entry says of the client's TLS.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type TLSPropertiesSchema,
  TLSProperties_TLSVersion as TlsVersion,
} from "../../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import type { DownstreamFacts } from "../connection-facts.ts";
import type { PeerCertificate } from "../peer-certificate.ts";

const VERSIONS: Readonly<Record<string, TlsVersion>> = {
  TLSv1: TlsVersion.TLSv1,
  "TLSv1.1": TlsVersion.TLSv1_1,
  "TLSv1.2": TlsVersion.TLSv1_2,
  "TLSv1.3": TlsVersion.TLSv1_3,
};

/** IANA's numbers by OpenSSL's names, of those that either proxy agrees to. */
const CIPHERS: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  "ECDHE-ECDSA-AES128-SHA": 0xc009,
  "ECDHE-ECDSA-AES256-SHA": 0xc00a,
  "ECDHE-RSA-AES128-SHA": 0xc013,
  "ECDHE-RSA-AES256-SHA": 0xc014,
  "ECDHE-ECDSA-AES128-GCM-SHA256": 0xc02b,
  "ECDHE-ECDSA-AES256-GCM-SHA384": 0xc02c,
  "ECDHE-RSA-AES128-GCM-SHA256": 0xc02f,
  "ECDHE-RSA-AES256-GCM-SHA384": 0xc030,
  "ECDHE-RSA-CHACHA20-POLY1305": 0xcca8,
  "ECDHE-ECDSA-CHACHA20-POLY1305": 0xcca9,
};

/** Undefined: it spoke none. Sessions have no ids: none is taken up again. */
export function entryTls(facts: DownstreamFacts): MessageInitShape<typeof TLSPropertiesSchema> | undefined {
  const { tls, peer, own } = facts;
  if (!tls) return undefined;
  return {
    tlsVersion: VERSIONS[tls.version] ?? TlsVersion.VERSION_UNSPECIFIED,
    tlsCipherSuite: CIPHERS[tls.cipher],
    tlsSniHostname: facts.serverName,
    localCertificateProperties: own && named(own),
    peerCertificateProperties: peer ? { ...named(peer), issuer: peer.issuer ?? "" } : {},
  };
}

function named({ uris, dnsNames, subject = "" }: PeerCertificate) {
  return {
    subjectAltName: [
      ...uris.map((value) => ({ san: { case: "uri" as const, value } })),
      ...dnsNames.map((value) => ({ san: { case: "dns" as const, value } })),
    ],
    subject,
  };
}
