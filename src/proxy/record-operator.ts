// The operators without an argument, for one record. Undefined is absent.

import { hostname } from "node:os";
import type { HeaderList } from "../http/headers.ts";
import type { RequestHead, ResponseHead } from "../http/stream.ts";
import type { PlainOperator } from "../table/format/catalogue.ts";
import type { Route } from "../table/route.ts";
import { type DownstreamFacts, formatSocketAddress } from "./connection-facts.ts";
import { explanation } from "./explanation.ts";
import { downstreamBytes, type RecordBytes, upstreamBytes } from "./record-bytes.ts";
import { longFlags } from "./response-flags.ts";
import { addressOf, portOf } from "./socket-label.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** What the operators read of an AccessRecord. */
export interface OperatorFacts extends RecordBytes {
  readonly facts: DownstreamFacts;
  readonly request: RequestHead | undefined;
  readonly response: ResponseHead | undefined;
  readonly trailers: HeaderList | undefined;
  readonly route: Route | undefined;
  readonly cluster: Cluster | undefined;
  readonly clusterName: string;
  readonly host: Host | undefined;
  readonly upstreamLocal: string;
  readonly upstreamProtocol: string | undefined;
  readonly attempts: number;
  readonly status: number;
  readonly flags: string;
  readonly details: string | undefined;
  readonly transportFailure: string | undefined;
  readonly terminationDetails: string | undefined;
  readonly durationMs: number;
  requestHeader(name: string): string | undefined;
}

/** Envoy asks gethostname, as this does. */
const HOSTNAME = hostname();

/** Names and values alone, as Envoy counts a header map. */
function fieldBytes(headers: HeaderList | undefined): number {
  let bytes = 0;
  if (headers) for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length;
  return bytes;
}

function requestBytes({ request }: OperatorFacts): number {
  if (!request) return 0;
  const pseudo = ":method".length + request.method.length + ":authority".length + request.authority.length;
  const path = request.path === "" ? 0 : ":path".length + request.path.length;
  const length = request.contentLength < 0 ? 0 : "content-length".length + String(request.contentLength).length;
  return pseudo + path + ":scheme".length + request.scheme.length + length + fieldBytes(request.headers);
}

function responseBytes({ response }: OperatorFacts): number {
  if (!response) return 0;
  const length = response.contentLength < 0 ? 0 : "content-length".length + String(response.contentLength).length;
  return ":status".length + String(response.status).length + length + fieldBytes(response.headers);
}

function queryOf(record: OperatorFacts): string | undefined {
  const path = record.requestHeader("x-envoy-original-path") ?? record.request?.path;
  const start = path?.indexOf("?") ?? -1;
  return path === undefined || start === -1 ? undefined : path.slice(start + 1);
}

/** Of a cluster that is not there Envoy knows no name. */
function clusterNameOf({ clusterName, cluster, flags }: OperatorFacts): string | undefined {
  return clusterName === "" || (!cluster && flags.includes("NC")) ? undefined : clusterName;
}

const OPERATORS: Readonly<Record<PlainOperator, (record: OperatorFacts) => string | number | undefined>> = {
  PROTOCOL: ({ request }) => request?.protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_FLAGS: ({ flags }) => flags,
  RESPONSE_FLAGS_LONG: ({ flags }) => longFlags(flags),
  RESPONSE_CODE_DETAILS: ({ details }) => details,
  CONNECTION_TERMINATION_DETAILS: ({ terminationDetails }) => terminationDetails,
  BYTES_RECEIVED: ({ bytesReceived }) => bytesReceived,
  BYTES_SENT: ({ bytesSent }) => bytesSent,
  UPSTREAM_WIRE_BYTES_SENT: (record) => upstreamBytes(record, "wireSent"),
  UPSTREAM_WIRE_BYTES_RECEIVED: (record) => upstreamBytes(record, "wireReceived"),
  UPSTREAM_HEADER_BYTES_SENT: (record) => upstreamBytes(record, "headerSent"),
  UPSTREAM_HEADER_BYTES_RECEIVED: (record) => upstreamBytes(record, "headerReceived"),
  DOWNSTREAM_WIRE_BYTES_SENT: (record) => downstreamBytes(record, "wireSent"),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: (record) => downstreamBytes(record, "wireReceived"),
  DOWNSTREAM_HEADER_BYTES_SENT: (record) => downstreamBytes(record, "headerSent"),
  DOWNSTREAM_HEADER_BYTES_RECEIVED: (record) => downstreamBytes(record, "headerReceived"),
  REQUEST_HEADERS_BYTES: requestBytes,
  RESPONSE_HEADERS_BYTES: responseBytes,
  RESPONSE_TRAILERS_BYTES: ({ trailers }) => fieldBytes(trailers),
  DURATION: ({ durationMs }) => Math.floor(durationMs),
  ROUTE_NAME: ({ route }) => route?.name || undefined,
  // Virtual clusters are refused with the route that has them.
  VIRTUAL_CLUSTER_NAME: () => undefined,
  QUERY_PARAMS: queryOf,
  HOSTNAME: () => HOSTNAME,
  STREAM_ID: (record) => record.requestHeader("x-request-id"),
  UNIQUE_ID: () => crypto.randomUUID(),
  HEDDLE_EXPLANATION: explanation,
  ACCESS_LOG_TYPE: ({ logType }) => logType,

  UPSTREAM_HOST: ({ host }) => host?.label,
  UPSTREAM_REMOTE_ADDRESS: ({ host }) => host?.label,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ host }) => host && addressOf(host.label),
  UPSTREAM_REMOTE_PORT: ({ host }) => host && portOf(host.label),
  UPSTREAM_CLUSTER: (record) => record.cluster?.table.statName ?? clusterNameOf(record),
  UPSTREAM_CLUSTER_RAW: clusterNameOf,
  UPSTREAM_LOCAL_ADDRESS: ({ upstreamLocal }) => upstreamLocal || undefined,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ upstreamLocal }) =>
    upstreamLocal === "" ? undefined : addressOf(upstreamLocal),
  UPSTREAM_LOCAL_PORT: ({ upstreamLocal }) => (upstreamLocal === "" ? undefined : portOf(upstreamLocal)),
  // Of a request, Envoy counts from the choice of the cluster on, with or without a host.
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ cluster, request, attempts }) =>
    cluster && request ? Math.max(1, attempts) : attempts,
  UPSTREAM_PEER_URI_SAN: ({ host }) => host?.principal || undefined,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ transportFailure }) => transportFailure,
  UPSTREAM_PROTOCOL: ({ upstreamProtocol }) => upstreamProtocol,

  DOWNSTREAM_LOCAL_ADDRESS: ({ facts }) => facts.localLabel,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ facts }) => facts.localAddress,
  DOWNSTREAM_LOCAL_PORT: ({ facts }) => facts.localPort,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: ({ facts }) => formatSocketAddress(facts.directLocal),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: ({ facts }) => facts.directLocal.address,
  DOWNSTREAM_DIRECT_LOCAL_PORT: ({ facts }) => facts.directLocal.port,
  DOWNSTREAM_REMOTE_ADDRESS: ({ facts }) => facts.remoteLabel,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ facts }) => facts.remoteAddress,
  DOWNSTREAM_REMOTE_PORT: ({ facts }) => facts.remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ facts }) => formatSocketAddress(facts.directRemote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ facts }) => facts.directRemote.address,
  DOWNSTREAM_DIRECT_REMOTE_PORT: ({ facts }) => facts.directRemote.port,
  REQUESTED_SERVER_NAME: ({ facts }) => facts.serverName || undefined,
  CONNECTION_ID: ({ facts }) => facts.connectionId,

  DOWNSTREAM_PEER_URI_SAN: ({ facts }) => facts.principal || undefined,
  DOWNSTREAM_PEER_DNS_SAN: ({ facts }) => facts.peer?.dnsNames.join(",") || undefined,
  DOWNSTREAM_PEER_SUBJECT: ({ facts }) => facts.peer?.subject,
  DOWNSTREAM_PEER_ISSUER: ({ facts }) => facts.peer?.issuer,
  DOWNSTREAM_PEER_SERIAL: ({ facts }) => facts.peer?.serial,
  DOWNSTREAM_PEER_FINGERPRINT_1: ({ facts }) => facts.peer?.fingerprint("sha1"),
  DOWNSTREAM_PEER_FINGERPRINT_256: ({ facts }) => facts.peer?.fingerprint("sha256"),
  DOWNSTREAM_PEER_CERT: ({ facts }) => facts.peer?.pem,
  DOWNSTREAM_TLS_VERSION: ({ facts }) => facts.tls?.version,
  DOWNSTREAM_TLS_CIPHER: ({ facts }) => facts.tls?.cipher,
};

export function recordOperator(name: PlainOperator, record: OperatorFacts): string | number | undefined {
  return OPERATORS[name](record);
}
