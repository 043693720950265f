import type { KindWords } from "../words.ts";

export const DESTINATION_RULE: KindWords = {
  about:
    "How clients reach a service: balancing, limits, ejection of failing hosts, TLS, and the subsets of its endpoints",
  proxies: "Clients' sidecars and gateways act on it, Heddle's proxy and Envoy alike.",
  fields: {
    "spec.host": "The service; without a dot, one of the rule's namespace; *.example.com too",
    "spec.trafficPolicy": "What holds for all of the host's endpoints",
    "spec.subsets": "Named parts of the endpoints, which routes choose",
    "spec.workloadSelector": {
      says: "Clients that the rule is for, in its namespace",
      default: "all clients that see it",
    },
    "subsets.name": "Name of the subset",
    "subsets.labels": { says: "Labels of its endpoints", default: "all endpoints" },
    "subsets.trafficPolicy": "What holds for the subset, block by block in the place of the rule's",
    "trafficPolicy.loadBalancer": "How an endpoint is chosen",
    "trafficPolicy.connectionPool": "Limits on connections and requests",
    "trafficPolicy.outlierDetection": { says: "When an endpoint that fails is left out for a while", default: "never" },
    "trafficPolicy.tls": {
      says: "TLS of the connections to the host",
      default: "the mesh's mutual TLS where the endpoint has a sidecar, else none",
    },
    "trafficPolicy.portLevelSettings": "What holds for single ports, in the place of all that stands above",
    "portLevelSettings.port": "The port of the service",
    "portLevelSettings.port.number": "Its number",
    "portLevelSettings.loadBalancer": "How an endpoint is chosen",
    "portLevelSettings.connectionPool": "Limits on connections and requests",
    "portLevelSettings.outlierDetection": "When an endpoint that fails is left out for a while",
    "portLevelSettings.tls": "TLS of the connections to the port",
    "trafficPolicy.tunnel": "Sends connections through a proxy",
    "tunnel.protocol": { says: "Method of the request that opens the tunnel", default: "CONNECT" },
    "tunnel.targetHost": "Host that the tunnel leads to",
    "tunnel.targetPort": "Port that the tunnel leads to",
    "trafficPolicy.proxyProtocol": "Begins connections with a PROXY header",
    "proxyProtocol.version": { says: "Version of the header", default: "V1" },
    "trafficPolicy.retryBudget": {
      says: "How many retries there may be, relative to the requests",
      default: "20 percent, at least 3",
    },
    "retryBudget.percent": { says: "Retries for a hundred requests", default: "20" },
    "retryBudget.minRetryConcurrency": { says: "Retries at a time that are always allowed", default: "3" },
    "retryBudget.budgetInterval": {
      says: "Requests that began within this time count, instead of those that are under way",
      default: "0s: those under way",
    },

    "loadBalancer.simple": {
      says: "The algorithm; UNSPECIFIED and LEAST_CONN are LEAST_REQUEST, PASSTHROUGH goes to the address that the client asked for",
      default: "LEAST_REQUEST",
    },
    "loadBalancer.consistentHash": "Requests of one key go to one endpoint",
    "loadBalancer.localityLbSetting": { says: "Shares and fail-over between localities", default: "MeshConfig's" },
    "loadBalancer.backendUtilization":
      "Endpoints have weights by the load that they report in their responses (ORCA): requests a second by utilization",
    "backendUtilization.blackoutPeriod": {
      says: "How long an endpoint must have reported before its reports count",
      default: "10s",
    },
    "backendUtilization.weightExpirationPeriod": {
      says: "How long an endpoint's last report counts",
      default: "3m",
    },
    "backendUtilization.weightUpdatePeriod": {
      says: "How often weights are reckoned, at most every 100 ms",
      default: "1s",
    },
    "backendUtilization.errorUtilizationPenalty": {
      says: "What requests that failed add to the utilization: this, by their part of all",
      default: "0",
    },
    "backendUtilization.metricNamesForComputingUtilization":
      "Metrics whose largest is the utilization, like named_metrics.queue; else the application's, else the processor's",
    "loadBalancer.zoneAwareLbSetting":
      "Requests stay in the client's zone as far as its endpoints can take them, and in its region; for proxies with ISTIO_META_ENABLE_SELF_DISCOVERY",
    "zoneAwareLbSetting.enabled": { says: "Whether zones are looked at", default: "true" },
    "zoneAwareLbSetting.failover": "Where requests go when the client's region fails; needs outlierDetection",
    "zoneAwareLbSetting.failoverPriority":
      "Labels by which endpoints like the client come first, within them regions; none of region, zone and subzone",
    "zoneAwareLbSetting.minClusterSize": {
      says: "Healthy endpoints of the region below which zones do not count",
      default: "6",
    },
    "loadBalancer.warmup":
      "New endpoints begin with a small share; with ROUND_ROBIN, LEAST_REQUEST and backendUtilization",
    "loadBalancer.warmupDurationSecs": {
      says: "How long a new endpoint has less than its share",
      deprecated: "warmup",
    },
    "warmup.duration": "How long a new endpoint has less than its share",
    "warmup.minimumPercent": { says: "Percentage of its share that it begins with", default: "10" },
    "warmup.aggression": { says: "How fast the share grows; 1 is linear", default: "1" },
    "consistentHash.httpHeaderName": "The key is this header",
    "consistentHash.httpCookie": "The key is a cookie, which is made when there is none",
    "httpCookie.name": "Name of the cookie",
    "httpCookie.path": "Path of a cookie that is made",
    "httpCookie.ttl": "Life of a cookie that is made; without one none is made, 0s lasts a session",
    "httpCookie.attributes": "Further attributes of a cookie that is made",
    "attributes.name": "Name of the attribute, as in SameSite",
    "attributes.value": "Value of the attribute",
    "consistentHash.useSourceIp": "The key is the client's address",
    "consistentHash.httpQueryParameterName": "The key is this query parameter",
    "consistentHash.ringHash": "By a ring (Ketama)",
    "ringHash.minimumRingSize": { says: "Least number of points on the ring", default: "1024" },
    "consistentHash.maglev": "By a table (Maglev)",
    "maglev.tableSize": { says: "Size of the table, a prime", default: "65537" },
    "consistentHash.minimumRingSize": {
      says: "Least number of points on the ring",
      default: "1024",
      deprecated: "ringHash.minimumRingSize",
    },

    "outlierDetection.consecutive5xxErrors": {
      says: "Errors in a row (5xx and failed connections) that eject; 0 turns it off",
      default: "5",
    },
    "outlierDetection.consecutiveGatewayErrors": {
      says: "502, 503 and 504 in a row that eject; 0 turns it off",
      default: "0",
    },
    "outlierDetection.interval": { says: "Time between two looks at who may come back", default: "10s" },
    "outlierDetection.baseEjectionTime": {
      says: "How long the first ejection lasts; the next ones grow",
      default: "30s",
    },
    "outlierDetection.maxEjectionPercent": {
      says: "Percentage of the endpoints that may be ejected at a time",
      default: "10",
    },
    "outlierDetection.minHealthPercent": {
      says: "Percentage of usable endpoints below which ejected ones are used as well",
      default: "0",
    },
    "outlierDetection.splitExternalLocalOriginErrors": {
      says: "Whether failed connections are counted apart from answers",
      default: "false",
    },
    "outlierDetection.consecutiveLocalOriginFailures": {
      says: "Failed connections in a row that eject, when they are counted apart",
      default: "5",
    },
    "outlierDetection.consecutiveErrors": { says: "Errors in a row that eject", deprecated: "consecutive5xxErrors" },
    "outlierDetection.failurePercentageThreshold": {
      says: "Percentage of an endpoint's requests in one interval whose failure ejects it, of 5 endpoints and 50 requests on; 0 turns it off",
      default: "never",
    },
    "outlierDetection.outlierDetectionHttpErrorCodes": {
      says: "Statuses that count as errors, and as 5xx; no others do",
      default: "500 to 599",
    },

    "tls.mode": {
      says: "DISABLE, SIMPLE (the server is verified), MUTUAL (a certificate is shown) or ISTIO_MUTUAL (the mesh's)",
      default: "DISABLE",
    },
    "tls.clientCertificate": "File of the certificate that is shown, with MUTUAL",
    "tls.privateKey": "File of its private key, with MUTUAL",
    "tls.caCertificates": {
      says: "File of the roots that the server is verified by",
      default: "the operating system's",
    },
    "tls.caCrl": "File of revoked certificates",
    "tls.credentialName":
      "Secret with certificate, key and roots, or configmap://NAMESPACE/NAME of the rule's namespace with roots alone: for gateways, and for sidecars of a rule with a workloadSelector",
    "tls.caCertCredentialName": {
      says: "Secret with the roots, or such a ConfigMap, for whoever may have that of credentialName",
      default: "that of credentialName",
    },
    "tls.subjectAltNames": {
      says: "Names of which the server's certificate must have one",
      default: "the service's identities with ISTIO_MUTUAL, any name otherwise",
    },
    "tls.sni": {
      says: "Server name that is sent; with ISTIO_MUTUAL to gateways and to sidecars of Istio, while Heddle's own are asked for the service's",
      default: "the request's host; with ISTIO_MUTUAL Istio's name of port, subset and service",
    },
    "tls.insecureSkipVerify": { says: "Whether the server is not verified at all", default: "false" },
  },
  example: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  namespace: shop
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: LEAST_REQUEST}
    connectionPool:
      tcp: {maxConnections: 100, connectTimeout: 2s}
      http: {http1MaxPendingRequests: 100}
    outlierDetection: {consecutive5xxErrors: 5, interval: 10s, baseEjectionTime: 30s}
  subsets:
  - name: v1
    labels: {version: v1}
  - name: v2
    labels: {version: v2}
    trafficPolicy:
      loadBalancer:
        consistentHash: {httpHeaderName: x-user}
`,
};
