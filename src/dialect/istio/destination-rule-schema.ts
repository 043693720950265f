// Every field of networking.istio.io DestinationRule.

import {
  choice,
  duration,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  type Value,
  whole,
} from "../schema.ts";

const MAX_INT32 = 2 ** 31 - 1;
const LABELS = mapOf(text("label-value"), "label-key");

const LOAD_BALANCER = record({
  simple: choice("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
  consistentHash: later("requests are spread by least request"),
  localityLbSetting: later("endpoints of all localities are used alike"),
  zoneAwareLbSetting: later("endpoints of all zones are used alike"),
  warmup: later("a new endpoint gets its full share at once"),
  warmupDurationSecs: later("a new endpoint gets its full share at once"),
});

const CONNECTION_POOL = record({
  tcp: record({
    maxConnections: whole(0, MAX_INT32),
    connectTimeout: duration(),
    tcpKeepalive: later("the system's keep-alive is used"),
    maxConnectionDuration: later("connections live as long as they are used"),
    idleTimeout: later("an idle TCP connection is closed after an hour"),
  }),
  http: record({
    http1MaxPendingRequests: whole(0, MAX_INT32),
    http2MaxRequests: whole(0, MAX_INT32),
    maxRequestsPerConnection: whole(0, MAX_INT32),
    maxRetries: whole(0, MAX_INT32),
    idleTimeout: duration(0),
    h2UpgradePolicy: choice("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    useClientProtocol: later("the mesh chooses the protocol"),
    maxConcurrentStreams: whole(0, MAX_INT32),
    http2KeepAlive: later("connections are not probed"),
  }),
});

const TLS = record({
  mode: choice("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
  clientCertificate: notEmpty(),
  privateKey: notEmpty(),
  caCertificates: notEmpty(),
  caCrl: later("revoked certificates are not looked for"),
  credentialName: later("certificates come from files alone"),
  subjectAltNames: list(notEmpty()),
  sni: notEmpty("host"),
  insecureSkipVerify: flag(),
});

const PORT_POLICY = {
  loadBalancer: LOAD_BALANCER,
  connectionPool: CONNECTION_POOL,
  outlierDetection: later("no endpoint is ejected"),
  tls: TLS,
} as const;

const TRAFFIC_POLICY = record({
  ...PORT_POLICY,
  portLevelSettings: list(record({ port: required(record({ number: required(port()) })), ...PORT_POLICY })),
  tunnel: later("connections are not tunnelled"),
  proxyProtocol: later("no PROXY header is sent"),
  retryBudget: later("retries are limited by maxRetries"),
});

export const DESTINATION_RULE = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      host: required(notEmpty("wildcard-host")),
      trafficPolicy: TRAFFIC_POLICY,
      subsets: list(record({ name: required(notEmpty("label-value")), labels: LABELS, trafficPolicy: TRAFFIC_POLICY })),
      exportTo: list(notEmpty()),
      workloadSelector: record({ matchLabels: required(LABELS) }),
    }),
  ),
  status: openRecord({}),
});

export type TrafficPolicySpec = Value<typeof TRAFFIC_POLICY>;
export type PortPolicySpec = Pick<TrafficPolicySpec, "loadBalancer" | "connectionPool" | "tls">;
export type ConnectionPoolSpec = Value<typeof CONNECTION_POOL>;
export type TlsSpec = Value<typeof TLS>;
