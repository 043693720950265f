import type { KindWords } from "../words.ts";

export const VIRTUAL_SERVICE: KindWords = {
  about: "Where the requests for a host go, and what happens to them on their way",
  proxies: "Clients' sidecars and gateways act on it, Heddle's proxy and Envoy alike.",
  fields: {
    "spec.hosts": {
      says: "Hosts that the routes are for: names, short names of the namespace's services, *.example.com, addresses",
      default: "none: the object is a delegate, which others name",
    },
    "spec.gateways": {
      says: 'Gateways whose proxies have the routes, as name or namespace/name; "mesh" for all sidecars',
      default: "[mesh]",
    },
    "spec.http": "Routes of HTTP requests; the first that matches counts",
    "spec.tls": "Routes of TLS connections that are not ended here, by SNI",
    "spec.tcp": "Routes of other connections",

    "http.name": "Name of the route, for logs and explanations",
    "http.match": { says: "Requests that the route is for: one block must hold, all of it", default: "every request" },
    "http.route": "Where the requests go, in shares by weight",
    "http.redirect": "Answers with a redirect",
    "http.directResponse": "Answers with this",
    "http.delegate": "Takes the routes of another VirtualService, one without hosts",
    "http.rewrite": "What is changed of path and authority before the request goes on",
    "http.timeout": { says: "How long a request may take, retries included", default: "no limit" },
    "http.retries": {
      says: "When a failed request is tried again",
      default: "MeshConfig's defaultHttpRetryPolicy: 2 retries",
    },
    "http.fault": "Failures that are made on purpose",
    "http.mirror": { says: "A destination that gets a copy of each request; its answers are dropped", default: "none" },
    "http.mirrors": "Several such destinations, each with its percentage",
    "http.mirrorPercent": {
      says: "Percentage of the requests that are copied",
      default: "100",
      deprecated: "mirrorPercentage",
    },
    "http.mirrorPercentage": { says: "Percentage of the requests that are copied", default: "100" },
    "http.corsPolicy": "Which other origins a browser may let call (CORS)",
    "http.headers": "What is changed of the headers, for all destinations of the route",

    "match.name": "Name of the match, for logs and explanations",
    "match.uri": "The path, without the query; {prefix: /foo} takes /foobar as well",
    "match.scheme": "http or https",
    "match.method": "The method, in its own letters",
    "match.authority": "The Host header or :authority",
    "match.headers": "Headers by name; {} and regex * ask only whether it is there",
    "match.withoutHeaders": "Headers that must not match; one that is missing counts as empty",
    "match.queryParams": "Query parameters by name; {} and regex * ask only whether it is there",
    "match.port": "Port that the client asked for; chooses the listeners that have the route",
    "match.sourceLabels": "Labels of clients whose sidecars have the route",
    "match.sourceNamespace": "Namespace of clients whose sidecars have the route",
    "match.gateways": { says: "Gateways that have the route, a part of spec.gateways", default: "spec.gateways" },
    "match.ignoreUriCase": { says: "Whether exact and prefix of uri take either case", default: "false" },
    "match.statPrefix":
      "Statistics of the match that Envoy keeps, as vhost.NAME.route.PREFIX; Heddle's proxy keeps none",

    destination: "A service, a subset of it, and a port",
    "destination.host": "Name of the service; without a dot, one of the VirtualService's namespace",
    "destination.subset": "Name of a subset in the host's DestinationRule",
    "destination.port": { says: "Port of the service", default: "its only port, or the one that the client asked for" },
    "destination.port.number": "Number of the port",
    "mirror.host": "Name of the service",
    "mirror.subset": "Name of a subset in the host's DestinationRule",
    "mirror.port": { says: "Port of the service", default: "its only port, or the one that the client asked for" },
    "mirror.port.number": "Number of the port",
    "mirrors.percentage": { says: "Percentage of the requests that are copied", default: "100" },
    "percentage.value": { says: "The percentage, 0 to 100, to a ten-thousandth", default: "0" },
    "mirrorPercentage.value": { says: "The percentage, 0 to 100, to a ten-thousandth", default: "0" },
    "route.weight": {
      says: "Share of the requests, relative to the other weights",
      default: "0; a single destination gets all",
    },
    "route.headers": "What is changed of the headers, for this destination alone",
    "headers.request": "Of the request",
    "headers.response": "Of the response",
    "request.set": "Headers that are written over",
    "request.add": "Headers that are added to those of the same name",
    "request.remove": "Headers that are taken out",
    "response.set": "Headers that are written over",
    "response.add": "Headers that are added to those of the same name",
    "response.remove": "Headers that are taken out",

    "redirect.uri": "The new path, instead of all of the old one",
    "redirect.prefixRewrite": "What takes the place of the path's matched prefix",
    "redirect.authority": { says: "The new host", default: "the request's" },
    "redirect.port": { says: "The new port", default: "the scheme's" },
    "redirect.derivePort": {
      says: "Where the port comes from: the scheme's, or the one that was asked",
      default: "FROM_PROTOCOL_DEFAULT",
    },
    "redirect.scheme": { says: "The new scheme", default: "the request's" },
    "redirect.redirectCode": { says: "Status of the answer: 301, 302, 303, 307 or 308", default: "301" },
    "directResponse.status": "Status of the answer",
    "directResponse.body": { says: "Body of the answer", default: "empty" },
    "body.string": "The body as text",
    "body.bytes": "The body in base64",
    "delegate.name": "Name of the VirtualService",
    "delegate.namespace": { says: "Its namespace", default: "the object's own" },
    "rewrite.authority": "What Host becomes",
    "rewrite.uri": "What takes the place of the matched prefix; of all of the path when the match is exact or a regex",
    "rewrite.uriRegexRewrite": "Rewrites the path by a regular expression",
    "uriRegexRewrite.match": "The expression (RE2) for what is replaced",
    "uriRegexRewrite.rewrite": "What takes its place; \\1 is the first group",

    "retries.attempts": { says: "Retries after the first try; 0 turns them off", default: "0" },
    "retries.perTryTimeout": { says: "How long one try may take", default: "the route's timeout" },
    "retries.retryOn": {
      says: "What is tried again, by commas: Envoy's conditions and statuses",
      default: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
    },
    "retries.retryRemoteLocalities": { says: "Whether retries may go to other localities", default: "false" },
    "retries.retryIgnorePreviousHosts": { says: "Whether retries pass by hosts that failed", default: "true" },
    "retries.backoff": { says: "Pause before the first retry; later ones are longer", default: "25ms" },

    "fault.delay": "Lets requests wait before they go on",
    "fault.abort": "Answers requests with an error",
    "delay.fixedDelay": "How long they wait",
    "delay.exponentialDelay": "Mean of delays that differ",
    "delay.percentage": { says: "Percentage of the requests that wait", default: "0: none" },
    "delay.percent": { says: "Percentage of the requests that wait", deprecated: "percentage" },
    "abort.httpStatus": "Status of the answer",
    "abort.grpcStatus": "gRPC status of the answer, by name",
    "abort.http2Error": "HTTP/2 error of the stream",
    "abort.percentage": { says: "Percentage of the requests that are answered so", default: "0: none" },

    "corsPolicy.allowOrigins": "Origins that may call",
    "corsPolicy.allowOrigin": { says: "Origins that may call, exact", deprecated: "allowOrigins" },
    "corsPolicy.allowMethods": "Methods that they may use",
    "corsPolicy.allowHeaders": "Headers that they may send",
    "corsPolicy.exposeHeaders": "Headers that they may read",
    "corsPolicy.maxAge": "How long a browser may keep the answer, in whole seconds",
    "corsPolicy.allowCredentials": { says: "Whether cookies and credentials may be sent", default: "false" },
    "corsPolicy.unmatchedPreflights": {
      says: "Whether preflights of other origins go on to the application",
      default: "FORWARD",
    },

    "tls.match": "SNI and places that the route is for: one block must hold",
    "tls.route": "Where the connections go, in shares by weight",
    "tcp.match": {
      says: "Addresses and places that the route is for: one block must hold",
      default: "every connection",
    },
    "tcp.route": "Where the connections go, in shares by weight",
    "match.sniHosts": "Server names of the handshake, *.example.com too",
    "match.destinationSubnets": "Addresses that the client asked for, as CIDR",
    "match.sourceSubnet": "Addresses of clients, as CIDR",
  },
  example: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  hosts: [reviews]
  http:
  - name: beta
    match:
    - headers:
        x-user-group: {exact: beta}
    route:
    - destination: {host: reviews, subset: v2}
  - name: main
    route:
    - destination: {host: reviews, subset: v1}
      weight: 90
    - destination: {host: reviews, subset: v2}
      weight: 10
    timeout: 5s
    retries: {attempts: 2, perTryTimeout: 2s, retryOn: "5xx,connect-failure"}
`,
};
