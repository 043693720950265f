// Every field of networking.istio.io Gateway.

import { TLS_VERSIONS } from "../../model/gateway.ts";
import {
  bounded,
  choice,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  openRecord,
  record,
  required,
  text,
  textOrUnset,
  type Value,
  whole,
} from "../schema.ts";

export const SERVER_PROTOCOLS = [
  "HTTP",
  "HTTPS",
  "GRPC",
  "GRPC-WEB",
  "HTTP2",
  "MONGO",
  "MYSQL",
  "REDIS",
  "TCP",
  "TLS",
] as const;

const MODES = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"] as const;

const VERSION = choice("TLS_AUTO", ...TLS_VERSIONS);

export const SERVER_TLS = record({
  httpsRedirect: flag(),
  mode: choice(...MODES),
  serverCertificate: textOrUnset(),
  privateKey: textOrUnset(),
  caCertificates: textOrUnset(),
  caCrl: textOrUnset(),
  credentialName: textOrUnset(),
  credentialNames: bounded(2, list(notEmpty()), 1),
  caCertCredentialName: textOrUnset(),
  tlsCertificates: bounded(
    2,
    list(
      record({
        serverCertificate: required(notEmpty()),
        privateKey: required(notEmpty()),
        caCertificates: textOrUnset(),
      }),
    ),
    1,
  ),
  subjectAltNames: list(notEmpty()),
  verifyCertificateSpki: list(notEmpty("base64")),
  verifyCertificateHash: list(notEmpty()),
  minProtocolVersion: VERSION,
  maxProtocolVersion: VERSION,
  cipherSuites: list(notEmpty()),
  alpnProtocols: list(notEmpty()),
  ecdhCurves: list(notEmpty()),
  /** With OPTIONAL_MUTUAL alone. */
  insecureSkipVerify: flag(),
});

const SERVER = record({
  port: required(
    record({
      /** 0 with a Unix socket. */
      number: required(whole(0, 65_535)),
      /** As in Istio: in either case. */
      protocol: required(notEmpty()),
      name: required(notEmpty()),
      /** Deprecated: Istio reads it nowhere. */
      targetPort: whole(0, 65_535),
    }),
  ),
  /** An address, or `unix:///path`. */
  bind: textOrUnset(),
  hosts: required(list(notEmpty())),
  tls: SERVER_TLS,
  defaultEndpoint: later("Istio has never had it: requests go where VirtualServices say"),
  name: text(),
});

export const GATEWAY = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      selector: mapOf(text("label-value"), "label-key"),
      servers: required(list(SERVER)),
    }),
  ),
  status: openRecord({}),
});

export type ServerSpec = Value<typeof SERVER>;
export type ServerTlsSpec = Value<typeof SERVER_TLS>;
