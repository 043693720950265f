// What is in force while requests are compared with their explanations: of every kind that routes or refuses, something.

export interface Places {
  /** Of the access log that all proxies write to. */
  readonly log: string;
  /** Of an application without a proxy. */
  readonly barePort: number;
  /** Who is asked for tokens, and whose are believed. */
  readonly tokens: string | undefined;
}

/** `%REQ(X-CASE)%` tells whose line it is. */
const LOG_FORMAT = JSON.stringify({
  case: "%REQ(X-CASE)%",
  local: "%DOWNSTREAM_LOCAL_ADDRESS%",
  status: "%RESPONSE_CODE%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  route: "%ROUTE_NAME%",
});

function settings(log: string): string {
  return `
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    accessLogFile: ${log}
    accessLogEncoding: JSON
    accessLogFormat: '${LOG_FORMAT}'
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
    pathNormalization: {normalization: MERGE_SLASHES}`;
}

function external(host: string, endpoints: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host}, namespace: default}
spec:
  hosts: [${host}]
  ports: [{name: http, number: 80, protocol: HTTP}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ${endpoints}`;
}

const SECURITY = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: silver, namespace: default}
spec: {selector: {matchLabels: {app: silver}}, mtls: {mode: PERMISSIVE}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: golden-deny, namespace: default}
spec:
  selector: {matchLabels: {app: golden}}
  action: DENY
  rules:
  - to: [{operation: {paths: ["/secret*", "*/hidden"]}}, {operation: {methods: [DELETE]}}]
  - when: [{key: "request.headers[x-deny]", values: ["yes*"]}]
  - from: [{source: {principals: [cluster.local/ns/default/sa/other]}}]
    to: [{operation: {paths: ["/weights/*"], notMethods: [GET]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: golden-allow, namespace: default}
spec:
  selector: {matchLabels: {app: golden}}
  action: ALLOW
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/client, cluster.local/ns/default/sa/edge, "*/sa/envoy"]}}]
    to: [{operation: {methods: [GET, POST, PUT, HEAD, DELETE]}}]
  - from: [{source: {principals: [cluster.local/ns/default/sa/other]}}]
    to: [{operation: {paths: [/, "/open*", "/weights*", "/new*"]}}]
  - when: [{key: "request.headers[x-vip]", values: ["*"]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: silver-allow, namespace: default}
spec:
  selector: {matchLabels: {app: silver}}
  action: ALLOW
  rules:
  - from: [{source: {namespaces: [default]}}]
    to: [{operation: {hosts: ["silver*", shop.test, "*.wild.test", "golden*"], notPaths: ["/secret*"]}}]
  - from: [{source: {remoteIpBlocks: [203.0.113.0/24]}}]
  - from: [{source: {notPrincipals: ["*"], ipBlocks: [127.0.0.0/8]}}]
    to: [{operation: {paths: ["/open*"]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: silver-trial, namespace: default, annotations: {istio.io/dry-run: "true"}}
spec:
  selector: {matchLabels: {app: silver}}
  action: DENY
  rules: [{to: [{operation: {methods: [GET]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: edge-deny, namespace: default}
spec:
  selector: {matchLabels: {istio: edge}}
  action: DENY
  rules:
  - to: [{operation: {methods: [PATCH], notHosts: [golden.test]}}]
  - to: [{operation: {hosts: ["*.wild.test"], paths: ["/weights*", "/moved"]}}]
  - from: [{source: {notIpBlocks: [127.0.0.0/8]}}]`;

const POLICIES = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden, namespace: default}
spec:
  host: golden
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
  - {name: nobody, labels: {version: v9}}
  - {name: plain, labels: {version: v1}, trafficPolicy: {tls: {mode: DISABLE}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: silver, namespace: default}
spec:
  host: silver
  subsets: [{name: plain, trafficPolicy: {tls: {mode: DISABLE}}}]`;

const ROUTES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden, namespace: default}
spec:
  hosts: [golden]
  http:
  - name: direct
    match: [{uri: {exact: /direct}}, {uri: {prefix: /teapot}, method: {exact: PUT}}]
    directResponse: {status: 418, body: {string: short and stout}}
  - name: moved
    match: [{uri: {prefix: /moved}}]
    redirect: {uri: /elsewhere, authority: other.test, redirectCode: 302}
  - match: [{uri: {prefix: /prefix/}}]
    redirect: {uri: "%PREFIX()%/there", scheme: https, port: 8443}
  - name: rewritten
    match: [{uri: {prefix: /old/}}]
    rewrite: {uri: /new/, authority: rewritten.test}
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{uri: {regex: "/re/[0-9]+(/.*)?"}}]
    rewrite: {uriRegexRewrite: {match: "/re/([0-9]+)", rewrite: '/number/\\1'}}
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{headers: {x-canary: {exact: "yes"}}, method: {regex: "GET|POST"}}]
    headers: {request: {set: {x-set: by-route}, add: {x-added: more}, remove: [x-gone]}}
    route: [{destination: {host: golden, subset: v2}, headers: {request: {set: {x-set: by-destination}}}}]
  - match: [{queryParams: {to: {exact: silver}}}, {uri: {prefix: /silver}, withoutHeaders: {x-vip: {}}}]
    route: [{destination: {host: silver}}]
  - match: [{uri: {prefix: /nobody}}]
    route: [{destination: {host: golden, subset: nobody}}]
  - match: [{uri: {prefix: /absent}}]
    route: [{destination: {host: golden, subset: absent}}]
  - match: [{uri: {prefix: /plain}}]
    route: [{destination: {host: golden, subset: plain}}]
  - match: [{uri: {prefix: /abort}}]
    fault: {abort: {httpStatus: 409, percentage: {value: 100}}}
    route: [{destination: {host: golden}}]
  - match: [{uri: {prefix: /weights}}]
    route:
    - {destination: {host: golden, subset: v1}, weight: 70}
    - {destination: {host: golden, subset: v2}, weight: 30}
  - match: [{sourceLabels: {app: other}, uri: {prefix: /open}}]
    route: [{destination: {host: golden, subset: v2}}]
  - name: secure
    match: [{uri: {prefix: /scheme}, scheme: {exact: https}}]
    redirect: {uri: /secure}
  - match: [{uri: {prefix: /CaSe}, ignoreUriCase: true}]
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{authority: {prefix: golden.default}, uri: {prefix: /named}}]
    route: [{destination: {host: silver, subset: plain}}]
  - match: [{uri: {prefix: /}, withoutHeaders: {x-nothing: {exact: here}}}]
    timeout: 20s
    route: [{destination: {host: golden}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: default}
spec:
  hosts: [shop.test]
  gateways: [edge, mesh]
  http:
  - match: [{uri: {prefix: /detail}}]
    delegate: {name: shop-detail, namespace: default}
  - match: [{uri: {prefix: /only-edge}, gateways: [edge]}]
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{uri: {prefix: /outside}}]
    route: [{destination: {host: outside.test}}]
  - match: [{headers: {cookie: {regex: "^(.*?;)?(user=vip)(;.*)?$"}}}]
    route: [{destination: {host: golden, subset: v2}}]
  - match: [{uri: {prefix: /silver}}]
    rewrite: {uri: /open}
    route: [{destination: {host: silver, subset: plain}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop-detail, namespace: default}
spec:
  http:
  - match: [{uri: {prefix: /detail/secret}}]
    rewrite: {uri: /secret}
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{uri: {prefix: /detail}}]
    route: [{destination: {host: silver}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  selector: {istio: edge}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.test, golden.test, "*.wild.test"]}
  - {port: {number: 80, name: secure, protocol: HTTP}, hosts: [secure.test], tls: {httpsRedirect: true}}
  - {port: {number: 81, name: other, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge, namespace: default}
spec:
  hosts: [golden.test, "*.wild.test"]
  gateways: [edge]
  http:
  - match: [{uri: {prefix: /open}, port: 81}]
    route: [{destination: {host: silver, subset: plain}}]
  - match: [{uri: {prefix: /open}}, {uri: {exact: /}}]
    route: [{destination: {host: golden, subset: v1}}]
  - match: [{uri: {prefix: /moved}}]
    redirect: {derivePort: FROM_REQUEST_PORT, redirectCode: 308}
  - match: [{headers: {x-canary: {prefix: "y"}}}]
    headers: {request: {set: {x-host: "%REQ(:AUTHORITY)%"}}}
    route: [{destination: {host: golden, subset: v2}}]
  - route: [{destination: {host: silver}}]`;

export function objectsOf({ log, barePort, tokens }: Places): string {
  return [
    settings(log),
    SECURITY,
    POLICIES,
    ROUTES,
    ...(tokens === undefined ? [] : [tokens]),
    external("outside.test", `endpoints: [{address: 127.0.0.1, ports: {http: ${barePort}}}]`),
    external("nowhere.test", "workloadSelector: {labels: {app: nobody}}"),
  ].join("\n---\n");
}
