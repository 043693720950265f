// Every field of networking.istio.io Sidecar.

import {
  choice,
  list,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  textOrUnset,
  type Value,
  whole,
} from "../schema.ts";
import { CONNECTION_POOL } from "./destination-rule-schema.ts";
import { SERVER_TLS } from "./gateway-schema.ts";
import { LABEL_SELECTOR } from "./selector-schema.ts";

const CAPTURE_MODE = choice("DEFAULT", "IPTABLES", "NONE");

/** 0 with a Unix socket. As in Istio the protocol is in either case. */
const EGRESS_PORT = record({
  number: required(whole(0, 65_535)),
  protocol: textOrUnset(),
  name: textOrUnset("dns-label"),
  /** Deprecated: Istio reads it nowhere. */
  targetPort: whole(0, 65_535),
});

const EGRESS = record({
  port: EGRESS_PORT,
  bind: text(),
  captureMode: CAPTURE_MODE,
  hosts: required(list(notEmpty())),
});

const INGRESS = record({
  port: required(
    record({
      number: required(port()),
      /** Not said: looked at. */
      protocol: text(),
      name: textOrUnset("dns-label"),
      targetPort: whole(0, 65_535),
    }),
  ),
  bind: text(),
  captureMode: CAPTURE_MODE,
  defaultEndpoint: text(),
  tls: SERVER_TLS,
  connectionPool: CONNECTION_POOL,
});

/** Istio's Destination. */
export const EGRESS_PROXY = record({
  host: required(notEmpty("host")),
  subset: textOrUnset(),
  port: record({ number: required(port()) }),
});

export const SIDECAR = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: record({
    workloadSelector: LABEL_SELECTOR,
    ingress: list(INGRESS),
    egress: list(EGRESS),
    inboundConnectionPool: CONNECTION_POOL,
    outboundTrafficPolicy: record({
      mode: choice("REGISTRY_ONLY", "ALLOW_ANY"),
      egressProxy: EGRESS_PROXY,
    }),
  }),
  status: openRecord({}),
});

export type SidecarSpec = NonNullable<Value<typeof SIDECAR>["spec"]>;
export type EgressSpec = Value<typeof EGRESS>;
export type IngressSpec = Value<typeof INGRESS>;
