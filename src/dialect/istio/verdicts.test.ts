// What is refused, warned about and taken, branch by branch of Istio's validation (pkg/config/validation/validation.go of 1.27): objects that
// istiod takes load here, and what it refuses is refused, unless the case says why not.

import { type Case, judge, type Spec } from "./verdict-fixture.ts";

const WEB = { destination: { host: "web", port: { number: 80 } } };

function http(route: Spec, rest: Spec = {}): Spec {
  return { hosts: ["web"], http: [{ route: [WEB], ...route }], ...rest };
}

function answered(route: Spec): Spec {
  return { hosts: ["web"], http: [route] };
}

function headers(request: Spec, response: Spec = {}): Spec {
  return http({ headers: { request, response } });
}

judge("VirtualService", [
  { name: "a route", spec: http({}), istio: "ok" },
  { name: "no routes", spec: { hosts: ["web"] }, istio: "error" },
  { name: "a route without an action", spec: answered({}), istio: "error" },
  { name: "route and redirect", spec: http({ redirect: { uri: "/a" } }), istio: "error" },
  {
    name: "fault and redirect",
    spec: answered({ redirect: { uri: "/a" }, fault: { abort: { httpStatus: 500, percentage: { value: 1 } } } }),
    istio: "error",
  },
  { name: "rewrite and redirect", spec: answered({ redirect: { uri: "/a" }, rewrite: { uri: "/b" } }), istio: "error" },
  { name: "a redirect that says nothing", spec: answered({ redirect: {} }), istio: "error" },
  { name: "a redirect with a code alone", spec: answered({ redirect: { redirectCode: 302 } }), istio: "error" },
  { name: "a redirect to https", spec: answered({ redirect: { scheme: "https" } }), istio: "ok" },
  { name: "a redirect to another port", spec: answered({ redirect: { port: 8443 } }), istio: "ok" },
  { name: "a redirect to ftp", spec: answered({ redirect: { scheme: "ftp" } }), istio: "error" },
  ...[301, 302, 303, 307, 308].map(
    (redirectCode): Case => ({
      name: `a redirect with code ${redirectCode}`,
      spec: answered({ redirect: { uri: "/a", redirectCode } }),
      istio: "ok",
    }),
  ),
  ...[300, 304, 305, 399].map(
    (redirectCode): Case => ({
      name: `a redirect with code ${redirectCode}`,
      spec: answered({ redirect: { uri: "/a", redirectCode } }),
      istio: "ok",
      here: ["error", "istiod drops the redirect, and the route answers nobody"],
    }),
  ),
  {
    name: "a redirect with code 400",
    spec: answered({ redirect: { uri: "/a", redirectCode: 400 } }),
    istio: "error",
  },
  { name: "a redirect with code 200", spec: answered({ redirect: { uri: "/a", redirectCode: 200 } }), istio: "error" },
  {
    name: "an abort with status 600",
    spec: http({ fault: { abort: { httpStatus: 600, percentage: { value: 1 } } } }),
    istio: "ok",
    here: ["error", "Envoy refuses the listener"],
  },
  {
    name: "an abort with status 601",
    spec: http({ fault: { abort: { httpStatus: 601, percentage: { value: 1 } } } }),
    istio: "error",
  },
  {
    name: "an abort with status 199",
    spec: http({ fault: { abort: { httpStatus: 199, percentage: { value: 1 } } } }),
    istio: "error",
  },
  {
    name: "an abort without a status",
    spec: http({ fault: { abort: { percentage: { value: 1 } } } }),
    istio: "warning",
  },
  {
    name: "an abort of gRPC",
    spec: http({ fault: { abort: { grpcStatus: "NOT_FOUND", percentage: { value: 1 } } } }),
    istio: "ok",
  },
  {
    name: "an abort of unknown gRPC status",
    spec: http({ fault: { abort: { grpcStatus: "LOST", percentage: { value: 1 } } } }),
    istio: "error",
  },
  {
    name: "an abort of 0.00001 %",
    spec: http({ fault: { abort: { httpStatus: 500, percentage: { value: 0.00001 } } } }),
    istio: "error",
  },
  {
    name: "a delay of 0.0001 %",
    spec: http({ fault: { delay: { fixedDelay: "1s", percentage: { value: 0.0001 } } } }),
    istio: "ok",
  },
  {
    name: "a delay of 0.00001 %",
    spec: http({ fault: { delay: { fixedDelay: "1s", percentage: { value: 0.00001 } } } }),
    istio: "error",
  },
  {
    name: "a delay of 101 %",
    spec: http({ fault: { delay: { fixedDelay: "1s", percentage: { value: 101 } } } }),
    istio: "error",
  },
  { name: "an empty fault", spec: http({ fault: {} }), istio: "error" },
  { name: "retries", spec: http({ retries: { attempts: 3, perTryTimeout: "1s" } }), istio: "ok" },
  { name: "no retries", spec: http({ retries: { attempts: 0 } }), istio: "ok" },
  {
    name: "no retries, with a time for each",
    spec: http({ retries: { attempts: 0, perTryTimeout: "1s" } }),
    istio: "error",
  },
  { name: "no retries, with conditions", spec: http({ retries: { retryOn: "5xx" } }), istio: "error" },
  {
    name: "no retries, of other localities",
    spec: http({ retries: { attempts: 0, retryRemoteLocalities: true } }),
    istio: "error",
  },
  ...["5xx,", "5xx, reset", " 503", "299", "306", "509", "600", "42", "4xx", "Reset"].map(
    (retryOn): Case => ({
      name: `retries on ${JSON.stringify(retryOn)}`,
      spec: http({ retries: { attempts: 1, retryOn } }),
      istio: "error",
    }),
  ),
  ...["100", "226", "308", "418", "451", "511", "+503", "0503", "http3-post-connect-failure,retriable-headers"].map(
    (retryOn): Case => ({
      name: `retries on ${JSON.stringify(retryOn)}`,
      spec: http({ retries: { attempts: 1, retryOn } }),
      istio: "ok",
    }),
  ),
  { name: "retries on nonsense", spec: http({ retries: { attempts: 1, retryOn: "sometimes" } }), istio: "error" },
  {
    name: "retries on a status",
    spec: http({ retries: { attempts: 1, retryOn: "503,connect-failure" } }),
    istio: "ok",
  },
  { name: "a rewrite that says nothing", spec: http({ rewrite: {} }), istio: "error" },
  {
    name: "a rewrite of both kinds",
    spec: http({ rewrite: { uri: "/a", uriRegexRewrite: { match: "a", rewrite: "b" } } }),
    istio: "error",
  },
  {
    name: "a regex rewrite to nothing",
    spec: http({ rewrite: { uriRegexRewrite: { match: "a", rewrite: "" } } }),
    istio: "error",
  },
  {
    name: "a regex rewrite of nothing",
    spec: http({ rewrite: { uriRegexRewrite: { match: "", rewrite: "b" } } }),
    istio: "error",
  },
  {
    name: "authority set by rewrite and header",
    spec: http({ rewrite: { authority: "a" }, headers: { request: { set: { Host: "b" } } } }),
    istio: "error",
  },
  {
    name: "authority set and added",
    spec: headers({ set: { host: "a" }, add: { ":authority": "b" } }),
    istio: "error",
  },
  { name: "authority set once", spec: headers({ set: { ":authority": "a" } }), istio: "ok" },
  { name: "authority removed", spec: headers({ remove: ["Host"] }), istio: "error" },
  { name: "a pseudo header removed", spec: headers({ remove: [":path"] }), istio: "error" },
  { name: "a pseudo header set", spec: headers({ set: { ":path": "/" } }), istio: "error" },
  { name: "Host in a response", spec: headers({}, { set: { Host: "a" } }), istio: "error" },
  { name: "Host removed from a response", spec: headers({}, { remove: ["host"] }), istio: "error" },
  { name: "a pseudo header of a response", spec: headers({}, { add: { ":status": "200" } }), istio: "error" },
  { name: "an operator in a header", spec: headers({ set: { a: "%HOSTNAME%" } }), istio: "ok" },
  { name: "half an operator in a header", spec: headers({ set: { a: "abc%123" } }), istio: "error" },
  {
    name: "a header match with a bad name",
    spec: http({ match: [{ headers: { "a b": { exact: "c" } } }] }),
    istio: "error",
  },
  {
    name: "a header match of a pseudo header",
    spec: http({ match: [{ headers: { ":method": { exact: "GET" } } }] }),
    istio: "ok",
  },
  { name: "an empty prefix", spec: http({ match: [{ uri: { prefix: "" } }] }), istio: "error" },
  { name: "an empty regex", spec: http({ match: [{ uri: { regex: "" } }] }), istio: "error" },
  {
    name: "a regex of 1,025 characters",
    spec: http({ match: [{ uri: { regex: "a".repeat(1_025) } }] }),
    istio: "error",
  },
  { name: "a bad regex", spec: http({ match: [{ uri: { regex: "(" } }] }), istio: "error" },
  { name: "sourceNamespace with a dot", spec: http({ match: [{ sourceNamespace: "a.b" }] }), istio: "error" },
  { name: "a gateway of a match with an empty part", spec: http({ match: [{ gateways: ["ns/"] }] }), istio: "error" },
  { name: "a gateway with a bad name", spec: { ...http({}), gateways: ["ns/ed_ge"] }, istio: "error" },
  { name: "a gateway of a namespace with a dot", spec: { ...http({}), gateways: ["n.s/edge"] }, istio: "error" },
  {
    name: "a token's claim in the mesh",
    spec: http({ match: [{ headers: { "@request.auth.claims.sub": { exact: "a" } } }] }),
    istio: "error",
  },
  {
    name: "a token's claim in the mesh and at a gateway",
    spec: {
      ...http({ match: [{ headers: { "@request.auth.claims.sub": { exact: "a" } } }] }),
      gateways: ["edge", "mesh"],
    },
    istio: "error",
  },
  {
    name: "a token's claim at a gateway",
    spec: { ...http({ match: [{ headers: { "@request.auth.claims.a.b": { exact: "a" } } }] }), gateways: ["edge"] },
    istio: "ok",
  },
  {
    name: "the absence of a token's claim in brackets at a gateway",
    spec: { ...http({ match: [{ withoutHeaders: { "@request.auth.claims[a.b][c]": {} } }] }), gateways: ["edge"] },
    istio: "ok",
  },
  {
    name: "no claim after the word for claims",
    spec: { ...http({ match: [{ headers: { "@request.auth.claims": { exact: "a" } } }] }), gateways: ["edge"] },
    istio: "error",
  },
  { name: "hosts that overlap", spec: http({}, { hosts: ["*.com", "a.com"] }), istio: "error" },
  { name: "a host twice", spec: http({}, { hosts: ["web", "web"] }), istio: "error" },
  { name: "every host, in the mesh", spec: http({}, { hosts: ["*"] }), istio: "error" },
  { name: "an address", spec: http({}, { hosts: ["10.1.1.1"] }), istio: "ok", here: ["warning", "no service has it"] },
  {
    name: "a subset with a bad name",
    spec: answered({ route: [{ destination: { host: "web", subset: "V_1" } }] }),
    istio: "error",
  },
  { name: "every host as destination", spec: answered({ route: [{ destination: { host: "*" } }] }), istio: "error" },
  {
    name: "port 0 of a destination",
    spec: answered({ route: [{ destination: { host: "web", port: { number: 0 } } }] }),
    istio: "error",
  },
  {
    name: "weights of 0",
    spec: answered({
      route: [
        { ...WEB, weight: 0 },
        { destination: { host: "web", subset: "v1" }, weight: 0 },
      ],
    }),
    istio: "error",
  },
  { name: "a weight below 0", spec: answered({ route: [{ ...WEB, weight: -1 }] }), istio: "error" },
  {
    name: "CORS",
    spec: http({
      corsPolicy: {
        allowOrigins: [{ exact: "*" }],
        allowMethods: ["GET", "*"],
        allowHeaders: ["*"],
        exposeHeaders: ["a-b"],
      },
    }),
    istio: "ok",
  },
  { name: "CORS of an odd method", spec: http({ corsPolicy: { allowMethods: ["BREW"] } }), istio: "error" },
  { name: "CORS of a bad header", spec: http({ corsPolicy: { allowHeaders: ["a b"] } }), istio: "error" },
  { name: "CORS exposes a bad header", spec: http({ corsPolicy: { exposeHeaders: ["a b"] } }), istio: "error" },
  { name: "CORS of an empty origin", spec: http({ corsPolicy: { allowOrigins: [{ exact: "" }] } }), istio: "error" },
  { name: "CORS for half seconds", spec: http({ corsPolicy: { maxAge: "1.5s" } }), istio: "error" },
  {
    name: "a mirror of 101 %",
    spec: http({ mirror: { host: "web" }, mirrorPercentage: { value: 101 } }),
    istio: "error",
  },
  { name: "mirrorPercent", spec: http({ mirror: { host: "web" }, mirrorPercent: 10 }), istio: "warning" },
  {
    name: "a direct response",
    spec: answered({ directResponse: { status: 503, body: { string: "a" } } }),
    istio: "ok",
  },
  { name: "a direct response of 99", spec: answered({ directResponse: { status: 99 } }), istio: "error" },
  { name: "a direct response of 150", spec: answered({ directResponse: { status: 150 } }), istio: "error" },
  {
    name: "a direct response of 600",
    spec: answered({ directResponse: { status: 600 } }),
    istio: "ok",
    here: ["error", "Envoy refuses the routes"],
  },
  {
    name: "a direct response of 200 KB",
    spec: answered({ directResponse: { status: 200, body: { string: "a".repeat(200_000) } } }),
    istio: "warning",
  },
  {
    name: "a direct response above 1 MB",
    spec: answered({ directResponse: { status: 200, body: { string: "a".repeat(1_100_000) } } }),
    istio: "error",
  },
  { name: "time-out of 0", spec: http({ timeout: "0s" }), istio: "error" },
  { name: "time-out of half milliseconds", spec: http({ timeout: "1.5ms" }), istio: "error" },
  {
    name: "TLS by SNI",
    spec: { hosts: ["a.com"], tls: [{ match: [{ sniHosts: ["a.com"], port: 443 }], route: [WEB] }] },
    istio: "ok",
  },
  {
    name: "SNI outside of the hosts",
    spec: { hosts: ["a.com"], tls: [{ match: [{ sniHosts: ["b.com"] }], route: [WEB] }] },
    istio: "error",
  },
  {
    name: "SNI within a wildcard",
    spec: { hosts: ["*.com"], tls: [{ match: [{ sniHosts: ["b.com"] }], route: [WEB] }] },
    istio: "ok",
  },
  {
    name: "SNI wider than the hosts",
    spec: { hosts: ["a.com"], tls: [{ match: [{ sniHosts: ["*.com"] }], route: [WEB] }] },
    istio: "error",
  },
  {
    name: "an address as SNI",
    spec: { hosts: ["10.1.1.1"], tls: [{ match: [{ sniHosts: ["10.1.1.1"] }], route: [WEB] }] },
    istio: "warning",
  },
  { name: "TLS without a match", spec: { hosts: ["a.com"], tls: [{ route: [WEB] }] }, istio: "error" },
  { name: "TCP", spec: { hosts: ["web"], tcp: [{ match: [{ port: 9000 }], route: [WEB] }] }, istio: "ok" },
  { name: "TCP without a route", spec: { hosts: ["web"], tcp: [{ match: [{ port: 9000 }] }] }, istio: "error" },
  {
    name: "a bad subnet",
    spec: { hosts: ["web"], tcp: [{ match: [{ destinationSubnets: ["10.0.0.0/99"] }], route: [WEB] }] },
    istio: "error",
  },
  { name: "exportTo twice the same", spec: http({}, { exportTo: ["a", "a"] }), istio: "error" },
  { name: "exportTo . and its own namespace", spec: http({}, { exportTo: [".", "ns"] }), istio: "error" },
  { name: "exportTo everybody and others", spec: http({}, { exportTo: ["*", "a"] }), istio: "error" },
  { name: "exportTo a bad name", spec: http({}, { exportTo: ["A_B"] }), istio: "error" },
  {
    name: "exportTo nobody",
    spec: http({}, { exportTo: ["~"] }),
    istio: "error",
    here: ["ok", "section 1 has it for every kind: nobody follows it"],
  },
  { name: "exportTo this namespace", spec: http({}, { exportTo: ["."] }), istio: "ok" },
  { name: "a delegate with gateways", spec: { gateways: ["ns/edge"], http: [{ route: [WEB] }] }, istio: "error" },
  {
    name: "a regex in a delegate",
    spec: { http: [{ match: [{ uri: { regex: "a" } }], route: [WEB] }] },
    istio: "error",
  },
]);

function rule(trafficPolicy: Spec, rest: Spec = {}): Spec {
  return { host: "web", trafficPolicy, ...rest };
}

function hashed(consistentHash: Spec): Spec {
  return rule({ loadBalancer: { consistentHash } });
}

judge("DestinationRule", [
  { name: "a policy", spec: rule({ loadBalancer: { simple: "RANDOM" } }), istio: "ok" },
  { name: "no policy", spec: { host: "web" }, istio: "ok" },
  { name: "an empty policy", spec: rule({}), istio: "error" },
  { name: "an empty connection pool", spec: rule({ connectionPool: {} }), istio: "error" },
  { name: "an empty policy of a port", spec: rule({ portLevelSettings: [{ port: { number: 80 } }] }), istio: "error" },
  {
    name: "a policy of no port",
    spec: rule({ portLevelSettings: [{ loadBalancer: { simple: "RANDOM" } }] }),
    istio: "error",
  },
  {
    name: "tunnel and proxyProtocol",
    spec: rule({ tunnel: { targetHost: "a.com", targetPort: 80 }, proxyProtocol: { version: "V1" } }),
    istio: "error",
  },
  {
    name: "a tunnel by PUT",
    spec: rule({ tunnel: { protocol: "PUT", targetHost: "a.com", targetPort: 80 } }),
    istio: "error",
  },
  { name: "a tunnel to a bad host", spec: rule({ tunnel: { targetHost: "a_b!", targetPort: 80 } }), istio: "error" },
  { name: "a tunnel to no port", spec: rule({ tunnel: { targetHost: "a.com" } }), istio: "error" },
  {
    name: "ejection after local failures that are not told apart",
    spec: rule({ outlierDetection: { consecutiveLocalOriginFailures: 5 } }),
    istio: "error",
  },
  { name: "ejection of 101 %", spec: rule({ outlierDetection: { maxEjectionPercent: 101 } }), istio: "error" },
  { name: "consecutiveErrors", spec: rule({ outlierDetection: { consecutiveErrors: 5 } }), istio: "warning" },
  { name: "ejection every 0 s", spec: rule({ outlierDetection: { interval: "0s" } }), istio: "error" },
  {
    name: "pending requests below 0",
    spec: rule({ connectionPool: { http: { http1MaxPendingRequests: -1 } } }),
    istio: "error",
  },
  {
    name: "upgrade and the client's protocol",
    spec: rule({ connectionPool: { http: { h2UpgradePolicy: "UPGRADE", useClientProtocol: true } } }),
    istio: "error",
  },
  { name: "no idle time-out of bytes", spec: rule({ connectionPool: { tcp: { idleTimeout: "0s" } } }), istio: "ok" },
  {
    name: "a connect time-out of 0",
    spec: rule({ connectionPool: { tcp: { connectTimeout: "0s" } } }),
    istio: "error",
  },
  { name: "a cookie without a name", spec: hashed({ httpCookie: { ttl: "1s" } }), istio: "error" },
  {
    name: "minimumRingSize",
    spec: hashed({ httpHeaderName: "a", minimumRingSize: 1024 }),
    istio: "warning",
    here: ["ok", "analysis says that it is deprecated (IST0002)"],
  },
  {
    name: "minimumRingSize and a ring",
    spec: hashed({ httpHeaderName: "a", minimumRingSize: 1024, ringHash: { minimumRingSize: 10 } }),
    istio: "error",
  },
  { name: "a Maglev table of 0", spec: hashed({ httpHeaderName: "a", maglev: { tableSize: 0 } }), istio: "error" },
  { name: "a Maglev table without a size", spec: hashed({ httpHeaderName: "a", maglev: {} }), istio: "error" },
  {
    name: "a Maglev table of 5,000,011",
    spec: hashed({ httpHeaderName: "a", maglev: { tableSize: 5_000_011 } }),
    istio: "error",
  },
  {
    name: "a Maglev table of 65,537",
    spec: hashed({ httpHeaderName: "a", maglev: { tableSize: 65_537 } }),
    istio: "ok",
  },
  { name: "a Maglev table of 100", spec: hashed({ httpHeaderName: "a", maglev: { tableSize: 100 } }), istio: "error" },
  {
    name: "warm-up without a duration",
    spec: rule({ loadBalancer: { simple: "ROUND_ROBIN", warmup: { minimumPercent: 10 } } }),
    istio: "error",
  },
  {
    name: "warm-up from 101 %",
    spec: rule({ loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "1s", minimumPercent: 101 } } }),
    istio: "error",
  },
  {
    name: "warm-up with aggression 0.5",
    spec: rule({ loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "1s", aggression: 0.5 } } }),
    istio: "error",
  },
  { name: "a subset twice", spec: { host: "web", subsets: [{ name: "a" }, { name: "a" }] }, istio: "error" },
  { name: "a subset with a bad name", spec: { host: "web", subsets: [{ name: "A_b" }] }, istio: "error" },
  {
    name: "a subset with a bad label",
    spec: { host: "web", subsets: [{ name: "a", labels: { "a b": "c" } }] },
    istio: "error",
  },
  { name: "a bad host", spec: { host: "a_b!" }, istio: "error" },
  {
    name: "SIMPLE with a client's certificate",
    spec: rule({ tls: { mode: "SIMPLE", clientCertificate: "/a" } }),
    istio: "ok",
    here: ["error", "the certificate would never be shown, and whoever wrote it expects that"],
  },
  { name: "MUTUAL without a certificate", spec: rule({ tls: { mode: "MUTUAL" } }), istio: "error" },
  {
    name: "roots in a ConfigMap",
    spec: rule({ tls: { mode: "SIMPLE", credentialName: "configmap://ns/roots" } }),
    istio: "ok",
  },
  {
    name: "roots in a ConfigMap of another namespace",
    spec: rule({ tls: { mode: "SIMPLE", credentialName: "configmap://other/roots" } }),
    istio: "error",
  },
  {
    name: "roots in a ConfigMap of no namespace",
    spec: rule({ tls: { mode: "SIMPLE", credentialName: "configmap://roots" } }),
    istio: "error",
  },
  { name: "MUTUAL by credential", spec: rule({ tls: { mode: "MUTUAL", credentialName: "a" } }), istio: "ok" },
  { name: "exportTo twice the same", spec: { host: "web", exportTo: ["a", "a"] }, istio: "error" },
  {
    name: "a selector and exportTo of another namespace",
    spec: { host: "web", workloadSelector: { matchLabels: { app: "web" } }, exportTo: ["other"] },
    istio: "error",
  },
  {
    name: "a selector and exportTo of two",
    spec: { host: "web", workloadSelector: { matchLabels: { app: "web" } }, exportTo: [".", "other"] },
    istio: "error",
  },
  {
    name: "a selector with a wildcard",
    spec: { host: "web", workloadSelector: { matchLabels: { app: "w*" } } },
    istio: "error",
  },
  { name: "a selector without labels", spec: { host: "web", workloadSelector: {} }, istio: "warning" },
  { name: "proxyProtocol V2", spec: rule({ proxyProtocol: { version: "V2" } }), istio: "ok" },
]);

function server(fields: Spec): Spec {
  return {
    selector: { istio: "edge" },
    servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"], ...fields }],
  };
}

const HTTPS = { number: 443, name: "https", protocol: "HTTPS" };

judge("Gateway", [
  { name: "a server", spec: server({}), istio: "ok" },
  { name: "no servers", spec: { selector: { istio: "edge" } }, istio: "error" },
  { name: "a server without hosts", spec: server({ hosts: [] }), istio: "error" },
  { name: "a host with a namespace", spec: server({ hosts: ["ns/a.com", "./b.com", "*/c.com"] }), istio: "ok" },
  { name: "a host of a bad namespace", spec: server({ hosts: ["a_b/c.com"] }), istio: "error" },
  { name: "no port", spec: { selector: { istio: "edge" }, servers: [{ hosts: ["*"] }] }, istio: "error" },
  { name: "a port without a name", spec: server({ port: { number: 80, protocol: "HTTP" } }), istio: "error" },
  { name: "an unknown protocol", spec: server({ port: { number: 80, name: "a", protocol: "SMTP" } }), istio: "error" },
  {
    name: "a target port",
    spec: server({ port: { number: 80, name: "a", protocol: "HTTP", targetPort: 8080 } }),
    istio: "error",
  },
  { name: "port 0", spec: server({ port: { number: 0, name: "a", protocol: "HTTP" } }), istio: "error" },
  {
    name: "a Unix socket",
    spec: server({ port: { number: 0, name: "a", protocol: "HTTP" }, bind: "unix:///tmp/a" }),
    istio: "ok",
  },
  {
    name: "a Unix socket without a file",
    spec: server({ port: { number: 0, name: "a", protocol: "HTTP" }, bind: "unix://@a" }),
    istio: "ok",
  },
  { name: "a Unix socket with a port", spec: server({ bind: "unix:///tmp/a" }), istio: "error" },
  {
    name: "a Unix socket of a relative path",
    spec: server({ port: { number: 0, name: "a", protocol: "HTTP" }, bind: "unix://a" }),
    istio: "error",
  },
  { name: "bind of a name", spec: server({ bind: "a.com" }), istio: "error" },
  {
    name: "two ports of one name",
    spec: {
      selector: { istio: "edge" },
      servers: [80, 81].map((number) => ({ port: { number, name: "a", protocol: "HTTP" }, hosts: ["*"] })),
    },
    istio: "error",
  },
  { name: "HTTPS without tls", spec: server({ port: HTTPS }), istio: "error" },
  { name: "TLS of an HTTP port", spec: server({ tls: { mode: "SIMPLE", credentialName: "a" } }), istio: "error" },
  { name: "a redirect of an HTTP port", spec: server({ tls: { httpsRedirect: true } }), istio: "ok" },
  {
    name: "TLS of a TCP port",
    spec: server({ port: { number: 90, name: "a", protocol: "TCP" }, tls: { mode: "SIMPLE", credentialName: "a" } }),
    istio: "error",
  },
  {
    name: "a redirect of HTTPS",
    spec: server({ port: HTTPS, tls: { mode: "SIMPLE", credentialName: "a", httpsRedirect: true } }),
    istio: "warning",
  },
  { name: "SIMPLE without a certificate", spec: server({ port: HTTPS, tls: { mode: "SIMPLE" } }), istio: "error" },
  {
    name: "MUTUAL without roots",
    spec: server({ port: HTTPS, tls: { mode: "MUTUAL", serverCertificate: "/a", privateKey: "/b" } }),
    istio: "error",
  },
  {
    name: "ISTIO_MUTUAL with a certificate",
    spec: server({ port: HTTPS, tls: { mode: "ISTIO_MUTUAL", serverCertificate: "/a" } }),
    istio: "error",
  },
  {
    name: "ISTIO_MUTUAL with a credential",
    spec: server({ port: HTTPS, tls: { mode: "ISTIO_MUTUAL", credentialName: "a" } }),
    istio: "error",
  },
  {
    name: "PASSTHROUGH with a credential",
    spec: server({
      port: { number: 443, name: "a", protocol: "TLS" },
      tls: { mode: "PASSTHROUGH", credentialName: "a" },
    }),
    istio: "warning",
  },
  {
    name: "two sources of certificates",
    spec: server({
      port: HTTPS,
      tls: { mode: "SIMPLE", credentialName: "a", serverCertificate: "/a", privateKey: "/b" },
    }),
    istio: "error",
  },
  {
    name: "an unknown cipher",
    spec: server({ port: HTTPS, tls: { mode: "SIMPLE", credentialName: "a", cipherSuites: ["ROT13"] } }),
    istio: "warning",
  },
  {
    name: "a cipher twice",
    spec: server({
      port: HTTPS,
      tls: {
        mode: "SIMPLE",
        credentialName: "a",
        cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
      },
    }),
    istio: "warning",
  },
  {
    name: "TLS 1.0 without ciphers",
    spec: server({ port: HTTPS, tls: { mode: "SIMPLE", credentialName: "a", minProtocolVersion: "TLSV1_0" } }),
    istio: "warning",
  },
  {
    name: "a revocation list beside a credential",
    spec: server({ port: HTTPS, tls: { mode: "MUTUAL", credentialName: "a", caCrl: "/a" } }),
    istio: "error",
  },
  {
    name: "a revocation list of SIMPLE",
    spec: server({ port: HTTPS, tls: { mode: "SIMPLE", serverCertificate: "/a", privateKey: "/b", caCrl: "/a" } }),
    istio: "error",
  },
]);

const TCP_PORT = { number: 9000, name: "tcp", protocol: "TCP" };
const HTTP_PORT = { number: 80, name: "http", protocol: "HTTP" };

function entry(fields: Spec): Spec {
  return { hosts: ["a.example.com"], ports: [HTTP_PORT], resolution: "DNS", ...fields };
}

judge("ServiceEntry", [
  { name: "a name", spec: entry({}), istio: "ok" },
  { name: "no hosts", spec: entry({ hosts: [] }), istio: "error" },
  { name: "every host", spec: entry({ hosts: ["*"], resolution: "NONE" }), istio: "error" },
  { name: "a bad host", spec: entry({ hosts: ["a_b!"] }), istio: "error" },
  { name: "a wildcard by DNS", spec: entry({ hosts: ["*.example.com"] }), istio: "error" },
  { name: "half a wildcard", spec: entry({ hosts: ["*a.example.com"], resolution: "NONE" }), istio: "warning" },
  { name: "a bad address", spec: entry({ addresses: ["300.1.1.1"] }), istio: "error" },
  { name: "a range by DNS", spec: entry({ addresses: ["10.0.0.0/8"] }), istio: "error" },
  {
    name: "endpoints and a selector",
    spec: entry({
      resolution: "STATIC",
      endpoints: [{ address: "10.1.1.1" }],
      workloadSelector: { labels: { app: "web" } },
    }),
    istio: "error",
  },
  {
    name: "a selector with a wildcard",
    spec: entry({ resolution: "STATIC", workloadSelector: { labels: { app: "w*" } } }),
    istio: "error",
  },
  { name: "a selector without labels", spec: entry({ resolution: "STATIC", workloadSelector: {} }), istio: "warning" },
  {
    name: "a selector of resolution NONE",
    spec: entry({ resolution: "NONE", workloadSelector: { labels: { app: "web" } } }),
    istio: "warning",
  },
  { name: "a port's name twice", spec: entry({ ports: [HTTP_PORT, { ...HTTP_PORT, number: 81 }] }), istio: "error" },
  { name: "a port twice", spec: entry({ ports: [HTTP_PORT, { ...HTTP_PORT, name: "b" }] }), istio: "error" },
  { name: "a port with a bad name", spec: entry({ ports: [{ ...HTTP_PORT, name: "A_b" }] }), istio: "error" },
  { name: "a port without a name", spec: entry({ ports: [{ number: 80, protocol: "HTTP" }] }), istio: "error" },
  { name: "an unknown protocol", spec: entry({ ports: [{ ...HTTP_PORT, protocol: "SMTP" }] }), istio: "error" },
  { name: "no protocol", spec: entry({ ports: [{ number: 80, name: "a" }] }), istio: "ok" },
  {
    name: "endpoints of resolution NONE",
    spec: entry({ resolution: "NONE", endpoints: [{ address: "10.1.1.1" }] }),
    istio: "error",
  },
  {
    name: "a name as a static endpoint",
    spec: entry({ resolution: "STATIC", endpoints: [{ address: "b.example.com" }] }),
    istio: "error",
  },
  {
    name: "an endpoint's unknown port",
    spec: entry({ resolution: "STATIC", endpoints: [{ address: "10.1.1.1", ports: { b: 80 } }] }),
    istio: "error",
  },
  {
    name: "an endpoint's bad label",
    spec: entry({ resolution: "STATIC", endpoints: [{ address: "10.1.1.1", labels: { "a b": "c" } }] }),
    istio: "error",
  },
  {
    name: "two endpoints of round-robin DNS",
    spec: entry({ resolution: "DNS_ROUND_ROBIN", endpoints: [{ address: "b.com" }, { address: "c.com" }] }),
    istio: "error",
  },
  { name: "several hosts of bytes", spec: entry({ hosts: ["a.com", "b.com"], ports: [TCP_PORT] }), istio: "error" },
  {
    name: "several hosts of bytes without resolution",
    spec: entry({ hosts: ["a.com", "b.com"], ports: [TCP_PORT], resolution: "NONE" }),
    istio: "ok",
  },
  { name: "several hosts of HTTP", spec: entry({ hosts: ["a.com", "b.com"] }), istio: "ok" },
  { name: "exportTo nobody", spec: entry({ exportTo: ["~"] }), istio: "ok" },
  { name: "exportTo nobody and somebody", spec: entry({ exportTo: ["~", "a"] }), istio: "error" },
  { name: "exportTo everybody and others", spec: entry({ exportTo: ["*", "a"] }), istio: "error" },
]);

judge("WorkloadEntry", [
  { name: "an address", spec: { address: "10.1.1.1" }, istio: "ok" },
  { name: "no address", spec: {}, istio: "error" },
  { name: "a network alone", spec: { network: "a" }, istio: "warning" },
  { name: "a bad address", spec: { address: "a_b!" }, istio: "error" },
  { name: "a Unix socket", spec: { address: "unix:///tmp/a" }, istio: "ok" },
  { name: "a Unix socket with ports", spec: { address: "unix:///tmp/a", ports: { http: 80 } }, istio: "error" },
  { name: "a Unix socket of a relative path", spec: { address: "unix://a" }, istio: "error" },
  { name: "a port with a bad name", spec: { address: "10.1.1.1", ports: { A_b: 80 } }, istio: "error" },
  { name: "a port above 65535", spec: { address: "10.1.1.1", ports: { http: 70_000 } }, istio: "error" },
  { name: "a bad label", spec: { address: "10.1.1.1", labels: { "a b": "c" } }, istio: "error" },
]);

function probed(probe: Spec): Spec {
  return { template: { serviceAccount: "a" }, probe };
}

judge("WorkloadGroup", [
  { name: "a template", spec: { template: { serviceAccount: "a" } }, istio: "ok" },
  { name: "no template", spec: {}, istio: "error" },
  { name: "a bad label", spec: { metadata: { labels: { "a b": "c" } }, template: {} }, istio: "error" },
  { name: "a probe by HTTP", spec: probed({ httpGet: { port: 80 } }), istio: "ok" },
  { name: "a probe without a way", spec: probed({ periodSeconds: 1 }), istio: "error" },
  { name: "a probe every -1 s", spec: probed({ periodSeconds: -1, httpGet: { port: 80 } }), istio: "error" },
  { name: "a probe of port 0", spec: probed({ tcpSocket: { port: 0 } }), istio: "error" },
  { name: "a probe by ftp", spec: probed({ httpGet: { port: 80, scheme: "ftp" } }), istio: "error" },
  {
    name: "a probe with a bad header",
    spec: probed({ httpGet: { port: 80, httpHeaders: [{ name: "a b", value: "c" }] } }),
    istio: "error",
  },
  { name: "a probe by no command", spec: probed({ exec: { command: [] } }), istio: "error" },
]);

function ingress(fields: Spec): Spec {
  return {
    ingress: [{ port: { number: 9080, protocol: "HTTP", name: "a" }, defaultEndpoint: "127.0.0.1:8080", ...fields }],
  };
}

function egress(...listeners: readonly Spec[]): Spec {
  return { egress: listeners };
}

judge("Sidecar", [
  { name: "hosts", spec: egress({ hosts: ["./*"] }), istio: "ok" },
  { name: "nothing", spec: {}, istio: "error" },
  {
    name: "a selector with a wildcard",
    spec: { workloadSelector: { labels: { app: "w*" } }, ...egress({ hosts: ["./*"] }) },
    istio: "error",
  },
  {
    name: "a selector without labels",
    spec: { workloadSelector: {}, ...egress({ hosts: ["./*"] }) },
    istio: "warning",
  },
  { name: "ingress", spec: ingress({}), istio: "ok" },
  { name: "ingress without a port", spec: { ingress: [{ defaultEndpoint: "127.0.0.1:80" }] }, istio: "error" },
  {
    name: "ingress with a target port",
    spec: ingress({ port: { number: 9080, protocol: "HTTP", name: "a", targetPort: 1 } }),
    istio: "error",
  },
  {
    name: "ingress with a bad name",
    spec: ingress({ port: { number: 9080, protocol: "HTTP", name: "A_b" } }),
    istio: "error",
  },
  {
    name: "ingress twice on a port",
    spec: { ingress: [...(ingress({}).ingress as Spec[]), ...(ingress({}).ingress as Spec[])] },
    istio: "error",
  },
  { name: "ingress to a port alone", spec: ingress({ defaultEndpoint: ":8080" }), istio: "ok" },
  { name: "ingress at a Unix socket", spec: ingress({ bind: "unix:///tmp/a" }), istio: "error" },
  {
    name: "ingress at a Unix socket without a port",
    spec: ingress({ port: { number: 0, protocol: "HTTP", name: "a" }, bind: "unix:///tmp/a" }),
    istio: "error",
  },
  { name: "ingress to a Unix socket", spec: ingress({ defaultEndpoint: "unix:///tmp/a" }), istio: "ok" },
  { name: "ingress to a relative Unix socket", spec: ingress({ defaultEndpoint: "unix://a" }), istio: "error" },
  { name: "ingress to another host", spec: ingress({ defaultEndpoint: "10.1.1.1:80" }), istio: "error" },
  { name: "ingress to every address", spec: ingress({ defaultEndpoint: "0.0.0.0:80" }), istio: "ok" },
  { name: "ingress to IPv6", spec: ingress({ defaultEndpoint: "[::1]:80" }), istio: "ok" },
  { name: "ingress to no port", spec: ingress({ defaultEndpoint: "127.0.0.1:a" }), istio: "error" },
  {
    name: "ingress without an endpoint",
    spec: { ingress: [{ port: { number: 9080, protocol: "HTTP", name: "a" } }] },
    istio: "ok",
  },
  {
    name: "ingress by TLS on an HTTP port",
    spec: ingress({ tls: { mode: "SIMPLE", serverCertificate: "/a", privateKey: "/b" } }),
    istio: "error",
  },
  {
    name: "ingress by TLS with a credential",
    spec: ingress({
      port: { number: 9443, protocol: "HTTPS", name: "a" },
      tls: { mode: "SIMPLE", credentialName: "a" },
    }),
    istio: "error",
  },
  {
    name: "ingress by ISTIO_MUTUAL",
    spec: ingress({ port: { number: 9443, protocol: "HTTPS", name: "a" }, tls: { mode: "ISTIO_MUTUAL" } }),
    istio: "error",
  },
  {
    name: "HTTP limits of a TCP port",
    spec: ingress({
      port: { number: 9000, protocol: "TCP", name: "a" },
      connectionPool: { http: { http1MaxPendingRequests: 1 } },
    }),
    istio: "warning",
  },
  { name: "egress without hosts", spec: egress({ hosts: [] }), istio: "error" },
  { name: "egress of two listeners for all", spec: egress({ hosts: ["./*"] }, { hosts: ["./*"] }), istio: "error" },
  {
    name: "egress for all, not last",
    spec: egress({ hosts: ["./*"] }, { port: { number: 80, protocol: "HTTP" }, hosts: ["./*"] }),
    istio: "error",
  },
  {
    name: "egress of a port without a protocol",
    spec: egress({ port: { number: 80 }, hosts: ["./*"] }),
    istio: "ok",
  },
  {
    name: "egress twice on a port",
    spec: egress(
      { port: { number: 80, protocol: "HTTP" }, hosts: ["./*"] },
      { port: { number: 80, protocol: "HTTP" }, hosts: ["./*"] },
    ),
    istio: "error",
  },
  {
    name: "egress on a Unix socket",
    spec: egress({ port: { number: 0, protocol: "HTTP" }, bind: "unix:///tmp/a", hosts: ["./*"] }),
    istio: "ok",
  },
  {
    name: "egress on a captured Unix socket",
    spec: egress({
      port: { number: 0, protocol: "HTTP" },
      bind: "unix:///tmp/a",
      captureMode: "IPTABLES",
      hosts: ["./*"],
    }),
    istio: "error",
  },
  { name: "egress on port 0", spec: egress({ port: { number: 0, protocol: "HTTP" }, hosts: ["./*"] }), istio: "error" },
  { name: "egress host without a namespace", spec: egress({ hosts: ["a.com"] }), istio: "error" },
  { name: "egress host of a bad namespace", spec: egress({ hosts: ["A_b/*"] }), istio: "error" },
  { name: "egress hosts twice", spec: egress({ hosts: ["./a.com", "./a.com"] }), istio: "warning" },
  {
    name: "an egress proxy of REGISTRY_ONLY",
    spec: {
      outboundTrafficPolicy: {
        mode: "REGISTRY_ONLY",
        egressProxy: { host: "web.ns.svc.cluster.local", port: { number: 80 } },
      },
    },
    istio: "error",
  },
  {
    name: "an egress proxy without a port",
    spec: { outboundTrafficPolicy: { mode: "ALLOW_ANY", egressProxy: { host: "web.ns.svc.cluster.local" } } },
    istio: "error",
  },
]);

function allow(rules: unknown, rest: Spec = {}): Spec {
  return { rules, ...rest };
}

function from(source: Spec): Spec {
  return allow([{ from: [{ source }] }]);
}

function to(operation: Spec): Spec {
  return allow([{ to: [{ operation }] }]);
}

judge("AuthorizationPolicy", [
  { name: "nothing", spec: {}, istio: "ok" },
  { name: "a rule", spec: allow([{}]), istio: "ok" },
  {
    name: "selector and targetRefs",
    spec: { selector: { matchLabels: { app: "web" } }, targetRefs: [{ kind: "Service", name: "web" }] },
    istio: "error",
  },
  { name: "a selector with a wildcard", spec: { selector: { matchLabels: { app: "w*" } } }, istio: "error" },
  { name: "a selector without labels", spec: { selector: {} }, istio: "warning" },
  {
    name: "a Gateway as target",
    spec: { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "a" }] },
    istio: "ok",
    here: ["warning", "no such Gateway is served yet"],
  },
  {
    name: "a GatewayClass as target",
    spec: { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "GatewayClass", name: "a" }] },
    istio: "ok",
    here: ["warning", "no such Gateway is served yet"],
  },
  {
    name: "a Deployment as target",
    spec: { targetRefs: [{ group: "apps", kind: "Deployment", name: "a" }] },
    istio: "error",
  },
  { name: "a target without a name", spec: { targetRefs: [{ kind: "Service" }] }, istio: "error" },
  {
    name: "a target with a namespace",
    spec: { targetRefs: [{ kind: "Service", name: "web", namespace: "ns" }] },
    istio: "error",
  },
  {
    name: "a Service of another group as target",
    spec: { targetRefs: [{ group: "networking.istio.io", kind: "Service", name: "web" }] },
    istio: "error",
  },
  {
    name: "a Gateway of Istio's as target",
    spec: { targetRefs: [{ group: "networking.istio.io", kind: "Gateway", name: "edge" }] },
    istio: "error",
  },
  {
    name: "a Service of the group core as target",
    spec: { targetRefs: [{ group: "core", kind: "Service", name: "web" }] },
    istio: "ok",
    here: ["warning", "waypoints alone apply it"],
  },
  ...(["ALLOW", "DENY", "AUDIT", "CUSTOM"] as const).flatMap((action): Case[] => {
    const spec = allow([{}], action === "CUSTOM" ? { action, provider: { name: "a" } } : { action });
    const takes = action === "ALLOW" || action === "DENY";
    return ["true", "false", "maybe"].map((value) => ({
      name: `${action} with dry run ${value}`,
      spec,
      annotations: { "istio.io/dry-run": value },
      istio: takes && value !== "maybe" ? "ok" : "error",
    }));
  }),
  {
    name: "a target elsewhere",
    spec: { targetRefs: [{ kind: "Service", name: "web", namespace: "other" }] },
    istio: "error",
  },
  { name: "CUSTOM without rules", spec: { action: "CUSTOM", provider: { name: "a" } }, istio: "error" },
  { name: "CUSTOM without a provider", spec: allow([{}], { action: "CUSTOM" }), istio: "error" },
  {
    name: "CUSTOM for a principal",
    spec: { ...from({ principals: ["a"] }), action: "CUSTOM", provider: { name: "a" } },
    istio: "error",
  },
  { name: "a provider of ALLOW", spec: allow([{}], { provider: { name: "a" } }), istio: "error" },
  { name: "DENY without rules", spec: { action: "DENY" }, istio: "error" },
  { name: "an empty from", spec: allow([{ from: [] }]), istio: "error" },
  { name: "a from without a source", spec: allow([{ from: [{}] }]), istio: "error" },
  { name: "an empty source", spec: from({}), istio: "error" },
  {
    name: "service accounts beside principals",
    spec: from({ serviceAccounts: ["a"], principals: ["b"] }),
    istio: "error",
  },
  { name: "a service account with a wildcard", spec: from({ serviceAccounts: ["*"] }), istio: "error" },
  { name: "a bad address", spec: from({ ipBlocks: ["a"] }), istio: "error" },
  { name: "an empty principal", spec: from({ principals: [""] }), istio: "error" },
  { name: "an empty operation", spec: to({}), istio: "error" },
  { name: "a bad port", spec: to({ ports: ["a"] }), istio: "error" },
  { name: "an empty method", spec: to({ methods: [""] }), istio: "error" },
  { name: "a template", spec: to({ paths: ["/a/{*}/b"] }), istio: "ok" },
  { name: "a bad template", spec: to({ paths: ["/a/{x}"] }), istio: "error" },
  { name: "a condition without values", spec: allow([{ when: [{ key: "source.ip" }] }]), istio: "error" },
  { name: "an unknown condition", spec: allow([{ when: [{ key: "a.b", values: ["c"] }] }]), istio: "error" },
  { name: "DENY by HTTP alone", spec: { ...to({ methods: ["GET"] }), action: "DENY" }, istio: "warning" },
]);

function jwt(fields: Spec): Spec {
  return {
    jwtRules: [
      { issuer: "https://a.example.com", jwks: JSON.stringify({ keys: [{ kty: "oct", k: "AAAA" }] }), ...fields },
    ],
  };
}

judge("RequestAuthentication", [
  { name: "no rules", spec: {}, istio: "ok" },
  {
    name: "selector and targetRefs",
    spec: { selector: { matchLabels: { app: "web" } }, targetRefs: [{ kind: "Service", name: "web" }] },
    istio: "error",
  },
  { name: "an empty audience", spec: jwt({ audiences: [""] }), istio: "error" },
  { name: "keys at an address, of any issuer", spec: { jwtRules: [{ jwksUri: "https://a.org/keys" }] }, istio: "ok" },
  { name: "an issuer alone", spec: { jwtRules: [{ issuer: "https://a.org" }] }, istio: "ok" },
  { name: "a dry run", spec: jwt({}), annotations: { "istio.io/dry-run": "true" }, istio: "error" },
  { name: "neither issuer nor jwksUri, nor keys", spec: { jwtRules: [{}] }, istio: "error" },
  { name: "neither issuer nor jwksUri", spec: { jwtRules: [{ jwks: "{}" }] }, istio: "error" },
  {
    name: "an issuer that is no address",
    spec: { jwtRules: [{ issuer: "me@example.com" }] },
    istio: "ok",
    here: ["warning", "istiod makes a key of its own for it, so that no token is right"],
  },
  { name: "a bad jwksUri", spec: { jwtRules: [{ issuer: "a", jwksUri: "ftp://a" }] }, istio: "error" },
  { name: "bad keys", spec: { jwtRules: [{ issuer: "a", jwks: "no" }] }, istio: "error" },
  { name: "a header without a name", spec: jwt({ fromHeaders: [{ prefix: "a" }] }), istio: "error" },
  { name: "an empty parameter", spec: jwt({ fromParams: [""] }), istio: "error" },
  { name: "an empty cookie", spec: jwt({ fromCookies: [""] }), istio: "error" },
  { name: "a claim to no header", spec: jwt({ outputClaimToHeaders: [{ claim: "a" }] }), istio: "error" },
  {
    name: "a claim to a bad header",
    spec: jwt({ outputClaimToHeaders: [{ claim: "a", header: "b c" }] }),
    istio: "error",
  },
  { name: "a time-out of 0", spec: jwt({ timeout: "0s" }), istio: "error" },
]);

judge("PeerAuthentication", [
  { name: "a dry run", spec: {}, annotations: { "istio.io/dry-run": "false" }, istio: "error" },
  ...["parents", "parent-namespace", "webhook-always-reject"].map(
    (name): Case => ({
      name: `the annotation ${name} of istiod's own`,
      spec: {},
      annotations: { [`internal.istio.io/${name}`]: "a" },
      istio: "error",
    }),
  ),
  { name: "a mode", spec: { mtls: { mode: "STRICT" } }, istio: "ok" },
  { name: "ports without a selector", spec: { portLevelMtls: { 80: { mode: "STRICT" } } }, istio: "error" },
  {
    name: "ports of an empty selector",
    spec: { selector: {}, portLevelMtls: { 80: { mode: "STRICT" } } },
    istio: "error",
  },
  { name: "no ports", spec: { selector: { matchLabels: { app: "web" } }, portLevelMtls: {} }, istio: "error" },
  {
    name: "port 0",
    spec: { selector: { matchLabels: { app: "web" } }, portLevelMtls: { 0: { mode: "STRICT" } } },
    istio: "error",
  },
  { name: "a selector with a wildcard", spec: { selector: { matchLabels: { app: "w*" } } }, istio: "error" },
  { name: "a selector without labels", spec: { selector: {} }, istio: "warning" },
]);
