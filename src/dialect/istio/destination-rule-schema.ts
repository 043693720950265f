// Every field of networking.istio.io DestinationRule.

import {
  bounded,
  choice,
  duration,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  openRecord,
  port,
  real,
  record,
  required,
  text,
  textOrUnset,
  type Value,
  whole,
} from "../schema.ts";
import { LOCALITY_LB_SETTING, ZONE_AWARE_LB_SETTING } from "./locality-schema.ts";
import { WORKLOAD_SELECTOR } from "./selector-schema.ts";

const MAX_INT32 = 2 ** 31 - 1;
const LABELS = mapOf(text("label-value"), "label-key");

// What is not acted on keeps its place in the table: a warning that names the field is worth more than one that calls it unknown.

/** Envoy's bound of a ring and of a Maglev table. */
const MAX_HASH_TABLE = 8_388_608;
const MAX_MAGLEV_TABLE = 5_000_010;

const CONSISTENT_HASH = record(
  {
    httpHeaderName: notEmpty("header-name"),
    httpCookie: record({
      name: required(notEmpty()),
      path: text(),
      ttl: duration(0),
      attributes: list(record({ name: required(notEmpty()), value: text() })),
    }),
    useSourceIp: flag(),
    httpQueryParameterName: notEmpty(),
    ringHash: record({ minimumRingSize: whole(0, MAX_HASH_TABLE) }),
    maglev: record({ tableSize: required(whole(1, MAX_MAGLEV_TABLE)) }),
    /** Deprecated: the ring's. */
    minimumRingSize: whole(0, MAX_HASH_TABLE),
  },
  [
    ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"],
    ["ringHash", "maglev", "minimumRingSize"],
  ],
);

/** With Envoy's names. */
const BACKEND_UTILIZATION = record({
  /** 0 believes the first report. */
  blackoutPeriod: duration(0),
  weightExpirationPeriod: duration(),
  /** What is less is 100 ms for proxies. */
  weightUpdatePeriod: duration(),
  errorUtilizationPenalty: real(0),
  metricNamesForComputingUtilization: list(notEmpty()),
});

const LOAD_BALANCER = record(
  {
    simple: choice("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
    consistentHash: CONSISTENT_HASH,
    localityLbSetting: LOCALITY_LB_SETTING,
    backendUtilization: BACKEND_UTILIZATION,
    zoneAwareLbSetting: ZONE_AWARE_LB_SETTING,
    warmup: record({ duration: required(duration()), minimumPercent: real(0, 100), aggression: real(1) }),
    /** Deprecated. */
    warmupDurationSecs: duration(),
  },
  [["simple", "consistentHash", "backendUtilization"]],
);

export const CONNECTION_POOL = record({
  tcp: record({
    maxConnections: whole(0, MAX_INT32),
    connectTimeout: duration(),
    tcpKeepalive: record({ probes: whole(0, MAX_INT32), time: duration(), interval: duration() }),
    maxConnectionDuration: duration(),
    /** 0 turns it off. */
    idleTimeout: duration(0),
  }),
  http: record({
    http1MaxPendingRequests: whole(0, MAX_INT32),
    http2MaxRequests: whole(0, MAX_INT32),
    maxRequestsPerConnection: whole(0, MAX_INT32),
    maxRetries: whole(0, MAX_INT32),
    /** 0 turns it off: Istio exempts this one from its minimum of 1 ms. */
    idleTimeout: duration(0),
    h2UpgradePolicy: choice("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    useClientProtocol: flag(),
    maxConcurrentStreams: whole(0, MAX_INT32),
    http2KeepAlive: record({ interval: duration(), timeout: duration() }),
  }),
});

export const TLS = record({
  mode: choice("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
  clientCertificate: textOrUnset(),
  privateKey: textOrUnset(),
  caCertificates: textOrUnset(),
  caCrl: textOrUnset(),
  credentialName: textOrUnset(),
  subjectAltNames: list(notEmpty()),
  /** Not of a host alone: AUTO_PASSTHROUGH takes the names of clusters (`outbound_.80_._.reviews.shop.svc.cluster.local`). */
  sni: textOrUnset(),
  insecureSkipVerify: flag(),
  caCertCredentialName: textOrUnset(),
});

const PERCENT = whole(0, 100);

export const OUTLIER_DETECTION = record({
  consecutive5xxErrors: whole(0, MAX_INT32),
  consecutiveGatewayErrors: whole(0, MAX_INT32),
  interval: duration(),
  baseEjectionTime: duration(),
  maxEjectionPercent: PERCENT,
  minHealthPercent: PERCENT,
  splitExternalLocalOriginErrors: flag(),
  consecutiveLocalOriginFailures: whole(0, MAX_INT32),
  // Istio ignores it too, since it was replaced.
  consecutiveErrors: later("consecutive5xxErrors counts"),
  /** 0 turns it off. */
  failurePercentageThreshold: PERCENT,
  /** None: 500 to 599. */
  outlierDetectionHttpErrorCodes: list(whole(100, 599)),
});

const PORT_POLICY = {
  loadBalancer: LOAD_BALANCER,
  connectionPool: CONNECTION_POOL,
  outlierDetection: OUTLIER_DETECTION,
  tls: TLS,
} as const;

/** Of a rule and of a subset; only the level above has ports of its own. */
const TRAFFIC_POLICY = record({
  ...PORT_POLICY,
  portLevelSettings: bounded(
    4_096,
    list(record({ port: required(record({ number: required(port()) })), ...PORT_POLICY })),
  ),
  tunnel: record({
    protocol: choice("CONNECT", "POST"),
    targetHost: required(notEmpty("host-or-address")),
    targetPort: required(port()),
  }),
  proxyProtocol: record({ version: choice("V1", "V2") }),
  retryBudget: record({
    percent: real(0, 100),
    minRetryConcurrency: whole(0, MAX_INT32),
    /** 0 counts requests under way, as no interval does. */
    budgetInterval: duration(0),
  }),
});

export const DESTINATION_RULE = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      host: required(notEmpty("wildcard-host")),
      trafficPolicy: TRAFFIC_POLICY,
      subsets: list(record({ name: required(notEmpty("dns-label")), labels: LABELS, trafficPolicy: TRAFFIC_POLICY })),
      exportTo: list(notEmpty()),
      workloadSelector: WORKLOAD_SELECTOR,
    }),
  ),
  status: openRecord({}),
});

export type RetryBudgetSpec = NonNullable<TrafficPolicySpec["retryBudget"]>;
export type LoadBalancerSpec = Value<typeof LOAD_BALANCER>;
export type BackendUtilizationSpec = Value<typeof BACKEND_UTILIZATION>;
export type ConsistentHashSpec = Value<typeof CONSISTENT_HASH>;
export type TrafficPolicySpec = Value<typeof TRAFFIC_POLICY>;
export type PortPolicySpec = Pick<TrafficPolicySpec, keyof typeof PORT_POLICY>;
export type ConnectionPoolSpec = Value<typeof CONNECTION_POOL>;
export type OutlierDetectionSpec = Value<typeof OUTLIER_DETECTION>;
export type TlsSpec = Value<typeof TLS>;
