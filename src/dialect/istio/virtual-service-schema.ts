// Every field of networking.istio.io VirtualService.

import { GRPC_CODES } from "../../base/grpc-code.ts";
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
  real,
  record,
  required,
  text,
  textOrUnset,
  type Value,
  whole,
} from "../schema.ts";

const STRING_MATCH = record({ exact: text(), prefix: text(), regex: text("regex") }, [["exact", "prefix", "regex"]]);

/** Of headers and query parameters: `{}` and regex `*` ask only whether it is there. */
const PRESENCE_MATCH = record({ exact: text(), prefix: text(), regex: text("regex-or-any") }, [
  ["exact", "prefix", "regex"],
]);

const LABELS = mapOf(text("label-value"), "label-key");

/** Names and target ports of a service's ports are no way to name one here: Istio takes numbers alone. */
const DESTINATION = record({
  host: required(notEmpty("host-or-address")),
  subset: textOrUnset("dns-label"),
  port: record({ number: required(port()) }),
});

/** 0 is unset: proto3 has no other way to say so of a plain number. */
const PORT_OR_ANY = whole(0, 65_535);

const HEADER_OPERATIONS = record({
  set: mapOf(text(), "header-name"),
  add: mapOf(text(), "header-name"),
  remove: list(text("header-name")),
});
const HEADERS = record({ request: HEADER_OPERATIONS, response: HEADER_OPERATIONS });

/** `port`, `sourceLabels`, `sourceNamespace` and `gateways` choose the proxies that get the route; a request is never asked for them. */
const HTTP_MATCH = record({
  name: text(),
  uri: STRING_MATCH,
  scheme: STRING_MATCH,
  method: STRING_MATCH,
  authority: STRING_MATCH,
  headers: mapOf(PRESENCE_MATCH, "header-name"),
  withoutHeaders: mapOf(PRESENCE_MATCH, "header-name"),
  queryParams: mapOf(PRESENCE_MATCH),
  port: PORT_OR_ANY,
  sourceLabels: LABELS,
  sourceNamespace: textOrUnset("dns-label"),
  gateways: list(notEmpty()),
  ignoreUriCase: flag(),
  statPrefix: text(),
});

/** HTTPRetry, which MeshConfig has as well. */
export const RETRIES = record({
  attempts: whole(0, 2 ** 31 - 1),
  perTryTimeout: duration(),
  retryOn: text(),
  retryRemoteLocalities: flag(),
  retryIgnorePreviousHosts: flag(),
  backoff: duration(),
});

const PERCENT = record({ value: real(0, 100) });

const FAULT = record({
  delay: record(
    {
      fixedDelay: duration(),
      exponentialDelay: later("Istio has never had it: there is no delay"),
      percentage: PERCENT,
      /** Deprecated, whole. */
      percent: whole(0, 100),
    },
    [["percentage", "percent"]],
  ),
  abort: record(
    {
      httpStatus: whole(200, 599),
      grpcStatus: choice(...GRPC_CODES),
      http2Error: later("Istio has never had it: nothing is aborted"),
      percentage: PERCENT,
    },
    [["httpStatus", "grpcStatus"]],
  ),
});

const CORS_POLICY = record({
  allowOrigins: list(STRING_MATCH),
  /** Deprecated: exact ones. */
  allowOrigin: list(notEmpty()),
  allowMethods: list(notEmpty()),
  allowHeaders: list(notEmpty("header-name")),
  exposeHeaders: list(notEmpty("header-name")),
  maxAge: duration(),
  allowCredentials: flag(),
  unmatchedPreflights: choice("UNSPECIFIED", "FORWARD", "IGNORE"),
});

const HTTP_ROUTE = record({
  name: text(),
  match: list(HTTP_MATCH),
  route: list(record({ destination: required(DESTINATION), weight: whole(0, 2 ** 31 - 1), headers: HEADERS })),
  redirect: record(
    {
      uri: textOrUnset(),
      prefixRewrite: textOrUnset(),
      authority: textOrUnset(),
      port: PORT_OR_ANY,
      derivePort: choice("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
      scheme: textOrUnset(),
      redirectCode: whole(0, 999),
    },
    [
      ["port", "derivePort"],
      ["uri", "prefixRewrite"],
    ],
  ),
  directResponse: record({
    status: required(whole(200, 599)),
    body: record({ string: text(), bytes: text("base64") }, [["string", "bytes"]]),
  }),
  delegate: record({ name: required(notEmpty()), namespace: textOrUnset() }),
  rewrite: record(
    {
      authority: textOrUnset(),
      uri: textOrUnset(),
      uriRegexRewrite: record({ match: required(notEmpty("regex")), rewrite: required(notEmpty()) }),
    },
    [["uri", "uriRegexRewrite"]],
  ),
  timeout: duration(),
  retries: RETRIES,
  fault: FAULT,
  mirror: DESTINATION,
  mirrors: list(record({ destination: required(DESTINATION), percentage: PERCENT })),
  /** Deprecated, whole. */
  mirrorPercent: whole(0, 100),
  mirrorPercentage: PERCENT,
  corsPolicy: CORS_POLICY,
  headers: HEADERS,
});

/** Shared by tls and tcp matches. */
const L4_MATCH = {
  destinationSubnets: list(text("cidr")),
  port: PORT_OR_ANY,
  sourceLabels: LABELS,
  sourceNamespace: textOrUnset("dns-label"),
  gateways: list(notEmpty()),
} as const;

const TCP_MATCH = {
  ...L4_MATCH,
  // Istio hides it, and reads it nowhere: of tls matches it was taken away.
  sourceSubnet: later("as in Istio, connections are matched whatever their source address"),
} as const;

const L4_DESTINATIONS = list(record({ destination: required(DESTINATION), weight: whole(0, 2 ** 31 - 1) }));

export const VIRTUAL_SERVICE = record({
  apiVersion: text(),
  kind: text(),
  metadata: openRecord({}),
  spec: required(
    record({
      hosts: list(notEmpty("wildcard-host")),
      gateways: list(notEmpty()),
      http: list(HTTP_ROUTE),
      tls: list(
        record({
          match: required(list(record({ ...L4_MATCH, sniHosts: required(list(notEmpty("wildcard-host"))) }))),
          route: required(L4_DESTINATIONS),
        }),
      ),
      tcp: list(record({ match: list(record(TCP_MATCH)), route: required(L4_DESTINATIONS) })),
      exportTo: list(notEmpty()),
    }),
  ),
  status: openRecord({}),
});

export type VirtualServiceSpec = NonNullable<Value<typeof VIRTUAL_SERVICE>["spec"]>;
export type HttpRouteSpec = Value<typeof HTTP_ROUTE>;
export type FaultSpec = Value<typeof FAULT>;
export type CorsPolicySpec = Value<typeof CORS_POLICY>;
export type PercentSpec = Value<typeof PERCENT>;
export type HttpMatchSpec = Value<typeof HTTP_MATCH>;
export type StringMatchSpec = Value<typeof STRING_MATCH>;
export type HeadersSpec = Value<typeof HEADERS>;
export type DestinationSpec = Value<typeof DESTINATION>;
export type TlsRouteSpec = NonNullable<VirtualServiceSpec["tls"]>[number];
export type TcpRouteSpec = NonNullable<VirtualServiceSpec["tcp"]>[number];
